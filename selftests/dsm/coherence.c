// SPDX-License-Identifier: GPL-2.0-only
/*
 * One memory: what one node stores, the others load, in one order that all
 * agree on, and no atomic operation is lost.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

FIXTURE(coherence)
{
	struct cluster c;
	unsigned int failed;
	pid_t children[NODES_MAX * 4];
	unsigned int nr_children;
};

FIXTURE_SETUP(coherence)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(coherence)
{
	cluster_close(&self->c);
}

/* Start a child; true in the child, which ends with _exit() */
static bool child(FIXTURE_DATA(coherence) *self)
{
	pid_t pid = fork();

	if (!pid)
		return true;
	if (pid > 0)
		self->children[self->nr_children++] = pid;
	else
		self->failed++;
	return false;
}

/* How many children failed */
static unsigned int join(FIXTURE_DATA(coherence) *self)
{
	unsigned int i;
	int status;

	for (i = 0; i < self->nr_children; i++)
		if (waitpid(self->children[i], &status, 0) < 0 ||
		    !WIFEXITED(status) || WEXITSTATUS(status))
			self->failed++;
	self->nr_children = 0;
	return self->failed;
}

TEST_F(coherence, everybody_reads_everybody)
{
	unsigned int nr = self->c.nr, home, writer, reader;
	uint64_t at;

	for (home = 0; home < nr; home++) {
		at = fresh_at(&self->c, home);
		for (writer = 0; writer < nr; writer++) {
			*word(&self->c, writer, at) = 100 * home + writer;
			for (reader = 0; reader < nr; reader++)
				EXPECT_EQ(100 * home + writer,
					  *word(&self->c, reader, at));
		}
	}
}

TEST_F(coherence, whole_page)
{
	uint64_t at = fresh_at(&self->c, 1);
	unsigned int i, wrong = 0;

	for (i = 0; i < PAGE / 8; i++)
		word(&self->c, 0, at)[i] = i * 0x9e3779b97f4a7c15;
	for (i = 0; i < PAGE / 8; i++)
		wrong += word(&self->c, 2, at)[i] != i * 0x9e3779b97f4a7c15;
	EXPECT_EQ(0, wrong);
}

TEST_F(coherence, untouched_is_zero)
{
	uint64_t at = fresh_at(&self->c, 0);
	unsigned int node, i, wrong = 0;

	for (node = 0; node < self->c.nr; node++)
		for (i = 0; i < PAGE / 8; i++)
			wrong += word(&self->c, node, at)[i] != 0;
	EXPECT_EQ(0, wrong);
}

TEST_F(coherence, neighbours_in_a_page)
{
	uint64_t at = fresh_at(&self->c, 2);
	unsigned int nr = self->c.nr, round, node;

	for (round = 1; round <= 20; round++)
		for (node = 0; node < nr; node++)
			word(&self->c, node, at)[node]++;
	for (node = 0; node < nr; node++)
		EXPECT_EQ(20, word(&self->c, 0, at)[node]);
}

