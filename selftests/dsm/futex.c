// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping in futex() on words that other nodes change: what the C library
 * offers for processes that share memory, and the system calls by themselves.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define TURNS	50

/* A turn of a condition variable takes many pages from node to node, and there
 * are kernels that check each access of theirs.
 */
#define LAPS		20
#define LAPS_SECONDS	120

FIXTURE(futex)
{
	struct cluster c;
	pid_t children[NODES_MAX];
	unsigned int nr_children;
	uint64_t at;
};

FIXTURE_SETUP(futex)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_at(&self->c, 1);
	memset(self->c.node[0].map + self->at, 0, PAGE);
}

FIXTURE_TEARDOWN(futex)
{
	cluster_close(&self->c);
}

/* The memory that this test is about, as a node sees it */
static void *seen_by(FIXTURE_DATA(futex) *self, unsigned int node)
{
	return self->c.node[node].map + self->at;
}

/* Run a function in a process of a node; its result is the exit status. */
static void start(FIXTURE_DATA(futex) *self, unsigned int node,
		  int (*body)(void *shared, unsigned int node))
{
	pid_t pid = fork();

	if (!pid)
		_exit(body(seen_by(self, node), node));
	self->children[self->nr_children++] = pid;
}

/* Whether a process ends, in twice the time that things have otherwise */
static bool ends(pid_t pid, int *status)
{
	return wait_for(waitpid(pid, status, WNOHANG) == pid) ||
	       wait_for(waitpid(pid, status, WNOHANG) == pid);
}

/* How many of them failed, or did not end in time */
static unsigned int join(FIXTURE_DATA(futex) *self)
{
	unsigned int i, failed = 0;
	int status;

	for (i = 0; i < self->nr_children; i++) {
		pid_t pid = self->children[i];

		if (!ends(pid, &status)) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
		}
		failed += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	self->nr_children = 0;
	return failed;
}

static struct timespec in_seconds(clockid_t clock, unsigned int seconds)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += seconds;
	return t;
}

/* ---- pthread_mutex, pthread_cond ---- */

struct turns {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int nr;
	unsigned int turn;
	unsigned int taken;
};

static void turns_init(struct turns *t, unsigned int nr)
{
	monitor_init(&t->mutex, &t->cond);
	t->nr = nr;
}

