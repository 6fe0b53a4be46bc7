// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking ahead: a thread that goes through pages at equal distances waits for
 * the first three, and finds the others here or on their way. What is asked for
 * in vain is bounded, and who only reads takes no page from its writer.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Pages until a stream is known */
#define KNOWN	3U
/* The range, whose middle third is gone through; and the largest batch */
#define PAGES	480U
#define THIRD	(PAGES / 3)
#define BATCH	16U

/* On a machine that checks itself, with little time for it */
#define SECONDS	120

FIXTURE(ahead)
{
	struct cluster c;
	uint64_t at;
};

/* Node 1 has stored to all pages, each its number. */
FIXTURE_SETUP(ahead)
{
	struct cluster *c = &self->c;
	unsigned int i;

	ASSERT_EQ(0, cluster_open(c));
	ASSERT_LE(2, c->nr);
	ASSERT_EQ(0, cluster_map(c));
	self->at = fresh_range(c, PAGES);
	ASSERT_EQ(0, instance_set(1, "ahead_pages", "0"));
	for (i = 0; i < PAGES; i++)
		*word(c, 1, self->at + i * PAGE) = i;
	ASSERT_EQ(0, instance_set(0, "ahead_pages", "16"));
}

FIXTURE_TEARDOWN(ahead)
{
	EXPECT_EQ(0, cluster_set(&self->c, "ahead_pages", "64"));
	cluster_close(&self->c);
}

/* How many pages of the range a node has */
static unsigned int nr_here(const struct cluster *c, unsigned int node,
			    uint64_t at)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PAGES; i++)
		nr += page_state(&c->node[node], at + i * PAGE) !=
		      DSM_PAGE_NONE;
	return nr;
}

static bool load(volatile uint64_t *p, uint64_t number)
{
	return *p == number;
}

static bool store(volatile uint64_t *p, uint64_t number)
{
	*p = number + 1;
	return true;
}

/* The load faults for itself, and then the store. */
static bool change(volatile uint64_t *p, uint64_t number)
{
	uint64_t was = *p;

	*p = was + 1;
	return was == number;
}

/* Node 0 does something at @count pages; returns at how many it was right. */
static unsigned int go(const struct cluster *c, uint64_t at, int first,
		       int stride, unsigned int count,
		       bool (*what)(volatile uint64_t *p, uint64_t number))
{
	unsigned int right = 0;

	for (; count--; first += stride)
		right += what(word(c, 0, at + first * PAGE), first);
	return right;
}

FIXTURE_VARIANT(ahead)
{
	int first;
	int stride;
	unsigned int count;
};

FIXTURE_VARIANT_ADD(ahead, up)
{
	.first = THIRD, .stride = 1, .count = THIRD,
};

FIXTURE_VARIANT_ADD(ahead, down)
{
	.first = 2 * THIRD - 1, .stride = -1, .count = THIRD,
};

FIXTURE_VARIANT_ADD(ahead, up_by_three)
{
	.first = THIRD, .stride = 3, .count = THIRD / 3,
};

FIXTURE_VARIANT_ADD(ahead, down_by_two)
{
	.first = 2 * THIRD - 1, .stride = -2, .count = THIRD / 2,
};

TEST_F_TIMEOUT(ahead, loads, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults");

	EXPECT_EQ(variant->count, go(c, self->at, variant->first,
				     variant->stride, variant->count, load));
	EXPECT_EQ(faults + KNOWN, stat_of(n, "read_faults"));
	ASSERT_EQ(0, messages_settle(c));
	EXPECT_GE(variant->count + 2 * BATCH, nr_here(c, 0, self->at));
	/* The writer has copies of all that it had. */
	EXPECT_EQ(PAGES, nr_here(c, 1, self->at));
}

TEST_F_TIMEOUT(ahead, stores, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "write_faults");
	uint64_t upgrades = stat_of(n, "upgrades");

	go(c, self->at, variant->first, variant->stride, variant->count, store);
	EXPECT_EQ(faults + KNOWN, stat_of(n, "write_faults"));
	EXPECT_EQ(upgrades, stat_of(n, "upgrades"));
	ASSERT_EQ(0, messages_settle(c));
	EXPECT_GE(variant->count + 2 * BATCH, nr_here(c, 0, self->at));
	EXPECT_EQ(variant->first + 1,
		  *word(c, 1, self->at + variant->first * PAGE));
}

/* Loads that are followed by stores ask for the right to store. */
TEST_F_TIMEOUT(ahead, changes, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults");
	uint64_t upgrades = stat_of(n, "upgrades");

	EXPECT_EQ(variant->count, go(c, self->at, variant->first,
				     variant->stride, variant->count, change));
	EXPECT_EQ(faults + KNOWN, stat_of(n, "read_faults"));
	EXPECT_EQ(upgrades + KNOWN, stat_of(n, "upgrades"));
}

/* The calls of files go through pages as mappings do. */
TEST_F_TIMEOUT(ahead, reads, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults"), value;
	int i = variant->first;
	unsigned int count;

	for (count = variant->count; count--; i += variant->stride) {
		ASSERT_EQ(sizeof(value), pread(n->fd, &value, sizeof(value),
					       self->at + i * PAGE));
		EXPECT_EQ(i, value);
	}
	EXPECT_EQ(faults + KNOWN, stat_of(n, "read_faults"));
}

