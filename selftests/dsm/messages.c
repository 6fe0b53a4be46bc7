// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an access costs: messages and pages, from the counters of all nodes.
 *
 * An access that misses takes a request and its answer, and tells the home when
 * it is done. Each case has pages of its own, because a page's history changes
 * what it costs (see "migratory" in the protocol).
 */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Members: the home of all pages here, and two others */
enum { H, A, B };

#define THREADS	16

/* Pages of six nodes may have to rest before each step, on a slow machine. */
#define SECONDS	300

/**
 * struct traffic - the counters of all nodes, or how much they grew
 * @messages:	sent
 * @pages:	sent
 * @upgrades:	that nodes have made
 */
struct traffic {
	uint64_t messages;
	uint64_t pages;
	uint64_t upgrades;
};

FIXTURE(messages)
{
	struct cluster c;
	uint64_t at;
	struct traffic before;
	bool restless;
};

FIXTURE_SETUP(messages)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	/* Only what a test asks for */
	ASSERT_EQ(0, cluster_set(&self->c, "ahead_pages", "0"));
	self->at = fresh_at(&self->c, H);
}

FIXTURE_TEARDOWN(messages)
{
	EXPECT_FALSE(self->restless);
	/* Nothing is lost and nothing comes twice. */
	EXPECT_EQ(0, messages_settle(&self->c));
	EXPECT_EQ(stat_sum(&self->c, "pages_in"),
		  stat_sum(&self->c, "pages_out"));
	EXPECT_EQ(0, cluster_set(&self->c, "ahead_pages", "64"));
	cluster_close(&self->c);
}

static struct traffic traffic_now(const struct cluster *c)
{
	struct traffic t = {
		.messages = stat_sum(c, "messages_out"),
		.pages = stat_sum(c, "pages_out"),
		.upgrades = stat_sum(c, "upgrades"),
	};

	return t;
}

static void load(FIXTURE_DATA(messages) *self, unsigned int node)
{
	self->restless |= !let_rest(&self->c);
	(void)*word(&self->c, node, self->at);
	page_settle(&self->c, self->at);
}

static void store(FIXTURE_DATA(messages) *self, unsigned int node)
{
	self->restless |= !let_rest(&self->c);
	*word(&self->c, node, self->at) = node + 1;
	page_settle(&self->c, self->at);
}

static void meter_start(FIXTURE_DATA(messages) *self)
{
	page_settle(&self->c, self->at);
	messages_settle(&self->c);
	self->before = traffic_now(&self->c);
}

static struct traffic meter_stop(FIXTURE_DATA(messages) *self)
{
	struct traffic t;

	page_settle(&self->c, self->at);
	messages_settle(&self->c);
	t = traffic_now(&self->c);
	t.messages -= self->before.messages;
	t.pages -= self->before.pages;
	t.upgrades -= self->before.upgrades;
	return t;
}

static struct traffic cost_of_load(FIXTURE_DATA(messages) *self,
				   unsigned int node)
{
	meter_start(self);
	load(self, node);
	return meter_stop(self);
}

static struct traffic cost_of_store(FIXTURE_DATA(messages) *self,
				    unsigned int node)
{
	meter_start(self);
	store(self, node);
	return meter_stop(self);
}

TEST_F(messages, untouched_at_home)
{
	struct traffic t;

	t = cost_of_load(self, H);
	EXPECT_EQ(0, t.messages);
	t = cost_of_store(self, H);
	EXPECT_EQ(0, t.messages);
	self->at += PAGE;
	t = cost_of_store(self, H);
	EXPECT_EQ(0, t.messages);
}

TEST_F(messages, resident)
{
	struct traffic t;

	store(self, H);
	load(self, A);
	t = cost_of_load(self, A);
	EXPECT_EQ(0, t.messages);
	store(self, A);
	t = cost_of_load(self, A);
	EXPECT_EQ(0, t.messages);
	t = cost_of_store(self, A);
	EXPECT_EQ(0, t.messages);
}

TEST_F(messages, resident_in_another_mapping)
{
	struct node *n = &self->c.node[A];
	volatile uint64_t *other;
	struct traffic t;
	uint64_t local;

	store(self, A);
	other = dsm_map(n->fd, self->at, PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, other);
	meter_start(self);
	local = stat_of(n, "faults_local");
	*other = 5;
	t = meter_stop(self);
	EXPECT_EQ(0, t.messages);
	EXPECT_LT(local, stat_of(n, "faults_local"));
}