static int take_turns(void *shared, unsigned int node)
{
	struct turns *t = shared;
	unsigned int i;

	for (i = 0; i < LAPS; i++) {
		if (pthread_mutex_lock(&t->mutex))
			return 1;
		while (t->turn != node)
			if (pthread_cond_wait(&t->cond, &t->mutex))
				return 2;
		t->turn = (node + 1) % t->nr;
		t->taken++;
		pthread_cond_broadcast(&t->cond);
		pthread_mutex_unlock(&t->mutex);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, mutex_and_condition, LAPS_SECONDS)
{
	struct turns *t = seen_by(self, 0);
	unsigned int i;

	turns_init(t, self->c.nr);
	for (i = 0; i < self->c.nr; i++)
		start(self, i, take_turns);
	EXPECT_EQ(0, join(self));
	EXPECT_EQ(LAPS * self->c.nr, t->taken);
}

static int lock_and_add(void *shared, unsigned int node)
{
	struct turns *t = shared;
	unsigned int i, before;

	for (i = 0; i < 4 * TURNS; i++) {
		pthread_mutex_lock(&t->mutex);
		before = t->taken;
		if (i % 8 == node)
			sched_yield();
		t->taken = before + 1;
		pthread_mutex_unlock(&t->mutex);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, mutex_contended, LAPS_SECONDS)
{
	struct turns *t = seen_by(self, 0);
	unsigned int i;

	turns_init(t, self->c.nr);
	for (i = 0; i < self->c.nr; i++)
		start(self, i, lock_and_add);
	EXPECT_EQ(0, join(self));
	EXPECT_EQ(4 * TURNS * self->c.nr, t->taken);
}

static int try_and_time_out(void *shared, unsigned int node)
{
	struct turns *t = shared;
	struct timespec soon;

	(void)node;
	if (pthread_mutex_trylock(&t->mutex) != EBUSY)
		return 1;
	soon = in_seconds(CLOCK_REALTIME, 1);
	if (pthread_mutex_timedlock(&t->mutex, &soon) != ETIMEDOUT)
		return 2;
	return 0;
}

static int lock_in_time(void *shared, unsigned int node)
{
	struct turns *t = shared;
	struct timespec late = in_seconds(CLOCK_REALTIME, PATIENCE_MS / 1000);

	(void)node;
	return pthread_mutex_timedlock(&t->mutex, &late);
}

TEST_F_TIMEOUT(futex, mutex_held_elsewhere, LAPS_SECONDS)
{
	struct turns *t = seen_by(self, 0);

	turns_init(t, self->c.nr);
	ASSERT_EQ(0, pthread_mutex_lock(&t->mutex));
	start(self, 1, try_and_time_out);
	EXPECT_EQ(0, join(self));

	start(self, 2, lock_in_time);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	pthread_mutex_unlock(&t->mutex);
	EXPECT_EQ(0, join(self));
}

/* ---- pthread_barrier, pthread_rwlock, pthread_spin, sem ---- */

struct others {
	pthread_barrier_t barrier;
	pthread_rwlock_t rwlock;
	pthread_spinlock_t spin;
	sem_t full;
	sem_t empty;
	unsigned int parties;
	unsigned int value;
	unsigned int copy;
	unsigned int arrived[NODES_MAX];
};

static int meet(void *shared, unsigned int node)
{
	struct others *o = shared;
	unsigned int i, k;
	int serial;

	for (i = 1; i <= TURNS; i++) {
		o->arrived[node] = i;
		serial = pthread_barrier_wait(&o->barrier);
		if (serial && serial != PTHREAD_BARRIER_SERIAL_THREAD)
			return 1;
		for (k = 0; k < o->parties; k++)
			if (o->arrived[k] != i)
				return 2;
		pthread_barrier_wait(&o->barrier);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, barrier, LAPS_SECONDS)
{
	struct others *o = seen_by(self, 0);
	pthread_barrierattr_t attr;
	unsigned int i;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&o->barrier, &attr, self->c.nr);
	o->parties = self->c.nr;
	for (i = 0; i < self->c.nr; i++)
		start(self, i, meet);
	EXPECT_EQ(0, join(self));
}

static int read_and_write(void *shared, unsigned int node)
{
	struct others *o = shared;
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		if (i % 4 == node) {
			pthread_rwlock_wrlock(&o->rwlock);
			o->value++;
			o->copy++;
			pthread_rwlock_unlock(&o->rwlock);
		}
		pthread_rwlock_rdlock(&o->rwlock);
		if (o->value != o->copy)
			return 1;
		pthread_rwlock_unlock(&o->rwlock);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, rwlock, LAPS_SECONDS)
{
	struct others *o = seen_by(self, 0);
	pthread_rwlockattr_t attr;
	unsigned int i;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&o->rwlock, &attr);
	for (i = 0; i < self->c.nr; i++)
		start(self, i, read_and_write);
	EXPECT_EQ(0, join(self));
	EXPECT_EQ(o->value, o->copy);
	EXPECT_LT(TURNS / 4, o->value);
}

static int spin_and_add(void *shared, unsigned int node)
{
	struct others *o = shared;
	unsigned int i;

	(void)node;
	for (i = 0; i < TURNS; i++) {
		pthread_spin_lock(&o->spin);
		o->value++;
		pthread_spin_unlock(&o->spin);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, spinlock, LAPS_SECONDS)
{
	struct others *o = seen_by(self, 0);
	unsigned int i;

	pthread_spin_init(&o->spin, PTHREAD_PROCESS_SHARED);
	for (i = 0; i < self->c.nr; i++)
		start(self, i, spin_and_add);
	EXPECT_EQ(0, join(self));
	EXPECT_EQ(TURNS * self->c.nr, o->value);
}

static int produce(void *shared, unsigned int node)
{
	struct others *o = shared;
	unsigned int i;

	(void)node;
	for (i = 1; i <= TURNS; i++) {
		if (sem_wait(&o->empty))
			return 1;
		o->value = i;
		sem_post(&o->full);
	}
	return 0;
}

static int consume(void *shared, unsigned int node)
{
	struct others *o = shared;
	unsigned int i;

	(void)node;
	for (i = 1; i <= TURNS; i++) {
		if (sem_wait(&o->full))
			return 1;
		if (o->value != i)
			return 2;
		sem_post(&o->empty);
	}
	return 0;
}

TEST_F_TIMEOUT(futex, semaphore, LAPS_SECONDS)
{
	struct others *o = seen_by(self, 0);

	sem_init(&o->full, 1, 0);
	sem_init(&o->empty, 1, 1);
	start(self, 1, produce);
	start(self, 2, consume);
	EXPECT_EQ(0, join(self));
}

/* ---- the system calls by themselves ---- */

static long futex(void *word, int op, uint32_t value, unsigned long more)
{
	return syscall(SYS_futex, word, op, value, more, NULL, 0);
}

/* A change by another node is noticed; it may look like an interruption. */
static int wait_for_change(void *shared, unsigned int node)
{
	volatile uint32_t *word = shared;

	(void)node;
	while (!*word)
		if (futex(shared, FUTEX_WAIT, 0, 0) && errno != EAGAIN)
			return 1;
	return 0;
}

TEST_F(futex, wait)
{
	volatile uint32_t *word = seen_by(self, 0);

	*word = 0;
	start(self, 1, wait_for_change);
	start(self, 2, wait_for_change);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex) &&
			     sleeps_in(self->children[1], SYS_futex)));
	*word = 1;
	EXPECT_EQ(0, join(self));
}

