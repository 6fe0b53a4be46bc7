// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: one thread that goes through many pages, against one stream of as
 * many bytes
 */
#include "bench.h"

static void time_walk(struct bench *b, const struct pages *set, enum touch how,
		      struct samples *s)
{
	uint64_t begun, now = now_ns();
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		begun = now;
		page_touch(&b->mem, pages_offset(set, i), how);
		now = now_ns();
		samples_add(s, now - begun);
	}
}

static void compare(struct bench *b, const struct pages *set, enum touch how,
		    double goal, struct result *r)
{
	stage_settle();
	stage_expect(b, b->mem.info.node, set, DSM_PAGE_NONE, DSM_NODE_NONE);
	stage_stream(&b->peers[0], set->count, &r->yard);
	time_walk(b, set, how, &r->ours);
	stage_stream(&b->peers[0], set->count, &r->yard);
	figure_add_rate(r, goal);
}

/* Pages of all homes in turns, whose owner is another node */
static struct pages stage_elsewhere(struct bench *b)
{
	struct pages set = stage_row(b, b->bulk);
	uint32_t owner = b->peers[0].node;

	stage_touch(b, owner, &set, TOUCH_STORE);
	stage_settle();
	stage_expect(b, owner, &set, DSM_PAGE_READ_WRITE, DSM_NODE_NONE);
	return set;
}

void measure_seq_read(struct bench *b, struct result *r)
{
	struct pages set = stage_elsewhere(b);

	compare(b, &set, TOUCH_LOAD, 0.9, r);
}

void measure_seq_write_first(struct bench *b, struct result *r)
{
	struct pages set = stage_row(b, b->bulk);

	compare(b, &set, TOUCH_STORE, 0.8, r);
}

void measure_seq_write_owned(struct bench *b, struct result *r)
{
	struct pages set = stage_elsewhere(b);

	compare(b, &set, TOUCH_STORE, 0.8, r);
}
