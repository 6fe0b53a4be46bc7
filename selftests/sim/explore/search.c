// SPDX-License-Identifier: GPL-2.0-only
/*
 * Breadth first, from world to world, until no new one is found.
 *
 * That nobody waits for ever is shown so: every world has one way to rest. It
 * is the first of its inevitable moves (messages arrive, survivors learn of
 * losses, time passes; programs do nothing, but pages are in use if they can
 * be) that leads to another world. If following these ways ends, it ends in a
 * world at rest, which judge_end() looks at when it comes to it. If it does
 * not, it runs in a circle, which find_circle() finds. So from every world with
 * a request there is a way, by inevitable moves alone, to one where it has its
 * answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "explore.h"

/**
 * struct found - how a world was found
 * @parent:	from which other one, %STORE_NONE for the first
 * @rest:	the next one on its way to rest, %STORE_NONE if it is at rest or
 *		was not explored
 */
struct found {
	u32 parent;
	u32 rest;
};

static struct found *founds;
static u64 room;
static u64 transitions;

u32 search_parent(u32 nr)
{
	return founds[nr].parent;
}

/* Return: the number of a world that came from @parent. */
static u32 found(const struct world *w, u32 parent)
{
	struct pack p;
	u32 known = store_nr(), nr;

	pack(w, &p);
	nr = store_add(&p);
	if (nr < known)
		return nr;
	if (!pack_keeps(w))
		explore_fail("not all of a state is in its bytes");
	if (!pack_rests(w))
		explore_fail("a page that rested is another one");
	if (nr >= room) {
		room += room / 2 + (1 << 16);
		founds = realloc(founds, room * sizeof(*founds));
		if (!founds)
			abort();
	}
	founds[nr] = (struct found) { .parent = parent, .rest = STORE_NONE };
	return nr;
}

/* Whether the same could happen with the page in use: see add_used(). */
static bool spares(const struct move *moves, u32 i)
{
	struct move m = moves[i];

	m.in_use = true;
	return i && !moves[i].in_use && !memcmp(&m, &moves[i - 1], sizeof(m));
}

static void explore_from(u32 nr)
{
	struct move moves[EXPLORE_MOVES];
	struct world w, next;
	u32 i, len, to, nr_moves;
	const u8 *bytes = store_get(nr, &len);

	unpack(bytes, len, &w);
	nr_moves = shell_moves(&w, moves);
	for (i = 0; i < nr_moves; i++) {
		next = w;
		explore_at(nr, &moves[i]);
		shell_move(&next, &moves[i]);
		transitions++;
		to = found(&next, nr);
		if (to != nr && move_is_inevitable(&moves[i]) &&
		    !spares(moves, i) && founds[nr].rest == STORE_NONE)
			founds[nr].rest = to;
	}
	explore_at(nr, NULL);
	if (founds[nr].rest == STORE_NONE)
		judge_end(&w);
}

/*
 * Follow the way of each world until it is at rest, or meets one whose way is
 * known. The ways of a walk are cut behind it, so a walk that meets itself
 * stops at a world that this very walk has cut.
 */
static void find_circle(void)
{
	u32 nr, at, next;
	u32 *walk = calloc(store_nr(), sizeof(*walk));

	if (!walk)
		abort();
	for (nr = 0; nr < store_nr(); nr++) {
		for (at = nr; at != STORE_NONE && !walk[at]; at = next) {
			walk[at] = nr + 1;
			next = founds[at].rest;
		}
		if (at != STORE_NONE && walk[at] == nr + 1) {
			explore_at(at, NULL);
			explore_fail("messages and timers go round in circles");
		}
	}
	free(walk);
}

static void report(u32 explored, u32 depth)
{
	u64 bytes = store_bytes() + room * sizeof(*founds);

	printf("# %u states, %llu transitions, depth %u, %s\n", store_nr(),
	       (unsigned long long)transitions, depth,
	       explored == store_nr() ? "exhausted" : "not exhausted");
	if (!explore.quiet)
		printf("# %llu MiB, at most %u actions in a step\n",
		       (unsigned long long)bytes >> 20, judge_most_actions);
}

u32 search(void)
{
	u32 nr, depth = 0, deeper = 1;
	struct world w;

	shell_init(&w);
	found(&w, STORE_NONE);
	for (nr = 0; nr < store_nr(); nr++) {
		if (nr == deeper) {
			depth++;
			deeper = store_nr();
			if (!explore.quiet && depth % 10 == 0)
				report(nr, depth);
		}
		if (explore.states_max && nr >= explore.states_max)
			break;
		explore_from(nr);
	}
	find_circle();
	report(nr, depth);
	return store_nr() - 1;
}