TEST_F(messages, first_read)
{
	struct traffic t = cost_of_load(self, A);

	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(0, t.pages);
}

TEST_F(messages, first_write)
{
	struct traffic t = cost_of_store(self, A);

	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(0, t.pages);
}

TEST_F(messages, read_miss_owner_at_home)
{
	uint64_t faults = stat_of(&self->c.node[A], "read_faults");
	struct traffic t;

	store(self, H);
	t = cost_of_load(self, A);
	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(1, t.pages);
	EXPECT_EQ(faults + 1, stat_of(&self->c.node[A], "read_faults"));
}

TEST_F(messages, read_miss_third_owner)
{
	struct traffic t;

	store(self, A);
	t = cost_of_load(self, B);
	EXPECT_EQ(4, t.messages);
	EXPECT_EQ(1, t.pages);
}

TEST_F(messages, read_miss_of_home)
{
	struct traffic t;

	store(self, A);
	t = cost_of_load(self, H);
	EXPECT_GE(3, t.messages);
	EXPECT_EQ(1, t.pages);
}

TEST_F(messages, write_miss_owner_at_home)
{
	uint64_t faults = stat_of(&self->c.node[A], "write_faults");
	struct traffic t;

	store(self, H);
	t = cost_of_store(self, A);
	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(1, t.pages);
	EXPECT_EQ(faults + 1, stat_of(&self->c.node[A], "write_faults"));
}

TEST_F_TIMEOUT(messages, write_miss_with_copies, SECONDS)
{
	unsigned int k, i;

	/* A owns the page, k others have copies, and B writes. */
	for (k = 0; k <= self->c.nr - 2; k++) {
		unsigned int copies = 0;
		uint64_t in, out;
		struct traffic t;

		store(self, A);
		for (i = 0; copies < k; i++) {
			if (i == A || i == B)
				continue;
			load(self, i);
			copies++;
		}
		in = stat_sum(&self->c, "invalidations_in");
		out = stat_sum(&self->c, "invalidations_out");
		t = cost_of_store(self, B);
		EXPECT_GE(2 * k + 4, t.messages);
		EXPECT_EQ(1, t.pages);
		EXPECT_EQ(0, t.upgrades);
		in = stat_sum(&self->c, "invalidations_in") - in;
		out = stat_sum(&self->c, "invalidations_out") - out;
		EXPECT_EQ(out, in);
		/* The home needs no message to drop its own copy. */
		EXPECT_LE(k, in + 1);
		self->at += PAGE;
	}
}

TEST_F_TIMEOUT(messages, upgrade_with_copies, SECONDS)
{
	unsigned int k, i;

	/* B and k others, the owner among them, have copies, and B writes. */
	for (k = 1; k < self->c.nr; k++) {
		unsigned int copies = 1;
		struct traffic t;

		store(self, A);
		load(self, B);
		for (i = 0; copies < k; i++) {
			if (i == A || i == B)
				continue;
			load(self, i);
			copies++;
		}
		t = cost_of_store(self, B);
		EXPECT_GE(2 * k + 4, t.messages);
		EXPECT_EQ(0, t.pages);
		EXPECT_EQ(1, t.upgrades);
		self->at += PAGE;
	}
}

TEST_F(messages, upgrade_of_home)
{
	struct traffic t;

	store(self, A);
	load(self, H);
	t = cost_of_store(self, H);
	EXPECT_GE(6, t.messages);
	EXPECT_EQ(0, t.pages);
	EXPECT_EQ(1, t.upgrades);
}

TEST_F(messages, upgrade_of_owner)
{
	struct traffic t;

	store(self, A);
	load(self, B);
	t = cost_of_store(self, A);
	EXPECT_GE(6, t.messages);
	EXPECT_EQ(0, t.pages);
	EXPECT_EQ(1, t.upgrades);
}

TEST_F(messages, looking_is_free)
{
	struct dsm_page_info page;
	struct dsm_info info;
	struct traffic t;
	unsigned int i;
	__u64 rtt;

	meter_start(self);
	for (i = 0; i < self->c.nr; i++) {
		EXPECT_EQ(0, dsm_get_info(self->c.node[i].fd, &info));
		EXPECT_EQ(0, dsm_get_page(self->c.node[i].fd, self->at, &page));
		EXPECT_EQ(DSM_PAGE_NONE, page.state);
	}
	EXPECT_EQ(0, dsm_ping_node(self->c.node[A].fd, self->c.node[B].id, 64,
				   10000, &rtt));
	t = meter_stop(self);
	EXPECT_EQ(0, t.messages);
}