/* A sleeper costs nothing as long as nobody changes its page. */
TEST_F(futex, sleeps_without_messages)
{
	volatile uint32_t *word = seen_by(self, 0);
	uint64_t before;

	*word = 0;
	start(self, 1, wait_for_change);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	sleep_ms(1000);
	EXPECT_EQ(0, messages_settle(&self->c));
	before = stat_sum(&self->c, "messages_out");
	sleep_ms(2000);
	EXPECT_EQ(before, stat_sum(&self->c, "messages_out"));
	*word = 1;
	EXPECT_EQ(0, join(self));
}

/*
 * A page that is stored to all the time, beside the word that somebody sleeps
 * on, wakes the sleeper less and less often, but does not forget about it.
 */
TEST_F_TIMEOUT(futex, busy_page, LAPS_SECONDS)
{
	volatile uint32_t *word = seen_by(self, 0);
	uint64_t before, stores = 0, end;

	*word = 0;
	start(self, 1, wait_for_change);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	before = stat_sum(&self->c, "pages_out");
	for (end = now_ms() + 2000; now_ms() < end; stores++)
		word[8]++;
	TH_LOG("the page moved %ju times, for %ju stores",
	       (uintmax_t)(stat_sum(&self->c, "pages_out") - before),
	       (uintmax_t)stores);
	*word = 1;
	EXPECT_EQ(0, join(self));
}

/* Longer than anybody waits here for a child to end */
static int wait_with_limit(void *shared, unsigned int node)
{
	const struct timespec limit = { .tv_sec = 10 * PATIENCE_MS / 1000 };
	volatile uint32_t *word = shared;

	(void)node;
	while (!*word)
		if (syscall(SYS_futex, word, FUTEX_WAIT, 0, &limit, NULL, 0) &&
		    errno != EAGAIN)
			return 1;
	return 0;
}

/* What goes on after a stop, the kernel has as another call. */
TEST_F(futex, stopped_and_continued)
{
	volatile uint32_t *word = seen_by(self, 0);
	pid_t pid;

	*word = 0;
	start(self, 1, wait_with_limit);
	pid = self->children[0];
	EXPECT_TRUE(wait_for(sleeps_in(pid, SYS_futex)));
	kill(pid, SIGSTOP);
	EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	kill(pid, SIGCONT);
	EXPECT_TRUE(wait_for(sleeps_in(pid, SYS_restart_syscall)));
	*word = 1;
	EXPECT_EQ(0, join(self));
}

