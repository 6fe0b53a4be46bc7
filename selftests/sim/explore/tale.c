// SPDX-License-Identifier: GPL-2.0-only
/*
 * How to get to a world, as a story that selftests/core/story.c can tell.
 *
 * Numbers are all that is known of the worlds on the way, so their moves are
 * looked for again; and as a world may have been packed with other names for
 * its nodes, the names are followed from the first world on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "explore.h"

/* By name in the world at hand: the name in the story. */
static u8 names[EXPLORE_NODES];
static bool in_use[EXPLORE_NODES][EXPLORE_PAGES];

static void unpack_nr(u32 nr, struct world *w)
{
	u32 len;
	const u8 *bytes = store_get(nr, &len);

	unpack(bytes, len, w);
}

static void span(const struct move *m)
{
	bool *is = &in_use[names[m->node]][m->page];

	if (*is == m->in_use)
		return;
	*is = m->in_use;
	printf("%u %s %llu\n", names[m->node], m->in_use ? "spans" : "spanned",
	       (unsigned long long)shell_page(m->page));
}

static void tell(const struct move *m, bool right)
{
	unsigned long long page = shell_page(m->page);
	u32 node = names[m->node];

	switch (m->kind) {
	case MOVE_DELIVER:
		span(m);
		printf("deliver %u>%u\n", names[m->from], node);
		break;
	case MOVE_LEARN:
		printf("%u loses %u\n", node, names[m->from]);
		break;
	case MOVE_AGE:
		printf("%u ages %llu\n", node, page);
		break;
	case MOVE_OUTLAST:
		printf("%u outlasts %llu\n", node, page);
		break;
	case MOVE_TICK:
		span(m);
		printf("%u ticks %llu\n", node, page);
		break;
	case MOVE_LOAD:
	case MOVE_STORE:
		printf("%u %s %llu\n", node,
		       m->kind == MOVE_STORE ? "writes" : "reads", page);
		if (right)
			printf("%u uses %llu\n", node, page);
		break;
	case MOVE_WRITE:
		printf("# Node %u stores to page %llu.\n", node, page);
		break;
	case MOVE_EVICT:
		printf("%u evicts %llu\n", node, page);
		break;
	case MOVE_DIE:
		printf("%u dies\n", node);
		break;
	}
}

/* A fault that finds the right, and uses it. */
static bool uses(const struct world *w, const struct move *m)
{
	u8 state = w->slots[m->node][m->page].core.state;

	return state >= (m->kind == MOVE_STORE ? DSM_WRITE : DSM_READ);
}

/* The first move from one world to another, and the other's names. */
static struct move find_move(u32 from, u32 to, struct world *next,
			     struct pack *p)
{
	struct move moves[EXPLORE_MOVES];
	struct world w;
	u32 i, nr;

	unpack_nr(from, &w);
	nr = shell_moves(&w, moves);
	for (i = 0; i < nr; i++) {
		*next = w;
		shell_move(next, &moves[i]);
		pack(next, p);
		if (store_add(p) == to)
			return moves[i];
	}
	abort();
}

static void rename_all(const struct pack *p)
{
	u8 old[EXPLORE_NODES];
	u32 i;

	memcpy(old, names, sizeof(names));
	for (i = 0; i < explore.nodes; i++)
		names[i] = old[p->names[i]];
}

static void tell_way(u32 nr)
{
	u32 parent = search_parent(nr);
	struct world next;
	struct pack p;
	struct move m;

	if (parent == STORE_NONE)
		return;
	tell_way(parent);
	m = find_move(parent, nr, &next, &p);
	tell(&m, uses(&next, &m));
	rename_all(&p);
}

/* The world @nr, and @last, a move from there, if it is not NULL. */
void tale(u32 nr, const struct move *last)
{
	struct world w;
	u32 i;

	for (i = 0; i < EXPLORE_NODES; i++)
		names[i] = i;
	printf("nodes %u hold %u\n\n", explore.nodes, explore.hold_us);
	tell_way(nr);
	if (last) {
		/* Faults that already have the right use it, too. */
		unpack_nr(nr, &w);
		tell(last, uses(&w, last));
	}
	for (i = 0; i < explore.pages; i++)
		printf("show %llu\n", (unsigned long long)shell_page(i));
}