TEST_F_TIMEOUT(coherence, atomic_counter, 60)
{
	enum { PROCESSES = 2, ROUNDS = 2000 };
	struct barrier *start = shared_alloc(sizeof(*start));
	uint64_t at = fresh_at(&self->c, 0);
	unsigned int nr = self->c.nr, i, round;

	start->parties = nr * PROCESSES;
	for (i = 0; i < nr * PROCESSES; i++) {
		if (!child(self))
			continue;
		barrier_wait(start);
		for (round = 0; round < ROUNDS; round++)
			atomic_inc64(word(&self->c, i % nr, at));
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	for (i = 0; i < nr; i++)
		EXPECT_EQ(nr * PROCESSES * ROUNDS, *word(&self->c, i, at));
}

TEST_F_TIMEOUT(coherence, page_crossing_counter, 60)
{
	enum { ROUNDS = 60 };
	struct barrier *start = shared_alloc(sizeof(*start));
	/* Half in the last page of one stripe, half in the next home's. */
	uint64_t at = fresh_range(&self->c, 32) + STRIPE - 4;
	unsigned int nr = self->c.nr, i, round;
	uint64_t seen;

	start->parties = nr;
	for (i = 0; i < nr; i++) {
		if (!child(self))
			continue;
		barrier_wait(start);
		for (round = 0; round < ROUNDS; round++)
			atomic_inc64(self->c.node[i].map + at);
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	for (i = 0; i < nr; i++) {
		memcpy(&seen, self->c.node[i].map + at, sizeof(seen));
		EXPECT_EQ(nr * ROUNDS, seen);
	}
}

TEST_F_TIMEOUT(coherence, compare_and_swap, 60)
{
	enum { ROUNDS = 200 };
	struct barrier *start = shared_alloc(sizeof(*start));
	uint64_t at = fresh_at(&self->c, 1);
	unsigned int nr = self->c.nr, i, round;

	start->parties = nr;
	for (i = 0; i < nr; i++) {
		volatile uint64_t *p = word(&self->c, i, at);
		uint64_t old;

		if (!child(self))
			continue;
		barrier_wait(start);
		for (round = 0; round < ROUNDS; round++) {
			old = *p;
			while (!__atomic_compare_exchange_n(p, &old, old + 1,
							    false,
							    __ATOMIC_SEQ_CST,
							    __ATOMIC_SEQ_CST))
				;
		}
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	EXPECT_EQ(nr * ROUNDS, *word(&self->c, 0, at));
}

/* A lock of our own, and a page of plain data under it */
TEST_F_TIMEOUT(coherence, spinlock, 60)
{
	enum { ROUNDS = 30 };
	uint64_t lock_at = fresh_at(&self->c, 0);
	uint64_t data_at = fresh_at(&self->c, 1);
	unsigned int nr = self->c.nr, i, round, k;

	for (i = 0; i < nr; i++) {
		volatile uint64_t *lock = word(&self->c, i, lock_at);
		volatile uint64_t *data = word(&self->c, i, data_at);

		if (!child(self))
			continue;
		for (round = 0; round < ROUNDS; round++) {
			while (__atomic_exchange_n(lock, 1, __ATOMIC_SEQ_CST))
				while (*lock)
					sleep_ms(1);
			for (k = 1; k < PAGE / 8; k++)
				if (data[k] != data[0])
					_exit(1);
			for (k = 0; k < PAGE / 8; k++)
				data[k]++;
			__atomic_store_n(lock, 0, __ATOMIC_SEQ_CST);
		}
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	EXPECT_EQ(nr * ROUNDS, *word(&self->c, 0, data_at));
}

/* Each stores to its own word, then loads the other's: one sees the other. */
TEST_F_TIMEOUT(coherence, store_buffering, 60)
{
	enum { ROUNDS = 100 };
	struct {
		struct barrier round;
		uint64_t seen[2][ROUNDS];
	} *shared = shared_alloc(sizeof(*shared));
	uint64_t at[2] = { fresh_at(&self->c, 0), fresh_at(&self->c, 1) };
	unsigned int me, r, forbidden = 0;

	shared->round.parties = 2;
	for (me = 0; me < 2; me++) {
		volatile uint64_t *mine = word(&self->c, me, at[me]);
		volatile uint64_t *other = word(&self->c, me, at[!me]);

		if (!child(self))
			continue;
		for (r = 0; r < ROUNDS; r++) {
			barrier_wait(&shared->round);
			mine[r] = 1;
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			shared->seen[me][r] = other[r];
		}
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	for (r = 0; r < ROUNDS; r++)
		forbidden += !shared->seen[0][r] && !shared->seen[1][r];
	EXPECT_EQ(0, forbidden);
}

/* Two write, two read in opposite orders: the readers agree on the order. */
TEST_F_TIMEOUT(coherence, independent_writers, 60)
{
	enum { ROUNDS = 60, X = 0, Y = 1 };
	struct {
		struct barrier round;
		uint64_t seen[2][2][ROUNDS];
	} *shared = shared_alloc(sizeof(*shared));
	uint64_t at[2] = { fresh_at(&self->c, 0), fresh_at(&self->c, 1) };
	unsigned int me, r, forbidden = 0;

	shared->round.parties = 4;
	for (me = 0; me < 4; me++) {
		unsigned int node = me < 2 ? me : self->c.nr - (me - 1);
		volatile uint64_t *p[2] = {
			word(&self->c, node, at[X]),
			word(&self->c, node, at[Y]),
		};

		if (!child(self))
			continue;
		for (r = 0; r < ROUNDS; r++) {
			barrier_wait(&shared->round);
			if (me < 2) {
				p[me][r] = 1;
				continue;
			}
			shared->seen[me - 2][me - 2][r] = p[me - 2][r];
			shared->seen[me - 2][3 - me][r] = p[3 - me][r];
		}
		_exit(0);
	}
	ASSERT_EQ(0, join(self));
	for (r = 0; r < ROUNDS; r++)
		forbidden += shared->seen[0][X][r] && !shared->seen[0][Y][r] &&
			     shared->seen[1][Y][r] && !shared->seen[1][X][r];
	EXPECT_EQ(0, forbidden);
}

TEST_HARNESS_MAIN
