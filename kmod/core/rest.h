/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page at rest: nothing is asked of it or awaited, here or at its home. Then
 * very little of what a node knows has to be kept, and all the rest is as in a
 * page that has just been taken up again.
 */
#ifndef DSM_CORE_REST_H
#define DSM_CORE_REST_H

#include "page.h"

/* The bits of dsm_page_pack()'s result that can be set, from the lowest */
#define DSM_REST_BITS	62

/**
 * struct dsm_home_rest - a directory entry at rest
 * @version:	as in struct dsm_home, and so are the others
 * @owner:	see there
 * @last_reader: see there
 * @migratory:	see there
 * @copyset:	dsm_members.words long
 */
struct dsm_home_rest {
	u64 version;
	u16 owner;
	u16 last_reader;
	u8 migratory;
	u64 copyset[];
};

/**
 * dsm_page_rests - whether a page can be packed
 * @pg:		the page
 * @now:	in microseconds
 *
 * Not one that was refused, as those who asked have to hear of it; nor one that
 * nobody has used yet, whose hold time is still to begin.
 */
bool dsm_page_rests(const struct dsm_page *pg, u64 now);

/** dsm_page_pack() - what has to be kept of a page at rest: %DSM_REST_BITS */
u64 dsm_page_pack(const struct dsm_page *pg);

/** dsm_page_unpack() - the page that was packed; it can do what that could */
void dsm_page_unpack(struct dsm_page *pg, u64 packed);

/** dsm_home_rests() - whether a directory entry can be packed */
bool dsm_home_rests(const struct dsm_home *hm);

/**
 * dsm_home_pack - keep what has to be kept of a directory entry at rest
 * @hm:		the entry
 * @rest:	where
 * @words:	dsm_members.words
 */
void dsm_home_pack(const struct dsm_home *hm, struct dsm_home_rest *rest,
		   u16 words);

/**
 * dsm_home_rest_names - whether a node has to do with a directory entry at rest
 * @rest:	what was kept
 * @node:	the node
 *
 * If not, it is nothing to the entry that the node is lost.
 */
static inline bool dsm_home_rest_names(const struct dsm_home_rest *rest,
				       u16 node)
{
	return rest->owner == node || dsm_set_has(rest->copyset, node);
}

/**
 * dsm_home_unpack - take a directory entry up again
 * @hm:		the entry, after dsm_home_init()
 * @rest:	what was kept
 * @words:	dsm_members.words
 */
void dsm_home_unpack(struct dsm_home *hm, const struct dsm_home_rest *rest,
		     u16 words);

#endif
