// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model that judges the litmus tests: what is known of each from the
 * literature. Needs no module.
 */
#include <string.h>

#include "kselftest_harness.h"

#include "litmus.h"

#define ALL_BUFFERED	((1U << LITMUS_THREADS) - 1)

static bool find(struct litmus_test *test, const char *name)
{
	unsigned int i;

	for (i = 0; i < LITMUS_TESTS * LITMUS_VARIANTS; i++) {
		litmus_get(test, i / LITMUS_VARIANTS, i % LITMUS_VARIANTS);
		if (!strcmp(test->name, name))
			return true;
	}
	return false;
}

/* How many outcomes are allowed, and whether one of them reads as @text */
static unsigned int count(const struct litmus_test *test, unsigned int buffered,
			  const char *text, bool *found)
{
	static struct litmus_set set;
	char shown[LITMUS_TEXT];
	unsigned int i, nr = 0;

	*found = false;
	litmus_allowed(test, buffered, &set);
	for (i = 0; i <= UINT16_MAX; i++) {
		if (!litmus_has(&set, i))
			continue;
		nr++;
		litmus_show(test, i, shown, sizeof(shown));
		*found |= !strcmp(shown, text);
	}
	return nr;
}

/*
 * The outcome that each test is about, whether x86-TSO allows it, and how many
 * others there are. Sequential consistency allows none of them.
 */
static const struct {
	const char *name;
	const char *outcome;
	bool tso;
	unsigned int others;
} known[] = {
	{ "SB", "0:y=0 1:x=0 x=1 y=1", true, 3 },
	{ "SB+mfences", "0:y=0 1:x=0 x=1 y=1", false, 3 },
	{ "SB+xchgs", "0:x=0 0:y=0 1:y=0 1:x=0 x=1 y=1", false, 3 },
	{ "MP", "1:y=1 1:x=0 x=1 y=1", false, 3 },
	{ "LB", "0:x=1 1:y=1 x=1 y=1", false, 3 },
	{ "IRIW", "1:x=1 1:y=0 3:y=1 3:x=0 x=1 y=1", false, 15 },
	{ "IRIW+mfences", "1:x=1 1:y=0 3:y=1 3:x=0 x=1 y=1", false, 15 },
	{ "WRC", "1:x=1 2:y=1 2:x=0 x=1 y=1", false, 7 },
	{ "CoRR", "1:x=1 1:x=0 x=1", false, 3 },
	{ "CoWR", "0:x=2 x=1", false, 3 },
	{ "2+2W", "x=1 y=1", false, 3 },
	{ "2+2W+xchgs", "0:x=2 0:y=0 1:y=2 1:x=0 x=1 y=1", false, 3 },
	{ "R", "1:x=0 x=1 y=2", true, 3 },
	{ "R+mfences", "1:x=0 x=1 y=2", false, 3 },
	{ "R+xchgs", "0:x=0 0:y=0 1:y=1 1:x=0 x=1 y=2", false, 3 },
	{ "S", "1:y=1 x=2 y=1", false, 3 },
};

TEST(known_outcomes)
{
	struct litmus_test test;
	unsigned int i, sc, tso;
	bool found;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		ASSERT_TRUE(find(&test, known[i].name));
		sc = count(&test, 0, known[i].outcome, &found);
		EXPECT_FALSE(found);
		EXPECT_EQ(known[i].others, sc);
		tso = count(&test, ALL_BUFFERED, known[i].outcome, &found);
		EXPECT_EQ(known[i].tso, found);
		EXPECT_EQ(known[i].others + known[i].tso, tso) {
			TH_LOG("%s", known[i].name);
		}
	}
}

/* A store buffer only ever adds outcomes, and mfence takes these away again. */
TEST(models_are_ordered)
{
	static struct litmus_set sc, tso;
	struct litmus_test test;
	unsigned int i, more, outcome;

	for (i = 0; i < LITMUS_TESTS * LITMUS_VARIANTS; i++) {
		enum litmus_variant variant = i % LITMUS_VARIANTS;

		litmus_get(&test, i / LITMUS_VARIANTS, variant);
		litmus_allowed(&test, 0, &sc);
		litmus_allowed(&test, ALL_BUFFERED, &tso);
		more = 0;
		for (outcome = 0; outcome <= UINT16_MAX; outcome++) {
			EXPECT_LE(litmus_has(&sc, outcome),
				  litmus_has(&tso, outcome));
			more += litmus_has(&tso, outcome) -
				litmus_has(&sc, outcome);
		}
		if (variant != LITMUS_PLAIN)
			EXPECT_EQ(0, more);
	}
}

TEST_HARNESS_MAIN
