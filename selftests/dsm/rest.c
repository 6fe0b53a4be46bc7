// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that nobody comes to for a while are put to rest, and nobody can tell:
 * what they hold, who may do what with them, and who is told of what.
 */
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Members: the home of the page at self->at, and two others */
enum { H, A, B };

#define PAGES	48	/* of a range, a stripe at each home */
#define SECONDS	120	/* that a test may take */

FIXTURE(rest)
{
	struct cluster c;
	uint64_t at;
	uint64_t range;
};

FIXTURE_SETUP(rest)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_EQ(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "1"));
	/* Only what a test comes to */
	ASSERT_EQ(0, cluster_set(&self->c, "ahead_pages", "0"));
	self->at = fresh_at(&self->c, H);
	self->range = fresh_range(&self->c, PAGES);
}

FIXTURE_TEARDOWN(rest)
{
	EXPECT_EQ(0, cluster_set(&self->c, "rest_ms", "1000"));
	EXPECT_EQ(0, cluster_set(&self->c, "ahead_pages", "64"));
	cluster_close(&self->c);
}

#define FIXTURE_OF_TEST	FIXTURE_DATA(rest)

static volatile uint64_t *nth(FIXTURE_OF_TEST *self, unsigned int node,
			      unsigned int page)
{
	return word(&self->c, node, self->range + page * PAGE);
}

static void store_all(FIXTURE_OF_TEST *self, unsigned int node, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		*nth(self, node, i) = value + i;
}

static unsigned int wrong(FIXTURE_OF_TEST *self, unsigned int node,
			  uint64_t value)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PAGES; i++)
		nr += *nth(self, node, i) != value + i;
	return nr;
}

static uint64_t faults(const struct cluster *c)
{
	return stat_sum(c, "faults_local") + stat_sum(c, "read_faults") +
	       stat_sum(c, "write_faults") + stat_sum(c, "upgrades");
}

TEST_F_TIMEOUT(rest, values, SECONDS)
{
	unsigned int node;

	for (node = 0; node < 3; node++) {
		store_all(self, node, 1000 * node);
		ASSERT_TRUE(pages_rest(&self->c));
		EXPECT_EQ(0, wrong(self, (node + 1) % 3, 1000 * node));
		ASSERT_TRUE(pages_rest(&self->c));
		EXPECT_EQ(0, wrong(self, (node + 2) % 3, 1000 * node));
		EXPECT_EQ(0, wrong(self, node, 1000 * node));
		ASSERT_TRUE(pages_rest(&self->c));
	}
}

/* What is mapped stays mapped: to use it is no fault, and wakes nothing. */
TEST_F_TIMEOUT(rest, mapped, SECONDS)
{
	uint64_t before;

	store_all(self, A, 5);
	ASSERT_TRUE(pages_rest(&self->c));
	before = faults(&self->c);
	EXPECT_EQ(0, wrong(self, A, 5));
	store_all(self, A, 6);
	EXPECT_EQ(before, faults(&self->c));
	EXPECT_EQ(0, stat_sum(&self->c, "awake_pages"));
	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "0"));
	EXPECT_EQ(0, wrong(self, B, 6));
	/* At A and B, and those whose home is elsewhere there, too */
	EXPECT_EQ(2 * PAGES + PAGES / 3, stat_sum(&self->c, "awake_pages"));
}

/* They do not count as gone. */
TEST_F_TIMEOUT(rest, counters, SECONDS)
{
	static const char * const names[] = {
		"resident_pages", "owned_pages", "home_pages",
	};
	uint64_t before[ARRAY_SIZE(names)];
	unsigned int i;

	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "0"));
	store_all(self, A, 5);
	EXPECT_EQ(0, wrong(self, B, 5));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		before[i] = stat_sum(&self->c, names[i]);
	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "1"));
	ASSERT_TRUE(pages_rest(&self->c));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(before[i], stat_sum(&self->c, names[i]));
	EXPECT_EQ(0, wrong(self, H, 5));
}

TEST_F_TIMEOUT(rest, never, SECONDS)
{
	unsigned int i;

	ASSERT_TRUE(pages_rest(&self->c));
	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "0"));
	store_all(self, A, 5);
	for (i = 0; i < 20; i++) {
		/* At A all, and those with another home there */
		EXPECT_EQ(PAGES + PAGES * 2 / 3,
			  stat_sum(&self->c, "awake_pages"));
		sleep_ms(10);
	}
}

/* All that the nodes say of a page, without and with a rest */
static int look(FIXTURE_OF_TEST *self, struct dsm_page_info *info)
{
	unsigned int node;

	if (page_settle(&self->c, self->at))
		return -1;
	for (node = 0; node < 3; node++)
		if (dsm_get_page(self->c.node[node].fd, self->at, &info[node]))
			return -1;
	return 0;
}

