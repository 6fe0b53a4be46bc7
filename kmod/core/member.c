// SPDX-License-Identifier: GPL-2.0-only
/* Membership, and the home of a page. */
#include "member.h"

bool dsm_member_has(const struct dsm_members *m, u16 node)
{
	u16 lo = 0, hi = m->nr;

	while (lo < hi) {
		u16 mid = lo + (hi - lo) / 2;

		if (m->ids[mid] == node)
			return true;
		if (m->ids[mid] < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

u16 dsm_member_home(const struct dsm_members *m, u64 page)
{
	return m->ids[page / DSM_STRIPE_PAGES % m->nr];
}
