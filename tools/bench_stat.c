// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: samples, their percentiles and their histogram
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void samples_add(struct samples *s, uint64_t value)
{
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->values = reallocarray(s->values, s->room,
					 sizeof(*s->values));
		if (!s->values)
			die("no memory for samples");
	}
	s->values[s->nr++] = value;
}

void samples_free(struct samples *s)
{
	free(s->values);
	memset(s, 0, sizeof(*s));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value that so many percent of all do not exceed */
uint64_t samples_percentile(const struct samples *s, unsigned int percent)
{
	uint64_t *sorted, value;
	size_t rank;

	if (!s->nr)
		return 0;
	sorted = malloc(s->nr * sizeof(*sorted));
	if (!sorted)
		die("no memory for samples");
	memcpy(sorted, s->values, s->nr * sizeof(*sorted));
	qsort(sorted, s->nr, sizeof(*sorted), compare);
	rank = (s->nr * percent + 99) / 100;
	value = sorted[rank ? rank - 1 : 0];
	free(sorted);
	return value;
}

double samples_mean(const struct samples *s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->nr; i++)
		sum += s->values[i];
	return s->nr ? sum / s->nr : 0;
}

/* Bucket n counts the values from 2^n up to, but not including, 2^(n+1). */
void samples_histogram(const struct samples *s, uint64_t buckets[BUCKETS])
{
	unsigned int bucket;
	size_t i;

	memset(buckets, 0, BUCKETS * sizeof(*buckets));
	for (i = 0; i < s->nr; i++) {
		bucket = 63 - __builtin_clzll(s->values[i] | 1);
		buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	}
}

static double ratio(double ours, double yard)
{
	return yard > 0 ? ours / yard : 0;
}

void figure_add(struct result *r, const char *what, double value, double goal)
{
	r->figures[r->nr++] = (struct figure) {
		.what = what,
		.ratio = value,
		.goal = goal,
	};
}

/* How much longer we take, by the median or the 99th percentile */
void figure_add_percentile(struct result *r, unsigned int percent, double goal)
{
	figure_add(r, percent == 50 ? "p50" : "p99",
		   ratio(samples_percentile(&r->ours, percent),
			 samples_percentile(&r->yard, percent)), goal);
}

/* How much more, or less, we do in the same time */
void figure_add_rate(struct result *r, double goal)
{
	figure_add(r, "rate", ratio(samples_mean(&r->yard),
				    samples_mean(&r->ours)), goal);
	r->figures[r->nr - 1].at_least = true;
}
