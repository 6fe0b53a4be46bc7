// SPDX-License-Identifier: GPL-2.0-only
/* Pages at rest, and taking them up again. */
#include "rest.h"

/*
 * One word: the right, whether this node is the owner and has written, the
 * serial of its last request, and the version. A version that is too large for
 * the rest of the word, after a write each microsecond for 50 days, keeps its
 * page from resting.
 */
enum {
	REST_STATE	= 3,
	REST_OWNED	= 1 << 2,
	REST_DIRTY	= 1 << 3,
	REST_SERIAL	= 4,
	REST_VERSION	= 20,
};

#define VERSION_LIMIT	(1ULL << (DSM_REST_BITS - REST_VERSION))

static_assert((int)DSM_WRITE <= (int)REST_STATE);

bool dsm_page_rests(const struct dsm_page *pg, u64 now)
{
	return !pg->want && !pg->error && !pg->fresh && !pg->deferred.type &&
	       now >= pg->hold_until && pg->version < VERSION_LIMIT;
}

u64 dsm_page_pack(const struct dsm_page *pg)
{
	return pg->state | (pg->owned ? REST_OWNED : 0) |
	       (pg->dirty ? REST_DIRTY : 0) |
	       (u64)pg->serial << REST_SERIAL | pg->version << REST_VERSION;
}

void dsm_page_unpack(struct dsm_page *pg, u64 packed)
{
	*pg = (struct dsm_page) {
		.state = packed & REST_STATE,
		.owned = packed & REST_OWNED,
		.dirty = packed & REST_DIRTY,
		.serial = packed >> REST_SERIAL,
		.version = packed >> REST_VERSION,
	};
}

bool dsm_home_rests(const struct dsm_home *hm)
{
	return !hm->busy && !hm->queue_len;
}

void dsm_home_pack(const struct dsm_home *hm, struct dsm_home_rest *rest,
		   u16 words)
{
	rest->version = hm->version;
	rest->owner = hm->owner;
	rest->last_reader = hm->last_reader;
	rest->migratory = hm->migratory;
	dsm_set_copy(rest->copyset, hm->copyset, words);
}

void dsm_home_unpack(struct dsm_home *hm, const struct dsm_home_rest *rest,
		     u16 words)
{
	hm->version = rest->version;
	hm->owner = rest->owner;
	hm->last_reader = rest->last_reader;
	hm->migratory = rest->migratory;
	dsm_set_copy(hm->copyset, rest->copyset, words);
}