/* Freeze a group, or let it go on, and wait until it is so. */
static bool freeze(const char *group, const char *state)
{
	char path[64], now[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/freezer.state", group);
	if (file_write(group, "freezer.state", state))
		return false;
	return wait_for((f = fopen(path, "r")) &&
			fscanf(f, "%15s", now) == 1 && !fclose(f) &&
			!strcmp(now, state));
}

/* Nobody runs while he is frozen, and he sleeps on when he is thawed. */
TEST_F(futex, frozen)
{
	char root[] = "/tmp/freezer-XXXXXX", group[32], pid[16];
	volatile uint32_t *word = seen_by(self, 0);

	ASSERT_TRUE(mkdtemp(root));
	if (mount("none", root, "cgroup", 0, "freezer")) {
		rmdir(root);
		SKIP_IF_GOOD(return, "no freezer: %s", strerror(errno));
	}
	snprintf(group, sizeof(group), "%s/dsm", root);
	EXPECT_EQ(0, mkdir(group, 0700));
	*word = 0;
	start(self, 1, wait_for_change);
	snprintf(pid, sizeof(pid), "%d", self->children[0]);
	EXPECT_EQ(0, file_write(group, "cgroup.procs", pid));
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	EXPECT_TRUE(freeze(group, "FROZEN"));
	*word = 1;
	/* Longer than until all sleepers are looked for once more */
	sleep_ms(1000);
	EXPECT_TRUE(freeze(group, "THAWED"));
	EXPECT_EQ(0, join(self));
	EXPECT_EQ(0, rmdir(group));
	EXPECT_EQ(0, umount(root));
	EXPECT_EQ(0, rmdir(root));
}

static volatile bool *looked;

/* All that this process does about the word is to sleep on it. */
static int wait_until_woken(void *shared, unsigned int node)
{
	(void)node;
	while (!*looked)
		sleep_ms(1);
	return futex(shared, FUTEX_WAIT, 0, 0) && errno != EAGAIN;
}

/* A debugger's look maps the page, so the sleeper has no fault of his own. */
TEST_F(futex, looked_into)
{
	volatile uint32_t *word = seen_by(self, 0);
	uint32_t value = 1;
	struct iovec to = { &value, sizeof(value) };
	struct iovec from = { seen_by(self, 1), sizeof(value) };

	looked = shared_alloc(sizeof(*looked));
	/* So the right to store to it, which futex() asks for, is here, too. */
	*(volatile uint32_t *)seen_by(self, 1) = 0;
	start(self, 1, wait_until_woken);
	EXPECT_EQ(sizeof(value), process_vm_readv(self->children[0], &to, 1,
						  &from, 1, 0));
	EXPECT_EQ(0, value);
	*looked = true;
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	*word = 1;
	EXPECT_EQ(0, join(self));
}

struct waiter {
	uint64_t val;
	uint64_t uaddr;
	uint32_t flags;
	uint32_t reserved;
};

static int wait_for_either(void *shared, unsigned int node)
{
	uint32_t *words = shared;
	struct waiter waiters[2] = {
		{ .uaddr = (uintptr_t)&words[0], .flags = 2 },
		{ .uaddr = (uintptr_t)&words[STRIPE / 4], .flags = 2 },
	};

	(void)node;
	while (!__atomic_load_n(&words[STRIPE / 4], __ATOMIC_RELAXED))
		if (syscall(SYS_futex_waitv, waiters, 2, 0, NULL, 0) < 0 &&
		    errno != EAGAIN)
			return 1;
	return 0;
}

TEST_F(futex, waitv)
{
	uint32_t *words = seen_by(self, 0);

	words[0] = 0;
	words[STRIPE / 4] = 0;
	start(self, 1, wait_for_either);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex_waitv)));
	__atomic_store_n(&words[STRIPE / 4], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, join(self));
}

/*
 * Moved to another word, on another page, a sleeper is still found, though its
 * call names the first one. Then that one is what it looks at.
 */
TEST_F(futex, requeued)
{
	uint32_t *here = seen_by(self, 0), *there = seen_by(self, 1);

	*here = 0;
	here[STRIPE / 4] = 0;
	start(self, 1, wait_for_change);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	EXPECT_TRUE(wait_for(syscall(SYS_futex, there, FUTEX_REQUEUE, 0, 1L,
				     &there[STRIPE / 4], 0) == 1));
	__atomic_store_n(here, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&here[STRIPE / 4], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, join(self));
}

/* Private futexes are nobody else's business, and sleep on. */
static int wait_privately(void *shared, unsigned int node)
{
	struct timespec timeout = { .tv_sec = 3 };
	uint32_t local = 0;

	(void)node;
	*(volatile uint32_t *)shared;
	return syscall(SYS_futex, &local, FUTEX_WAIT_PRIVATE, 0, &timeout,
		       NULL, 0) == -1 && errno == ETIMEDOUT ? 0 : 1;
}

TEST_F(futex, private)
{
	volatile uint32_t *word = seen_by(self, 0);

	start(self, 1, wait_privately);
	EXPECT_TRUE(wait_for(sleeps_in(self->children[0], SYS_futex)));
	*word = 1;
	EXPECT_EQ(0, join(self));
}

/*
 * How many ids of processes the kernel keeps, also of the dead; or -1. To have
 * the cache shrunk takes out what KASAN keeps of what was freed.
 */
static long pids_kept(void)
{
	FILE *file;
	long kept = -1;

	if (file_write("/sys/kernel/slab/pid", "shrink", "1"))
		return -1;
	file = fopen("/sys/kernel/slab/pid/objects", "r");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &kept) != 1)
		kept = -1;
	fclose(file);
	return kept;
}

#define DEAD	1000

/* Those who may sleep are known, not all who ever could. */
TEST_F_TIMEOUT(futex, dead_are_forgotten, LAPS_SECONDS)
{
	volatile uint32_t *word = seen_by(self, 0);
	long before = pids_kept();
	unsigned int i;
	pid_t pid;

	ASSERT_LE(0, before);
	for (i = 0; i < DEAD; i++) {
		pid = fork();
		if (!pid)
			_exit(*word != 0);
		ASSERT_EQ(0, child_status(pid));
	}
	/* No page has gone meanwhile, or a sweep would have found them. */
	EXPECT_TRUE(wait_for(pids_kept() < before + DEAD / 2))
		TH_LOG("%ld before, %ld now", before, pids_kept());
}

TEST_HARNESS_MAIN