static bool says_the_same(FIXTURE_OF_TEST *self)
{
	struct dsm_page_info before[3], after[3];

	if (cluster_set(&self->c, "rest_ms", "0") || look(self, before) ||
	    cluster_set(&self->c, "rest_ms", "1") || !pages_rest(&self->c) ||
	    look(self, after))
		return false;
	return !memcmp(before, after, sizeof(before));
}

TEST_F_TIMEOUT(rest, what_nodes_say, SECONDS)
{
	volatile uint64_t *p[3] = {
		word(&self->c, H, self->at), word(&self->c, A, self->at),
		word(&self->c, B, self->at),
	};
	unsigned int i, j;

	EXPECT_TRUE(says_the_same(self));
	for (i = 0; i < 3; i++) {
		*p[i] = i;
		EXPECT_TRUE(says_the_same(self));
		for (j = 1; j < 3; j++) {
			EXPECT_EQ(i, *p[(i + j) % 3]);
			EXPECT_TRUE(says_the_same(self));
		}
	}
}

/* An upgrade is one, and moves no bytes. */
TEST_F_TIMEOUT(rest, upgrade, SECONDS)
{
	uint64_t upgrades, pages;

	*word(&self->c, A, self->at) = 1;
	EXPECT_EQ(1, *word(&self->c, B, self->at));
	ASSERT_TRUE(pages_rest(&self->c));
	upgrades = stat_sum(&self->c, "upgrades");
	pages = stat_sum(&self->c, "pages_out");
	*word(&self->c, B, self->at) = 2;
	EXPECT_EQ(upgrades + 1, stat_sum(&self->c, "upgrades"));
	EXPECT_EQ(pages, stat_sum(&self->c, "pages_out"));
	EXPECT_EQ(2, *word(&self->c, A, self->at));
}

/* The home remembers how a page is used: who reads it will write it, too. */
TEST_F_TIMEOUT(rest, migratory, SECONDS)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i, *word(&self->c, i % 2 ? A : B, self->at));
		if (i == 3)
			break;
		*word(&self->c, i % 2 ? A : B, self->at) = i + 1;
		ASSERT_TRUE(pages_rest(&self->c));
	}
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(&self->c.node[A], self->at));
}

struct sleeper {
	volatile uint32_t *futex;
	volatile pid_t thread;
	volatile int error;
};

static void *sleep_there(void *arg)
{
	struct sleeper *s = arg;

	s->thread = gettid();
	while (!*s->futex) {
		if (syscall(SYS_futex, s->futex, FUTEX_WAIT, 0, NULL) &&
		    errno != EAGAIN && errno != EINTR) {
			s->error = errno;
			break;
		}
	}
	return NULL;
}

/* Who sleeps on a word of a page at rest hears of it when that changes. */
TEST_F_TIMEOUT(rest, sleeper, SECONDS)
{
	struct sleeper s = {
		.futex = (volatile uint32_t *)word(&self->c, A, self->at),
	};
	struct timespec end;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_there, &s));
	EXPECT_TRUE(wait_for(s.thread && sleeps_in(s.thread, SYS_futex)));
	ASSERT_TRUE(pages_rest(&self->c));
	*(volatile uint32_t *)word(&self->c, B, self->at) = 1;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	EXPECT_EQ(0, pthread_timedjoin_np(thread, NULL, &end));
	EXPECT_EQ(0, s.error);
}

/* ---- pages that rest as often as they can while they are fought for ---- */

#define THREADS		6
#define ROUNDS		150
#define SHARED		12	/* pages */

struct fighter {
	FIXTURE_OF_TEST *self;
	unsigned int nr;
	uint64_t state;
	unsigned int failed;
};

static void *fight(void *arg)
{
	struct fighter *f = arg;
	struct cluster *c = &f->self->c;
	unsigned int i, node = f->nr % 3;

	for (i = 0; i < ROUNDS; i++) {
		uint64_t draw = random_next(&f->state);
		uint64_t at = f->self->range + draw % SHARED * PAGE;
		struct dsm_page_info info;
		uint64_t value;

		atomic_inc64(word(c, node, at));
		switch (draw >> 32 & 3) {
		case 0:
			f->failed += !!dsm_get_page(c->node[node].fd, at,
						    &info);
			break;
		case 1:
			f->failed += pread(c->node[node].fd, &value, 8, at) !=
				     8 || !value;
			break;
		case 2:
			usleep(draw >> 40 & 8191);
			break;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(rest, while_fought_for, SECONDS)
{
	struct fighter fighters[THREADS];
	pthread_t threads[THREADS];
	uint64_t sum = 0, seed = random_seed();
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		fighters[i] = (struct fighter) {
			.self = self, .nr = i, .state = seed + i,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, fight,
					    &fighters[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, fighters[i].failed);
	}
	for (i = 0; i < SHARED; i++)
		sum += *nth(self, H, i);
	EXPECT_EQ(THREADS * ROUNDS, sum);
	EXPECT_TRUE(pages_rest(&self->c));
}

TEST_HARNESS_MAIN