/* A batch when the stream is known, and one twice as large at its first page */
TEST_F_TIMEOUT(ahead, batches, SECONDS)
{
	enum { FIRST = 4, SECOND = 2 * FIRST };
	struct cluster *c = &self->c;

	EXPECT_EQ(KNOWN + 1, go(c, self->at, variant->first, variant->stride,
				KNOWN + 1, load));
	ASSERT_EQ(0, messages_settle(c));
	EXPECT_EQ(KNOWN + FIRST + SECOND, nr_here(c, 0, self->at));
}

TEST_F_TIMEOUT(ahead, not_if_it_is_off, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults");

	ASSERT_EQ(0, instance_set(0, "ahead_pages", "0"));
	EXPECT_EQ(variant->count, go(c, self->at, variant->first,
				     variant->stride, variant->count, load));
	EXPECT_EQ(faults + variant->count, stat_of(n, "read_faults"));
	EXPECT_EQ(variant->count, nr_here(c, 0, self->at));
}

TEST_F_TIMEOUT(ahead, not_against_advice, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults");

	ASSERT_EQ(0, madvise(n->map + self->at, PAGES * PAGE, MADV_RANDOM));
	EXPECT_EQ(variant->count, go(c, self->at, variant->first,
				     variant->stride, variant->count, load));
	EXPECT_EQ(faults + variant->count, stat_of(n, "read_faults"));
	EXPECT_EQ(variant->count, nr_here(c, 0, self->at));
}

FIXTURE(around)
{
	struct cluster c;
	uint64_t at;
};

FIXTURE_SETUP(around)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(2, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_range(&self->c, PAGES);
}

FIXTURE_TEARDOWN(around)
{
	EXPECT_EQ(0, instance_set(0, "ahead_pages", "64"));
	cluster_close(&self->c);
}

/* Distances that are all different are no stream. */
TEST_F_TIMEOUT(around, not_elsewhere, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "read_faults");
	unsigned int i, touched = 0;

	for (i = 0; i < PAGES; i += ++touched)
		EXPECT_EQ(0, *word(c, 0, self->at + i * PAGE));
	EXPECT_EQ(touched, nr_here(c, 0, self->at));
	/* Pages at home here need no request. */
	EXPECT_GE(faults + touched, stat_of(n, "read_faults"));
}

/*
 * Pages that nobody need be asked for, as the first ones here, show a way. Of
 * more than 16 pages some would stand in line, where a thread that runs while
 * answers are still being taken can come to one before it has been asked for.
 */
TEST_F_TIMEOUT(around, first_touch, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t faults = stat_of(n, "write_faults");

	ASSERT_EQ(0, instance_set(0, "ahead_pages", "16"));
	go(c, self->at, 0, 1, PAGES, store);
	EXPECT_EQ(faults, stat_of(n, "write_faults"));
}

/*
 * Who goes round three pages makes two steps of the same length in each round.
 * That is believed to be a stream once, not in every round.
 */
TEST_F_TIMEOUT(around, not_round_and_round, SECONDS)
{
	enum { ROUNDS = 20, NR = 3, APART = 2, IN_VAIN = 8 };
	struct cluster *c = &self->c;
	unsigned int round, node, i;
	uint64_t sent;

	for (i = 0; i < PAGES; i++)
		*word(c, 1, self->at + i * PAGE) = i;
	sent = stat_sum(c, "pages_out");
	for (round = 0; round < ROUNDS; round++)
		for (node = 0; node < 2; node++)
			for (i = 0; i < NR; i++)
				++*word(c, node, self->at +
					(THIRD - i * APART) * PAGE);
	sent = stat_sum(c, "pages_out") - sent;
	EXPECT_LE(2 * ROUNDS - 1, sent / NR);
	EXPECT_GE(2 * ROUNDS * NR + 2 * IN_VAIN, sent);
}

/* Up to the last page of the region, and to no other */
TEST_F_TIMEOUT(around, ends_with_the_region, SECONDS)
{
	struct cluster *c = &self->c;
	uint64_t end = c->size;
	unsigned int i;

	for (i = 10; i; i--)
		EXPECT_EQ(0, *word(c, 0, end - i * PAGE));
	for (i = 1; i <= 10; i++)
		EXPECT_EQ(0, *word(c, 1, end - i * PAGE));
}

/* A load maps what is here around it, and follows what happens there. */
TEST_F_TIMEOUT(around, maps_its_neighbours, SECONDS)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	uint64_t local;
	unsigned int i;
	char *p;

	for (i = 0; i < PAGES; i++)
		*word(c, 0, self->at + i * PAGE) = i;
	p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, n->fd, self->at);
	ASSERT_NE(MAP_FAILED, p);
	local = stat_of(n, "faults_local");
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(i, *(uint64_t *)(p + i * PAGE));
	EXPECT_GT(PAGES / 8, stat_of(n, "faults_local") - local);

	for (i = 0; i < PAGES; i += 5)
		*word(c, 1, self->at + i * PAGE) = i + 1;
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(i + !(i % 5), *(volatile uint64_t *)(p + i * PAGE));
	munmap(p, PAGES * PAGE);
}

TEST_HARNESS_MAIN
