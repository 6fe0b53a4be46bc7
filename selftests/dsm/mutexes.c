// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes that remember their owner: error-checking, recursive, robust ones and
 * those with a protocol for priorities. They know it by its thread id, which is
 * unique on one machine only. Each node here is a PID namespace with ids of its
 * own: either apart from those of the others, as can be arranged between
 * machines (Documentation/programs.md), or the same.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "kselftest_harness.h"

#include "stage.h"

#define SECONDS		120	/* that a test may take */

/* ---- what works, as long as ids are apart ---- */

FIXTURE(apart)
{
	struct stage st;
	struct actor *a[NODES];
};

FIXTURE_VARIANT(apart)
{
	struct kind kind;
};

FIXTURE_VARIANT_ADD(apart, normal)
{
	.kind = { .type = PTHREAD_MUTEX_NORMAL },
};

FIXTURE_VARIANT_ADD(apart, errorcheck)
{
	.kind = { .type = PTHREAD_MUTEX_ERRORCHECK, .checks = true },
};

FIXTURE_VARIANT_ADD(apart, recursive)
{
	.kind = { .type = PTHREAD_MUTEX_RECURSIVE, .checks = true },
};

FIXTURE_VARIANT_ADD(apart, robust)
{
	.kind = {
		.type = PTHREAD_MUTEX_NORMAL, .robust = true, .checks = true,
	},
};

FIXTURE_VARIANT_ADD(apart, robust_errorcheck)
{
	.kind = {
		.type = PTHREAD_MUTEX_ERRORCHECK, .robust = true,
		.checks = true,
	},
};

FIXTURE_VARIANT_ADD(apart, robust_recursive)
{
	.kind = {
		.type = PTHREAD_MUTEX_RECURSIVE, .robust = true,
		.checks = true,
	},
};

#ifdef __GLIBC__	/* musl has none */
FIXTURE_VARIANT_ADD(apart, ceiling)
{
	.kind = {
		.type = PTHREAD_MUTEX_NORMAL,
		.protocol = PTHREAD_PRIO_PROTECT,
	},
};
#endif

FIXTURE_SETUP(apart)
{
	struct sched_param param = { .sched_priority = 1 };
	unsigned int i;

	ASSERT_EQ(0, stage_open(&self->st, true));
	ASSERT_EQ(0, shared_init(seen_by(&self->st, 0), &variant->kind));
	if (variant->kind.protocol == PTHREAD_PRIO_PROTECT)
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &param));
	for (i = 0; i < NODES; i++)
		self->a[i] = actor(&self->st, i);
}

FIXTURE_TEARDOWN(apart)
{
	stage_close(&self->st);
}

TEST_F_TIMEOUT(apart, excludes, SECONDS)
{
	unsigned int i;

	for (i = 0; i < NODES; i++)
		begin(self->a[i], ADD);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, answer(self->a[i]));
	EXPECT_EQ(NODES * TURNS, seen_by(&self->st, 0)->count);
}

TEST_F_TIMEOUT(apart, held_elsewhere, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(EBUSY, ask(self->a[1], TRYLOCK));
	EXPECT_EQ(ETIMEDOUT, ask(self->a[1], TIMEDLOCK));
	if (variant->kind.checks)
		EXPECT_EQ(EPERM, ask(self->a[1], UNLOCK));

	begin(self->a[2], LOCK);
	EXPECT_TRUE(sleeps(self->a[2]));
	EXPECT_EQ(0, ask(self->a[0], UNLOCK));
	EXPECT_EQ(0, answer(self->a[2]));
	EXPECT_EQ(EBUSY, ask(self->a[0], TRYLOCK));
	EXPECT_EQ(0, ask(self->a[2], UNLOCK));
	EXPECT_EQ(0, ask(self->a[1], TRYLOCK));
	EXPECT_EQ(0, ask(self->a[1], UNLOCK));
}

TEST_F_TIMEOUT(apart, locked_twice, SECONDS)
{
	bool recursive = variant->kind.type == PTHREAD_MUTEX_RECURSIVE;

	ASSERT_EQ(0, ask(self->a[0], LOCK));
	if (variant->kind.type == PTHREAD_MUTEX_ERRORCHECK) {
		EXPECT_EQ(EDEADLK, ask(self->a[0], LOCK));
	} else {
		EXPECT_EQ(recursive ? 0 : ETIMEDOUT,
			  ask(self->a[0], TIMEDLOCK));
	}
	if (recursive) {
		EXPECT_EQ(EBUSY, ask(self->a[1], TRYLOCK));
		EXPECT_EQ(0, ask(self->a[0], UNLOCK));
	}
	EXPECT_EQ(EBUSY, ask(self->a[1], TRYLOCK));
	EXPECT_EQ(0, ask(self->a[0], UNLOCK));
	EXPECT_EQ(0, ask(self->a[1], TRYLOCK));
}

