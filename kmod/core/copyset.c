// SPDX-License-Identifier: GPL-2.0-only
/* Sets of node ids. */
#include "copyset.h"

u16 dsm_set_next(const u64 *set, u16 words, u16 node)
{
	u16 w = node / 64;
	u64 rest;

	if (w >= words)
		return DSM_NO_NODE;

	rest = set[w] & (~0ULL << (node % 64));
	while (!rest) {
		if (++w == words)
			return DSM_NO_NODE;
		rest = set[w];
	}
	return w * 64 + __builtin_ctzll(rest);
}

u16 dsm_set_count(const u64 *set, u16 words)
{
	u16 node, n = 0;

	dsm_set_for_each(node, set, words)
		n++;
	return n;
}
