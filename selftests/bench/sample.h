/* SPDX-License-Identifier: GPL-2.0-only */
/* How long something took, many times, and what is typical of it. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sample - durations
 * @ns:		each of them
 * @count:	how many there are
 * @max:	and can be
 */
struct sample {
	uint64_t *ns;
	size_t count;
	size_t max;
};

uint64_t now_ns(void);

void sample_make(struct sample *s, size_t max);
void sample_add(struct sample *s, uint64_t ns);

/* Print them in a line of text or of JSON, and forget them. */
void sample_print(struct sample *s, const char *system, const char *measure,
		  bool json);

#endif /* BENCH_SAMPLE_H */
