// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sample.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void sample_make(struct sample *s, size_t max)
{
	s->ns = calloc(max, sizeof(*s->ns));
	if (!s->ns) {
		perror("calloc");
		exit(1);
	}
	s->count = 0;
	s->max = max;
}

void sample_add(struct sample *s, uint64_t ns)
{
	if (s->count < s->max)
		s->ns[s->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* In microseconds: the smallest that percent of them do not exceed */
static double percentile(const struct sample *s, unsigned int percent)
{
	size_t rank = (s->count * percent + 99) / 100;

	return s->ns[rank ? rank - 1 : 0] / 1e3;
}

void sample_print(struct sample *s, const char *system, const char *measure,
		  bool json)
{
	static const char *const format[] = {
		"%-6s %-11s %6zu times  p50 %9.1f  p99 %9.1f  max %9.1f us\n",
		"{\"system\": \"%s\", \"measure\": \"%s\", \"count\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
	};

	if (!s->count)
		return;
	qsort(s->ns, s->count, sizeof(*s->ns), compare);
	printf(format[json], system, measure, s->count, percentile(s, 50),
	       percentile(s, 99), percentile(s, 100));
	fflush(stdout);
	s->count = 0;
}
