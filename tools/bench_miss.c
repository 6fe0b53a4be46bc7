// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: single misses
 *
 * All pages have been here before, so that what is measured is the protocol and
 * not the kernel's allocator.
 */
#include <stdlib.h>

#include "bench.h"

/* Yardstick, misses, yardstick: so often, so that both meet the same noise */
#define BLOCKS		4

/* Of all samples at least so many percent have to be misses. */
#define MISSES_PERCENT	97

struct miss {
	const char *counter;	/* of the kind of fault that is measured */
	enum touch how;
	size_t answer;		/* the yardstick's */
	double p50, p99;	/* goals, if any */
};

static void time_touches(struct bench *b, const struct pages *set,
			 const uint32_t *order, uint32_t nr, enum touch how,
			 struct samples *s)
{
	uint64_t begun, offset;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		offset = pages_offset(set, order[i]);
		begun = now_ns();
		page_touch(&b->mem, offset, how);
		samples_add(s, now_ns() - begun);
	}
}

/* Something that reads ahead may have been faster than the program. */
static void check_misses(const struct bench *b, const struct miss *miss,
			 uint64_t before, uint32_t nr)
{
	uint64_t misses = memory_counter(&b->mem, miss->counter) - before;

	if (misses * 100 < (uint64_t)nr * MISSES_PERCENT)
		die("of %u accesses only %ju were %s", nr, (uintmax_t)misses,
		    miss->counter);
}

static void time_misses(struct bench *b, const struct pages *set,
			const struct miss *miss, struct result *r)
{
	uint64_t before = memory_counter(&b->mem, miss->counter);
	uint32_t *order = pages_shuffle(set->count);
	uint32_t nr = set->count / BLOCKS, i;
	struct peer *p = &b->peers[0];

	for (i = 0; i < BLOCKS; i++) {
		stage_exchange(p, SMALL, miss->answer, nr / 2, &r->yard);
		time_touches(b, set, order + i * nr, nr, miss->how, &r->ours);
		stage_exchange(p, SMALL, miss->answer, nr / 2, &r->yard);
	}
	check_misses(b, miss, before, nr * BLOCKS);
	free(order);
	figure_add_percentile(r, 50, miss->p50);
	if (miss->p99 > 0)
		figure_add_percentile(r, 99, miss->p99);
}

void measure_read_home(struct bench *b, struct result *r)
{
	static const struct miss read_home = {
		.counter = "read_faults",
		.how = TOUCH_LOAD,
		.answer = LARGE,
		.p50 = 1.2,
		.p99 = 2.0,
	};
	uint32_t home = b->peers[0].node;
	struct pages set = stage_owned(b, home, home, b->count);

	time_misses(b, &set, &read_home, r);
}

void measure_read_third(struct bench *b, struct result *r)
{
	static const struct miss read_third = {
		.counter = "read_faults",
		.how = TOUCH_LOAD,
		.answer = LARGE,
		.p50 = 1.6,
	};
	struct pages set = stage_owned(b, b->peers[0].node, b->peers[1].node,
				       b->count);

	time_misses(b, &set, &read_third, r);
}

/* The home has the other copy. */
void measure_upgrade(struct bench *b, struct result *r)
{
	static const struct miss upgrade = {
		.counter = "upgrades",
		.how = TOUCH_STORE,
		.answer = SMALL,
		.p50 = 1.2,
	};
	uint32_t home = b->peers[0].node, me = b->mem.info.node;
	struct pages set = stage_homed(b, home, b->count);

	stage_touch(b, home, &set, TOUCH_STORE);
	stage_touch(b, me, &set, TOUCH_LOAD);
	stage_settle();
	stage_expect(b, home, &set, DSM_PAGE_READ_ONLY, home);
	stage_expect(b, me, &set, DSM_PAGE_READ_ONLY, DSM_NODE_NONE);
	time_misses(b, &set, &upgrade, r);
}
