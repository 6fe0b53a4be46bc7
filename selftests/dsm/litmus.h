/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Litmus tests: small programs of two to four threads over two locations, and
 * what a memory model allows them to see.
 *
 * What a run has seen is its outcome: two bits for each load (a "register"),
 * then two for the final value of each location.
 */
#ifndef LITMUS_H
#define LITMUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum litmus_limits {
	LITMUS_TESTS	= 10,
	LITMUS_THREADS	= 4,
	LITMUS_OPS	= 4,	/* of a thread, with the one that ends it */
	LITMUS_LOCS	= 2,
	LITMUS_REGS	= 6,
	LITMUS_TEXT	= 80,	/* that an outcome needs at most */
	LITMUS_OUTCOMES	= 256,	/* different ones that are counted apart */
};

/* The value of a location that nobody can have stored there */
#define LITMUS_WILD	3

enum litmus_kind {
	LITMUS_END,
	LITMUS_LOAD,
	LITMUS_STORE,
	LITMUS_XCHG,
	LITMUS_MFENCE,
};

/**
 * struct litmus_op - one instruction
 * @kind:	of enum litmus_kind
 * @loc:	the location; not for %LITMUS_MFENCE
 * @value:	what it stores, 1 or 2
 * @reg:	where what it loads goes, in order of threads and instructions
 */
struct litmus_op {
	uint8_t kind;
	uint8_t loc;
	uint8_t value;
	uint8_t reg;
};

/**
 * enum litmus_variant - how a test is made stricter
 * @LITMUS_PLAIN:	as its name says
 * @LITMUS_MFENCES:	an mfence between any two instructions of a thread
 * @LITMUS_XCHGS:	each store is an xchg, which is a load as well
 * @LITMUS_VARIANTS:	how many there are
 */
enum litmus_variant {
	LITMUS_PLAIN,
	LITMUS_MFENCES,
	LITMUS_XCHGS,
	LITMUS_VARIANTS,
};

/**
 * struct litmus_test - a test in one variant
 * @name:	such as "SB+mfences"
 * @threads:	how many
 * @regs:	how many
 * @locs:	how many
 * @op:		what each thread does
 */
struct litmus_test {
	char name[16];
	unsigned int threads;
	unsigned int regs;
	unsigned int locs;
	struct litmus_op op[LITMUS_THREADS][LITMUS_OPS];
};

/* Bits of an outcome: a register, a location's final value */
static inline uint16_t litmus_reg(unsigned int reg, unsigned int value)
{
	return value << 2 * reg;
}

static inline uint16_t litmus_final(unsigned int loc, unsigned int value)
{
	return value << 2 * (LITMUS_REGS + loc);
}

/* A set of outcomes, a bit each */
struct litmus_set {
	uint8_t bits[(UINT16_MAX + 1) / 8];
};

static inline bool litmus_has(const struct litmus_set *set, uint16_t outcome)
{
	return set->bits[outcome / 8] >> outcome % 8 & 1;
}

/**
 * enum litmus_place - where the locations of a round are
 * @LITMUS_TWO_PAGES:	on pages that have the same home
 * @LITMUS_ONE_PAGE:	on one page
 * @LITMUS_STRIPED:	on pages that have different homes
 * @LITMUS_PLACES:	how many places there are
 * @LITMUS_SHARED:	instead of a place: anywhere, for threads that share a
 *			node but could be on different ones
 * @LITMUS_COLUMNS:	of a table of results
 */
enum litmus_place {
	LITMUS_TWO_PAGES,
	LITMUS_ONE_PAGE,
	LITMUS_STRIPED,
	LITMUS_PLACES,
	LITMUS_SHARED = LITMUS_PLACES,
	LITMUS_COLUMNS,
};

extern const char *const litmus_place_name[LITMUS_COLUMNS];

/**
 * struct litmus_row - an outcome that was seen
 * @outcome:	which
 * @seen:	how often, for each place
 * @relaxed:	sequential consistency does not allow it
 * @forbidden:	how often the model did not allow it
 */
struct litmus_row {
	uint16_t outcome;
	uint64_t seen[LITMUS_COLUMNS];
	bool relaxed;
	uint64_t forbidden;
};

/**
 * struct litmus_results - what a test has shown
 * @test:	the test
 * @rows:	how many
 * @row:	by first appearance
 * @rounds:	all of them
 * @forbidden:	those with an outcome that the model did not allow
 * @disagreed:	those that ended with different values for different nodes
 * @known:	buffered threads for which @allowed is there, a bit each
 * @allowed:	outcomes, by buffered threads
 */
struct litmus_results {
	const struct litmus_test *test;
	unsigned int rows;
	struct litmus_row row[LITMUS_OUTCOMES];
	uint64_t rounds;
	uint64_t forbidden;
	uint64_t disagreed;
	uint32_t known;
	struct litmus_set allowed[1 << LITMUS_THREADS];
};

/* litmus_table.c */
void litmus_get(struct litmus_test *test, unsigned int number,
		enum litmus_variant variant);
void litmus_show(const struct litmus_test *test, uint16_t outcome,
		 char *text, size_t size);

/* litmus_model.c */
void litmus_allowed(const struct litmus_test *test, unsigned int buffered,
		    struct litmus_set *set);

/* litmus_results.c */
void litmus_results_init(struct litmus_results *r,
			 const struct litmus_test *test);
bool litmus_results_add(struct litmus_results *r, enum litmus_place place,
			unsigned int buffered, uint16_t outcome);
bool litmus_results_print(struct litmus_results *r, unsigned int number);

#endif /* LITMUS_H */
