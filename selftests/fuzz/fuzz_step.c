// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core of one node against peers that say anything, in any order. This is
 * the shell: it brings the events and carries out the actions in their order.
 *
 * The first four bytes of an input say how many members there are, which of
 * them this is, who is home of the page, and how long pages are held. The rest
 * is events.
 *
 * With DSM_TRACE in the environment every step is printed:
 *
 *	DSM_TRACE=1 fuzz_step FILE
 */
#include "fuzz_step.h"
#include "show.h"

static bool tracing;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	tracing = getenv("DSM_TRACE");
	return 0;
}

static void set_up(struct fuzz_node *n, struct fuzz_input *in)
{
	static const u32 holds[] = { 100, 0, 3000, 50000 };
	u8 size = events_byte(in), place = events_byte(in);
	u8 home = events_byte(in), hold = events_byte(in);
	u16 nr = size & 0x80 ? 2 + size % (FUZZ_NODES - 1) : 2 + size % 4;
	u16 gap = place & 1 ? (DSM_NODE_LIMIT - 1) / (nr - 1) : 1;
	u16 *ids = fuzz_alloc(nr, sizeof(*ids));
	u16 i, words;

	for (i = 0; i < nr; i++)
		ids[i] = i * gap;
	words = dsm_words_for(ids[nr - 1]);
	*n = (struct fuzz_node) {
		.core = {
			.self = ids[(place >> 1) % nr],
			.pages = nr * DSM_STRIPE_PAGES,
			.members = {
				.nr = nr,
				.words = words,
				.ids = ids,
				.lost = fuzz_alloc(words, sizeof(u64)),
			},
		},
		.home_id = ids[(home & 1 ? place >> 1 : home >> 1) % nr],
		.now = 1,
		.hold_us = holds[hold & 3],
	};
	while (dsm_core_home(&n->core, n->number) != n->home_id)
		n->number += DSM_STRIPE_PAGES;
	dsm_page_init(&n->page);
	if (n->home_id != n->core.self)
		return;
	n->home = fuzz_alloc(1, sizeof(*n->home));
	dsm_home_init(n->home, n->core.self, fuzz_alloc(words, sizeof(u64)),
		      fuzz_alloc(words, sizeof(u64)),
		      fuzz_alloc(nr, sizeof(u32)), words);
}

static void tear_down(struct fuzz_node *n)
{
	if (n->home) {
		free(n->home->copyset);
		free(n->home->inval);
		free(n->home->queue);
		free(n->home);
	}
	free(n->core.members.lost);
	free((void *)n->core.members.ids);
}

static void trace(const struct fuzz_node *n, const struct dsm_event *ev,
		  enum dsm_verdict verdict, const struct dsm_out *out)
{
	static const char * const names[] = {
		[DSM_OK] = "ok", [DSM_STALE] = "stale", [DSM_PROTO] = "proto",
	};
	char text[SHOW_MAX];
	u16 i;

	show_event(text, n->core.self, ev);
	printf("%llu %s: %s\n", (unsigned long long)ev->now, text,
	       names[verdict]);
	for (i = 0; i < out->nr && i < DSM_ACTS_MAX; i++) {
		show_action(text, n->core.self, n->core.members.words,
			    &out->act[i]);
		printf("	%s\n", text);
	}
	fflush(stdout);
}

static void step(struct fuzz_node *n, const struct dsm_event *ev)
{
	bool ours = ev->page == n->number;
	enum dsm_verdict verdict;
	struct dsm_out out;
	u16 i;

	n->now = ev->now;
	if (ev->type == DSM_EV_LOST && ours)
		dsm_member_lose(&n->core.members, ev->from);
	if (ev->type == DSM_EV_TICK && ours && n->timer <= n->now)
		n->armed = false;

	judge_before(n, ev);
	verdict = dsm_step(&n->core, &n->page, n->home, ev, &out);
	if (tracing)
		trace(n, ev, verdict, &out);
	judge_step(n, ev, verdict, &out);
	for (i = 0; i < out.nr; i++) {
		judge_action(n, &out.act[i]);
		if (out.act[i].type == DSM_ACT_TIMER) {
			n->armed = true;
			n->timer = out.act[i].at;
		}
	}
	judge_after(n, ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { .data = data, .size = size };
	struct dsm_event ev;
	struct fuzz_node n;

	set_up(&n, &in);
	judge_begin(&n);
	while (events_next(&in, &n, &ev))
		step(&n, &ev);
	tear_down(&n);
	return 0;
}
