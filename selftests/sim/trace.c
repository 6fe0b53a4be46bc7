// SPDX-License-Identifier: GPL-2.0-only
/* The last things that happened, kept as they are and put in words if asked. */
#include <stdio.h>

#include "../core/show.h"
#include "sim.h"

#define KEPT	4096

/* So many lines of the page that a failure is about are printed. */
#define LINES	100

struct trace {
	u64 at;
	bool is_step;
	u16 node;
	u16 to;
	u8 before;
	u8 after;
	u8 verdict;
	struct dsm_event ev;
};

static struct trace ring[KEPT];
static u64 nr;
static u32 about = SIM_NO_PAGE;

static void print(const struct trace *t)
{
	char text[SHOW_MAX];

	if (!t->is_step) {
		show_message(text, t->node, t->to, &t->ev.msg);
		printf("# [%9llu]     send %s\n", (unsigned long long)t->at,
		       text);
		return;
	}
	show_event(text, t->node, &t->ev);
	printf("# [%9llu] %s: %s -> %s%s\n", (unsigned long long)t->at, text,
	       dsm_cache_state_name(t->before), dsm_cache_state_name(t->after),
	       t->verdict == DSM_OK ? "" : " dropped");
}

static struct trace *add(u16 node)
{
	struct trace *t = &ring[nr++ % KEPT];

	t->at = world_now;
	t->node = node;
	return t;
}

void trace_step(u16 node, const struct dsm_event *ev, u8 before, u8 after,
		enum dsm_verdict verdict)
{
	struct trace *t = add(node);

	t->is_step = true;
	t->ev = *ev;
	t->before = before;
	t->after = after;
	t->verdict = verdict;
	if (sim.trace)
		print(t);
}

void trace_sent(u16 from, u16 to, const struct dsm_msg *msg)
{
	struct trace *t = add(from);

	t->is_step = false;
	t->to = to;
	t->ev.msg = *msg;
	if (sim.trace)
		print(t);
}

/* What happens next is about this page, should it fail. */
void trace_about(u32 page)
{
	about = page;
}

static bool wanted(u64 i)
{
	const struct trace *t = &ring[i % KEPT];

	return about == SIM_NO_PAGE ||
	       (t->is_step ? t->ev.page : t->ev.msg.page) ==
	       cluster_number(about);
}

/* Pages have nothing to do with each other: one is enough. */
void trace_print(void)
{
	u64 oldest = nr > KEPT ? nr - KEPT : 0;
	u64 i = nr;
	u32 lines = 0;

	if (sim.trace)
		return;
	while (i > oldest && lines < LINES)
		lines += wanted(--i);
	for (; i < nr; i++)
		if (wanted(i))
			print(&ring[i % KEPT]);
}
