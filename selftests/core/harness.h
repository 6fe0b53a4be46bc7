/* SPDX-License-Identifier: GPL-2.0-only */
/* A small test harness: the names of the kernel's kselftest, and KTAP. */
#ifndef DSM_HARNESS_H
#define DSM_HARNESS_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct harness_test {
	const char *name;
	void (*run)(void);
	struct harness_test *next;
};

static struct harness_test *harness_first;
static struct harness_test **harness_end = &harness_first;
static bool harness_failed;
static jmp_buf harness_abort;

static inline void harness_add(struct harness_test *test)
{
	*harness_end = test;
	harness_end = &test->next;
}

static inline void harness_fail(bool fatal)
{
	harness_failed = true;
	if (fatal)
		longjmp(harness_abort, 1);
}

static inline void harness_eq(const char *what, int line, bool fatal,
			      unsigned long long expected,
			      unsigned long long seen)
{
	if (expected == seen)
		return;
	printf("# line %d: %s is %llu (%#llx), not %llu (%#llx)\n", line, what,
	       seen, seen, expected, expected);
	harness_fail(fatal);
}

static inline void harness_streq(const char *what, int line, bool fatal,
				 const char *expected, const char *seen)
{
	if (!strcmp(expected, seen))
		return;
	printf("# line %d: %s is '%s', not '%s'\n", line, what, seen, expected);
	harness_fail(fatal);
}

/* Tests run in the order in which they are written. */
#define TEST(name)							\
	static void name(void);						\
	static struct harness_test harness_##name = { #name, name, NULL }; \
	__attribute__((constructor)) static void harness_add_##name(void) \
	{								\
		harness_add(&harness_##name);				\
	}								\
	static void name(void)

#define HARNESS_EQ(expected, seen, fatal)				\
	harness_eq(#seen, __LINE__, fatal, (unsigned long long)(expected), \
		   (unsigned long long)(seen))

#define EXPECT_EQ(expected, seen)	HARNESS_EQ(expected, seen, false)
#define ASSERT_EQ(expected, seen)	HARNESS_EQ(expected, seen, true)
#define EXPECT_TRUE(seen)		HARNESS_EQ(true, !!(seen), false)
#define EXPECT_FALSE(seen)		HARNESS_EQ(false, !!(seen), false)
#define ASSERT_TRUE(seen)		HARNESS_EQ(true, !!(seen), true)
#define EXPECT_STREQ(expected, seen)					\
	harness_streq(#seen, __LINE__, false, expected, seen)

static void harness_run(const struct harness_test *test)
{
	harness_failed = false;
	if (!setjmp(harness_abort))
		test->run();
}

int main(void)
{
	struct harness_test *test;
	int nr = 0, failed = 0;

	for (test = harness_first; test; test = test->next)
		nr++;
	printf("KTAP version 1\n1..%d\n", nr);
	nr = 0;
	for (test = harness_first; test; test = test->next) {
		harness_run(test);
		printf("%s %d %s\n", harness_failed ? "not ok" : "ok", ++nr,
		       test->name);
		failed += harness_failed;
	}
	return failed > 0;
}

#endif