TEST_F_TIMEOUT(apart, condition, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	begin(self->a[0], WAIT);
	EXPECT_TRUE(sleeps(self->a[0]));
	EXPECT_EQ(0, ask(self->a[1], LOCK));
	EXPECT_EQ(0, ask(self->a[1], SIGNAL));
	EXPECT_EQ(0, ask(self->a[1], UNLOCK));
	EXPECT_EQ(0, answer(self->a[0]));
	EXPECT_EQ(EBUSY, ask(self->a[2], TRYLOCK));
	EXPECT_EQ(0, ask(self->a[0], UNLOCK));
}

/* On one machine, too, nobody but a robust mutex tells. */
TEST_F_TIMEOUT(apart, owner_dies, SECONDS)
{
	bool robust = variant->kind.robust;

	ASSERT_EQ(0, ask(self->a[0], LOCK));
	/* Who is told waits for that, however slow the machine is. */
	begin(self->a[1], robust ? LOCK : TIMEDLOCK);
	EXPECT_TRUE(sleeps(self->a[1]));
	EXPECT_EQ(SIGKILL, slay(self->a[0]));
	EXPECT_EQ(robust ? EOWNERDEAD : ETIMEDOUT, answer(self->a[1]));
	EXPECT_EQ(EBUSY, ask(self->a[2], TRYLOCK));
}

/* ---- robust mutexes ---- */

FIXTURE(robust)
{
	struct stage st;
	struct actor *a[NODES];
};

FIXTURE_SETUP(robust)
{
	const struct kind kind = { .robust = true };
	unsigned int i;

	ASSERT_EQ(0, stage_open(&self->st, true));
	ASSERT_EQ(0, shared_init(seen_by(&self->st, 0), &kind));
	for (i = 0; i < NODES; i++)
		self->a[i] = actor(&self->st, i);
}

FIXTURE_TEARDOWN(robust)
{
	stage_close(&self->st);
}

TEST_F_TIMEOUT(robust, made_consistent, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(SIGKILL, slay(self->a[0]));
	EXPECT_EQ(EOWNERDEAD, ask(self->a[1], LOCK));
	EXPECT_EQ(EBUSY, ask(self->a[2], TRYLOCK));
	EXPECT_EQ(0, ask(self->a[1], CONSISTENT));
	EXPECT_EQ(0, ask(self->a[1], UNLOCK));
	EXPECT_EQ(0, ask(self->a[2], LOCK));
	EXPECT_EQ(0, ask(self->a[2], UNLOCK));
}

TEST_F_TIMEOUT(robust, not_recoverable, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(SIGKILL, slay(self->a[0]));
	EXPECT_EQ(EOWNERDEAD, ask(self->a[1], TRYLOCK));
	begin(self->a[2], LOCK);
	EXPECT_TRUE(sleeps(self->a[2]));
	EXPECT_EQ(0, ask(self->a[1], UNLOCK));
	EXPECT_EQ(ENOTRECOVERABLE, answer(self->a[2]));
	EXPECT_EQ(ENOTRECOVERABLE, ask(self->a[1], LOCK));
}

/* It need not be killed. */
TEST_F_TIMEOUT(robust, owner_exits, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	begin(self->a[1], LOCK);
	EXPECT_TRUE(sleeps(self->a[1]));
	begin(self->a[0], EXIT);
	EXPECT_EQ(0, end_of(self->a[0]));
	EXPECT_EQ(EOWNERDEAD, answer(self->a[1]));
}

/* Each of those who wait hears of the death of the one before. */
TEST_F_TIMEOUT(robust, heirs_die, SECONDS)
{
	struct actor *last = actor(&self->st, 0);

	ASSERT_EQ(0, ask(self->a[0], LOCK));
	begin(self->a[1], LOCK);
	EXPECT_TRUE(sleeps(self->a[1]));
	EXPECT_EQ(SIGKILL, slay(self->a[0]));
	EXPECT_EQ(EOWNERDEAD, answer(self->a[1]));
	begin(self->a[2], LOCK);
	EXPECT_TRUE(sleeps(self->a[2]));
	EXPECT_EQ(SIGKILL, slay(self->a[1]));
	EXPECT_EQ(EOWNERDEAD, answer(self->a[2]));
	begin(last, LOCK);
	EXPECT_TRUE(sleeps(last));
	EXPECT_EQ(SIGKILL, slay(self->a[2]));
	EXPECT_EQ(EOWNERDEAD, answer(last));
	EXPECT_EQ(0, ask(last, CONSISTENT));
	EXPECT_EQ(0, ask(last, UNLOCK));
}

/* One that only waits takes nothing with it. */
TEST_F_TIMEOUT(robust, waiter_dies, SECONDS)
{
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	begin(self->a[1], LOCK);
	begin(self->a[2], LOCK);
	EXPECT_TRUE(sleeps(self->a[1]));
	EXPECT_TRUE(sleeps(self->a[2]));
	EXPECT_EQ(SIGKILL, slay(self->a[1]));
	EXPECT_EQ(0, ask(self->a[0], UNLOCK));
	EXPECT_EQ(0, answer(self->a[2]));
}