TEST_F(messages, per_node)
{
	struct node *home = &self->c.node[H], *asker = &self->c.node[A];
	char sent[64], got[64], before[2][DSM_ATTR_MAX], after[DSM_ATTR_MAX];

	store(self, H);
	snprintf(sent, sizeof(sent), "nodes/%" PRIu32 "/pages_out", asker->id);
	snprintf(got, sizeof(got), "nodes/%" PRIu32 "/pages_in", home->id);
	ASSERT_EQ(0, dsm_attr_read(home->name, sent, before[0], DSM_ATTR_MAX));
	ASSERT_EQ(0, dsm_attr_read(asker->name, got, before[1], DSM_ATTR_MAX));
	load(self, A);
	ASSERT_EQ(0, dsm_attr_read(home->name, sent, after, DSM_ATTR_MAX));
	EXPECT_EQ(atoll(before[0]) + 1, atoll(after));
	ASSERT_EQ(0, dsm_attr_read(asker->name, got, after, DSM_ATTR_MAX));
	EXPECT_EQ(atoll(before[1]) + 1, atoll(after));
}

TEST_F(messages, pages_held)
{
	struct node *n = &self->c.node[A];
	uint64_t resident = stat_of(n, "resident_pages");
	uint64_t owned = stat_of(n, "owned_pages");

	store(self, H);
	load(self, A);
	EXPECT_EQ(resident + 1, stat_of(n, "resident_pages"));
	EXPECT_EQ(owned, stat_of(n, "owned_pages"));
	store(self, A);
	EXPECT_EQ(resident + 1, stat_of(n, "resident_pages"));
	EXPECT_EQ(owned + 1, stat_of(n, "owned_pages"));
	store(self, B);
	EXPECT_EQ(resident, stat_of(n, "resident_pages"));
	EXPECT_EQ(owned, stat_of(n, "owned_pages"));
}

/**
 * struct crowd - threads that touch one page at the same time
 * @start:	where they meet
 * @words:	the page; each has a word of its own
 * @write:	whether they store
 * @sum:	of the words that they loaded
 */
struct crowd {
	pthread_barrier_t start;
	volatile uint64_t *words;
	bool write;
	uint64_t sum;
};

struct one {
	struct crowd *crowd;
	unsigned int number;
};

static void *touch(void *arg)
{
	struct one *one = arg;
	struct crowd *crowd = one->crowd;

	pthread_barrier_wait(&crowd->start);
	if (crowd->write)
		crowd->words[one->number] = one->number + 1;
	else
		__atomic_fetch_add(&crowd->sum, crowd->words[one->number],
				   __ATOMIC_RELAXED);
	return NULL;
}

/* Let sixteen threads of node A touch the page; what did it cost? */
static struct traffic cost_of_crowd(FIXTURE_DATA(messages) *self,
				    struct crowd *crowd)
{
	pthread_t thread[THREADS];
	struct one one[THREADS];
	unsigned int i;

	crowd->words = word(&self->c, A, self->at);
	pthread_barrier_init(&crowd->start, NULL, THREADS);
	meter_start(self);
	for (i = 0; i < THREADS; i++) {
		one[i].crowd = crowd;
		one[i].number = i;
		pthread_create(&thread[i], NULL, touch, &one[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return meter_stop(self);
}

TEST_F(messages, threads_share_a_read)
{
	struct crowd crowd = { .write = false };
	struct traffic t;
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		word(&self->c, H, self->at)[i] = 10 + i;
	t = cost_of_crowd(self, &crowd);
	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(1, t.pages);
	EXPECT_EQ(10 * THREADS + THREADS * (THREADS - 1) / 2, crowd.sum);
}

TEST_F(messages, threads_share_a_write)
{
	struct crowd crowd = { .write = true };
	struct traffic t;
	unsigned int i;

	store(self, H);
	t = cost_of_crowd(self, &crowd);
	EXPECT_EQ(2, t.messages);
	EXPECT_EQ(1, t.pages);
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(i + 1, word(&self->c, B, self->at)[i]);
}

TEST_HARNESS_MAIN
