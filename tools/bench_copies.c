// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: write misses with many copies, against those with a single copy
 *
 * The nodes are instances in one kernel, and this one process is a program of
 * each.
 */
#include <stdlib.h>

#include "bench.h"

#define BLOCKS		4
#define HOME		1	/* instance; the writer is 0 */

static const char *const names[NODES_MAX] = {
	"dsm", "dsm1", "dsm2", "dsm3", "dsm4", "dsm5", "dsm6", "dsm7",
	"dsm8", "dsm9", "dsm10", "dsm11", "dsm12", "dsm13", "dsm14", "dsm15",
};

static void open_all(struct bench *b, struct memory nodes[NODES_MAX])
{
	uint64_t next;
	unsigned int i;

	for (i = 0; i < NODES_MAX; i++) {
		memory_open(&nodes[i], names[i]);
		if (nodes[i].info.nodes != NODES_MAX)
			die("%s is in a cluster of %u nodes, not of %u",
			    names[i], nodes[i].info.nodes, NODES_MAX);
		next = pages_untouched(&nodes[i]);
		if (next > b->next)
			b->next = next;
	}
}

static void expect(const struct memory *m, const struct pages *set,
		   uint32_t state)
{
	char text[TEXT_CHARS];

	if (!pages_are(m, set, state, DSM_NODE_NONE, text))
		die("%s", text);
}

/* Pages with so many copies, the owner's included, and none at the writer */
static struct pages stage(struct bench *b, struct memory nodes[NODES_MAX],
			  unsigned int copies)
{
	struct pages set = stage_homed(b, nodes[HOME].info.node, b->count / 2);
	unsigned int i;

	pages_touch(&nodes[HOME], &set, TOUCH_STORE);
	for (i = HOME + 1; i < HOME + copies; i++)
		pages_touch(&nodes[i], &set, TOUCH_LOAD);
	stage_settle();
	expect(&nodes[0], &set, DSM_PAGE_NONE);
	expect(&nodes[HOME], &set, copies > 1 ? DSM_PAGE_READ_ONLY :
						DSM_PAGE_READ_WRITE);
	for (i = HOME + 1; i < NODES_MAX; i++)
		expect(&nodes[i], &set, i < HOME + copies ?
					DSM_PAGE_READ_ONLY : DSM_PAGE_NONE);
	return set;
}

static void time_stores(const struct memory *m, const struct pages *set,
			struct samples *s)
{
	uint32_t *order = pages_shuffle(set->count);
	uint64_t begun;
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		begun = now_ns();
		page_touch(m, pages_offset(set, order[i]), TOUCH_STORE);
		samples_add(s, now_ns() - begun);
	}
	free(order);
}

static void measure(struct bench *b, unsigned int copies, double goal,
		    struct result *r)
{
	struct memory nodes[NODES_MAX];
	struct pages few, many, part;
	unsigned int i;

	open_all(b, nodes);
	few = stage(b, nodes, 1);
	many = stage(b, nodes, copies);
	for (i = 0; i < BLOCKS; i++) {
		part = pages_part(&few, i, BLOCKS);
		time_stores(&nodes[0], &part, &r->yard);
		part = pages_part(&many, i, BLOCKS);
		time_stores(&nodes[0], &part, &r->ours);
	}
	figure_add_percentile(r, 50, goal);
}

void measure_write_copies_3(struct bench *b, struct result *r)
{
	measure(b, 3, 0, r);
}

void measure_write_copies_7(struct bench *b, struct result *r)
{
	measure(b, 7, 1.1, r);
}

void measure_write_copies_15(struct bench *b, struct result *r)
{
	measure(b, 15, 0, r);
}
