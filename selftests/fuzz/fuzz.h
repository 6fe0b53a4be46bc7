/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers share: how they say that a property does not hold. */
#ifndef DSM_FUZZ_H
#define DSM_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Ends the run; libFuzzer keeps the input. */
#define FUZZ_CHECK(condition, ...) do {					\
	if (!(condition)) {						\
		fprintf(stderr, "property: " __VA_ARGS__);		\
		fprintf(stderr, "\n");					\
		abort();						\
	}								\
} while (0)

/* The names that libFuzzer wants. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void *fuzz_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

#endif
