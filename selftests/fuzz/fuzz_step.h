/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One node of the real core, alone among peers that lie: fuzz_step.c is the
 * shell around it, events.c makes events out of bytes, judge.c says what must
 * hold whatever comes.
 */
#ifndef DSM_FUZZ_STEP_H
#define DSM_FUZZ_STEP_H

#include "fuzz.h"
#include "step.h"
#include "table.h"

/* Members of the largest cluster. */
#define FUZZ_NODES	64

/**
 * struct fuzz_node - the node, and what its shell knows
 * @core:	ids, lost nodes; the storage of both is as large as it must be
 * @page:	the page at this node
 * @home:	its directory entry, NULL if this node is not its home
 * @home_id:	who is
 * @number:	of the page
 * @now:	time in microseconds
 * @hold_us:	as in sysfs
 * @armed:	a tick is to come
 * @timer:	when
 */
struct fuzz_node {
	struct dsm_core core;
	struct dsm_page page;
	struct dsm_home *home;
	u16 home_id;
	u64 number;
	u64 now;
	u32 hold_us;
	bool armed;
	u64 timer;
};

struct fuzz_input {
	const u8 *data;
	size_t size;
};

/* events.c */
u8 events_byte(struct fuzz_input *in);
bool events_next(struct fuzz_input *in, const struct fuzz_node *n,
		 struct dsm_event *ev);

/* judge.c: before and after each step, and before each action is done */
void judge_begin(const struct fuzz_node *n);
void judge_before(struct fuzz_node *n, const struct dsm_event *ev);
void judge_step(const struct fuzz_node *n, const struct dsm_event *ev,
		enum dsm_verdict verdict, const struct dsm_out *out);
void judge_action(const struct fuzz_node *n, const struct dsm_act *act);
void judge_after(const struct fuzz_node *n, const struct dsm_event *ev);

#endif
