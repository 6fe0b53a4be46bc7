/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Membership: who is in the cluster, and who is home of a page.
 */
#ifndef DSM_CORE_MEMBER_H
#define DSM_CORE_MEMBER_H

#include "copyset.h"

/**
 * struct dsm_members - the nodes of one epoch
 * @epoch:	grows with every change
 * @nr:		how many there are, 1 to %DSM_NODE_LIMIT
 * @words:	u64 words that a set of these nodes needs
 * @ids:	their ids in increasing order; the caller's storage
 * @lost:	those known to have lost their memory, as a set; the caller's
 *		storage
 */
struct dsm_members {
	u32 epoch;
	u16 nr;
	u16 words;
	const u16 *ids;
	u64 *lost;
};

static inline u16 dsm_words_for(u16 highest_id)
{
	return highest_id / 64 + 1;
}

/** dsm_member_lose() - @node has lost its memory; one caller at a time */
static inline void dsm_member_lose(struct dsm_members *m, u16 node)
{
	u64 *word = &m->lost[node / 64];

	WRITE_ONCE(*word, *word | 1ULL << (node % 64));
}

/** dsm_member_is_lost() - whether it has; steps may look meanwhile */
static inline bool dsm_member_is_lost(const struct dsm_members *m, u16 node)
{
	return READ_ONCE(m->lost[node / 64]) >> (node % 64) & 1;
}

/** dsm_member_has() - whether @node is a member, by binary search */
bool dsm_member_has(const struct dsm_members *m, u16 node);

/**
 * dsm_member_home - the home of a page
 * @m:		the members
 * @page:	the page
 *
 * Pages are dealt to the members in stripes of %DSM_STRIPE_PAGES, so each is
 * home of its share, and everyone can compute it.
 */
u16 dsm_member_home(const struct dsm_members *m, u64 page);

#endif