/* ---- ids that are the same ---- */

FIXTURE(same_ids)
{
	struct stage st;
	struct actor *a[NODES];
};

FIXTURE_SETUP(same_ids)
{
	unsigned int i;

	ASSERT_EQ(0, stage_open(&self->st, false));
	for (i = 0; i < NODES; i++)
		self->a[i] = actor(&self->st, i);
}

FIXTURE_TEARDOWN(same_ids)
{
	stage_close(&self->st);
}

static int make(struct stage *st, int type, bool robust, int protocol)
{
	const struct kind kind = {
		.type = type, .robust = robust, .protocol = protocol,
	};

	return shared_init(seen_by(st, 0), &kind);
}

/* This kind asks nobody who has it. */
TEST_F_TIMEOUT(same_ids, normal_excludes, SECONDS)
{
	unsigned int i;

	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_NORMAL, false, 0));
	for (i = 0; i < NODES; i++)
		begin(self->a[i], ADD);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, answer(self->a[i]));
	EXPECT_EQ(NODES * TURNS, seen_by(&self->st, 0)->count);
}

/* Refused to one who does not have it; given back by one who does not. */
TEST_F_TIMEOUT(same_ids, errorcheck_mistakes, SECONDS)
{
	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_ERRORCHECK, false, 0));
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(EDEADLK, ask(self->a[1], LOCK));
	EXPECT_EQ(0, ask(self->a[1], UNLOCK));
	EXPECT_EQ(0, ask(self->a[2], LOCK));
}

/* Two have it at once, and nobody is told: what ids are put apart for. */
TEST_F_TIMEOUT(same_ids, recursive_lets_in, SECONDS)
{
	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_RECURSIVE, false, 0));
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(0, ask(self->a[1], LOCK));
}

TEST_F_TIMEOUT(same_ids, robust_recursive_lets_in, SECONDS)
{
	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_RECURSIVE, true, 0));
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(0, ask(self->a[1], LOCK));
}

/*
 * A waiter dies, and with glibc the mutex is taken from the namesake that has
 * it: the kernel finds its id in a word that it had announced to work on.
 */
TEST_F_TIMEOUT(same_ids, robust_bereaves, SECONDS)
{
	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_NORMAL, true, 0));
	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(EBUSY, ask(self->a[1], TRYLOCK));
	begin(self->a[1], LOCK);
	EXPECT_TRUE(sleeps(self->a[1]));
	EXPECT_EQ(SIGKILL, slay(self->a[1]));
#ifdef __GLIBC__
	EXPECT_EQ(EOWNERDEAD, ask(self->a[2], LOCK));
#else
	EXPECT_EQ(ETIMEDOUT, ask(self->a[2], TIMEDLOCK));
#endif
}

/* ---- inherited priorities: the kernel seeks the owner, among its own ---- */

FIXTURE(inherit)
{
	struct stage st;
	struct actor *a[NODES];
};

FIXTURE_VARIANT(inherit)
{
	bool apart;
};

FIXTURE_VARIANT_ADD(inherit, apart)
{
	.apart = true,
};

FIXTURE_VARIANT_ADD(inherit, same_ids)
{
	.apart = false,
};

FIXTURE_SETUP(inherit)
{
	unsigned int i;

	ASSERT_EQ(0, stage_open(&self->st, variant->apart));
	ASSERT_EQ(0, make(&self->st, PTHREAD_MUTEX_NORMAL, false,
			  PTHREAD_PRIO_INHERIT));
	for (i = 0; i < NODES; i++)
		self->a[i] = actor(&self->st, i);
}

FIXTURE_TEARDOWN(inherit)
{
	stage_close(&self->st);
}

/* Whoever finds it free asks no kernel. */
TEST_F_TIMEOUT(inherit, in_turns, SECONDS)
{
	unsigned int i;

	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, ask(self->a[i], ADD));
	EXPECT_EQ(NODES * TURNS, seen_by(&self->st, 0)->count);
}

/* Who waits for another node's thread does not get it when it is free. */
TEST_F_TIMEOUT(inherit, waits_in_vain, SECONDS)
{
	struct actor *other = actor(&self->st, 1);

	ASSERT_EQ(0, ask(self->a[0], LOCK));
	EXPECT_EQ(EBUSY, ask(other, TRYLOCK));
	begin(other, TIMEDLOCK);
	EXPECT_TRUE(sleeps(other));
	EXPECT_EQ(0, ask(self->a[0], UNLOCK));
	EXPECT_EQ(ETIMEDOUT, answer(other));
	EXPECT_EQ(0, ask(self->a[2], LOCK));
}

TEST_HARNESS_MAIN
