// SPDX-License-Identifier: GPL-2.0-only
/*
 * The litmus tests, by the names that the literature has for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "litmus.h"

/* Threads: Wx1 stores 1 in x, Rx loads x. Everything is 0 at first. */
static const struct {
	const char *name;
	const char *thread[LITMUS_THREADS];
} table[LITMUS_TESTS] = {
	{ "SB", { "Wx1 Ry", "Wy1 Rx" } },
	{ "MP", { "Wx1 Wy1", "Ry Rx" } },
	{ "LB", { "Rx Wy1", "Ry Wx1" } },
	{ "IRIW", { "Wx1", "Rx Ry", "Wy1", "Ry Rx" } },
	{ "WRC", { "Wx1", "Rx Wy1", "Ry Rx" } },
	{ "CoRR", { "Wx1", "Rx Rx" } },
	{ "CoWR", { "Wx1 Rx", "Wx2" } },
	{ "2+2W", { "Wx1 Wy2", "Wy1 Wx2" } },
	{ "R", { "Wx1 Wy1", "Wy2 Rx" } },
	{ "S", { "Wx2 Wy1", "Ry Wx1" } },
};

static const char *const suffix[LITMUS_VARIANTS] = { "", "+mfences", "+xchgs" };

static void thread_parse(struct litmus_test *test, struct litmus_op *op,
			 const char *text, enum litmus_variant variant)
{
	while (*text) {
		bool store = text[0] == 'W';

		op->kind = !store ? LITMUS_LOAD :
			   variant == LITMUS_XCHGS ? LITMUS_XCHG : LITMUS_STORE;
		op->loc = text[1] - 'x';
		if (op->loc >= test->locs)
			test->locs = op->loc + 1;
		if (store)
			op->value = text[2] - '0';
		if (op->kind != LITMUS_STORE)
			op->reg = test->regs++;
		op++;
		text += store ? 3 : 2;
		text += strspn(text, " ");
		if (*text && variant == LITMUS_MFENCES)
			op++->kind = LITMUS_MFENCE;
	}
}

void litmus_get(struct litmus_test *test, unsigned int number,
		enum litmus_variant variant)
{
	unsigned int t;

	memset(test, 0, sizeof(*test));
	snprintf(test->name, sizeof(test->name), "%s%s", table[number].name,
		 suffix[variant]);
	for (t = 0; t < LITMUS_THREADS && table[number].thread[t]; t++)
		thread_parse(test, test->op[t], table[number].thread[t],
			     variant);
	test->threads = t;
}

static char value_char(unsigned int value)
{
	return value == LITMUS_WILD ? '?' : '0' + value;
}

/* Such as "0:y=0 1:x=1 x=1 y=1": what thread 0 loaded from y; what remains */
void litmus_show(const struct litmus_test *test, uint16_t outcome,
		 char *text, size_t size)
{
	unsigned int t, loc;
	size_t used = 0;

	for (t = 0; t < test->threads; t++) {
		const struct litmus_op *op;

		for (op = test->op[t]; op->kind != LITMUS_END; op++)
			if (op->kind == LITMUS_LOAD || op->kind == LITMUS_XCHG)
				used += snprintf(text + used, size - used,
						 "%u:%c=%c ", t, 'x' + op->loc,
						 value_char(outcome >>
							    2 * op->reg & 3));
	}
	for (loc = 0; loc < test->locs; loc++)
		used += snprintf(text + used, size - used, "%s%c=%c",
				 loc ? " " : "", 'x' + loc,
				 value_char(outcome >>
					    2 * (LITMUS_REGS + loc) & 3));
}
