// SPDX-License-Identifier: GPL-2.0-only
/*
 * What litmus tests have shown, judged and counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "litmus.h"

const char *const litmus_place_name[LITMUS_COLUMNS] = {
	[LITMUS_TWO_PAGES] = "two pages",
	[LITMUS_ONE_PAGE] = "one page",
	[LITMUS_STRIPED] = "striped",
	[LITMUS_SHARED] = "one node",
};

void litmus_results_init(struct litmus_results *r,
			 const struct litmus_test *test)
{
	memset(r, 0, sizeof(*r));
	r->test = test;
}

static const struct litmus_set *allowed(struct litmus_results *r,
					unsigned int buffered)
{
	if (!(r->known & 1U << buffered))
		litmus_allowed(r->test, buffered, &r->allowed[buffered]);
	r->known |= 1U << buffered;
	return &r->allowed[buffered];
}

static struct litmus_row *row_of(struct litmus_results *r, uint16_t outcome)
{
	unsigned int i;

	for (i = 0; i < r->rows; i++)
		if (r->row[i].outcome == outcome)
			return &r->row[i];
	/* So many are seen only if memory is beyond repair: sum up the rest. */
	if (i == LITMUS_OUTCOMES)
		return &r->row[i - 1];
	r->rows++;
	r->row[i] = (struct litmus_row) {
		.outcome = outcome,
		.relaxed = !litmus_has(allowed(r, 0), outcome),
	};
	return &r->row[i];
}

/**
 * litmus_results_add() - Count a round
 * @r:		the results of its test
 * @place:	where its locations were
 * @buffered:	threads that may have had a store buffer, a bit each
 * @outcome:	what it showed
 *
 * Return: whether the model allows that.
 */
bool litmus_results_add(struct litmus_results *r, enum litmus_place place,
			unsigned int buffered, uint16_t outcome)
{
	struct litmus_row *row = row_of(r, outcome);
	bool good = litmus_has(allowed(r, buffered), outcome);

	r->rounds++;
	row->seen[place]++;
	row->forbidden += !good;
	r->forbidden += !good;
	return good;
}

static int by_outcome(const void *a, const void *b)
{
	const struct litmus_row *x = a, *y = b;

	return x->outcome < y->outcome ? -1 : x->outcome > y->outcome;
}

static void print_table(struct litmus_results *r)
{
	char text[LITMUS_TEXT];
	unsigned int i, c;

	qsort(r->row, r->rows, sizeof(r->row[0]), by_outcome);
	printf("# %-40s", r->test->name);
	for (c = 0; c < LITMUS_COLUMNS; c++)
		printf(" %9s", litmus_place_name[c]);
	printf("\n");
	for (i = 0; i < r->rows; i++) {
		const struct litmus_row *row = &r->row[i];

		litmus_show(r->test, row->outcome, text, sizeof(text));
		printf("#   %-38s", text);
		for (c = 0; c < LITMUS_COLUMNS; c++)
			printf(" %9" PRIu64, row->seen[c]);
		printf("%s\n", row->forbidden ? "  FORBIDDEN" :
			       row->relaxed ? "  TSO" : "");
	}
}

/* How many outcomes sequential consistency allows, and how many were seen */
static unsigned int consistent(struct litmus_results *r, unsigned int *seen)
{
	const struct litmus_set *set = allowed(r, 0);
	unsigned int i, nr = 0;

	*seen = 0;
	for (i = 0; i < r->rows; i++)
		*seen += !r->row[i].relaxed;
	for (i = 0; i <= UINT16_MAX; i++)
		nr += litmus_has(set, i);
	return nr;
}

/* The table, then the result in KTAP; returns whether that is good. */
bool litmus_results_print(struct litmus_results *r, unsigned int number)
{
	unsigned int seen, all = consistent(r, &seen);
	bool good = !r->forbidden && !r->disagreed;

	print_table(r);
	if (!good)
		printf("# of these %" PRIu64 " FORBIDDEN, %" PRIu64
		       " without agreement\n", r->forbidden, r->disagreed);
	printf("%sok %u %s: %" PRIu64 " rounds, %u of %u outcomes\n",
	       good ? "" : "not ", number, r->test->name, r->rounds, seen, all);
	fflush(stdout);
	return good;
}
