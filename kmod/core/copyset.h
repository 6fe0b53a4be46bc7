/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of node ids: bitmaps in storage that the caller supplies.
 *
 * The number of words is fixed when a node starts (dsm_core.words) and is never
 * stored with a set. Bit n of word n / 64 is node n.
 */
#ifndef DSM_CORE_COPYSET_H
#define DSM_CORE_COPYSET_H

#include "types.h"

static inline void dsm_set_add(u64 *set, u16 node)
{
	set[node / 64] |= 1ULL << (node % 64);
}

static inline void dsm_set_del(u64 *set, u16 node)
{
	set[node / 64] &= ~(1ULL << (node % 64));
}

static inline bool dsm_set_has(const u64 *set, u16 node)
{
	return set[node / 64] >> (node % 64) & 1;
}

static inline void dsm_set_clear(u64 *set, u16 words)
{
	memset(set, 0, words * sizeof(*set));
}

static inline void dsm_set_copy(u64 *to, const u64 *from, u16 words)
{
	memcpy(to, from, words * sizeof(*to));
}

/**
 * dsm_set_next - the members of a set in increasing order
 * @set:	the set
 * @words:	its size
 * @node:	where to start looking, this id included
 *
 * Return: the first member that is at least @node, or %DSM_NO_NODE.
 */
u16 dsm_set_next(const u64 *set, u16 words, u16 node);

/** dsm_set_count() - how many nodes are in @set */
u16 dsm_set_count(const u64 *set, u16 words);

#define dsm_set_for_each(node, set, words)				\
	for ((node) = dsm_set_next(set, words, 0);			\
	     (node) != DSM_NO_NODE;					\
	     (node) = dsm_set_next(set, words, (node) + 1))

#endif
