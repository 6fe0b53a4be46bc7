// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice and questions about the pages of a mapping: madvise(), fadvise(),
 * mincore(), and all that writes a file back. No advice loses a byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define RW	(PROT_READ | PROT_WRITE)

/* Newer than the headers */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

FIXTURE(advice)
{
	struct cluster c;
	uint64_t at;
};

FIXTURE_SETUP(advice)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_at(&self->c, 1);
}

FIXTURE_TEARDOWN(advice)
{
	cluster_close(&self->c);
}

/* The first byte of a page, as a node sees it */
static volatile char *byte(const struct cluster *c, unsigned int node,
			   uint64_t at)
{
	return c->node[node].map + at;
}

/* Whether a node has some pages with the right to read, and no more */
static bool are_copies(const struct node *n, uint64_t at, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		if (page_state(n, at + i * PAGE) != DSM_PAGE_READ_ONLY)
			return false;
	return true;
}

static uint64_t faults_of(const struct node *n)
{
	return stat_of(n, "read_faults") + stat_of(n, "write_faults") +
	       stat_of(n, "upgrades");
}

/* ---- WILLNEED ---- */

enum { NEEDED = 8 };

static int need_by_madvise(struct cluster *c, uint64_t at)
{
	return madvise(c->node[0].map + at, NEEDED * PAGE, MADV_WILLNEED);
}

static int need_by_fadvise(struct cluster *c, uint64_t at)
{
	/* In part of the first and of the last page */
	return posix_fadvise(c->node[0].fd, at + 100, (NEEDED - 1) * PAGE,
			     POSIX_FADV_WILLNEED);
}

static int need_by_private(struct cluster *c, uint64_t at)
{
	void *p = mmap(NULL, NEEDED * PAGE, RW, MAP_PRIVATE, c->node[0].fd, at);
	int err = p == MAP_FAILED ? -1 :
		  madvise(p, NEEDED * PAGE, MADV_WILLNEED);

	if (p != MAP_FAILED)
		munmap(p, NEEDED * PAGE);
	return err;
}

static int need_from_file(struct cluster *c, uint64_t at)
{
	int fd = open("/dev/dsm", O_RDONLY);
	int err = posix_fadvise(fd, at, NEEDED * PAGE, POSIX_FADV_WILLNEED);

	close(fd);
	(void)c;
	return err;
}

FIXTURE(willneed)
{
	struct cluster c;
};

FIXTURE_VARIANT(willneed)
{
	int (*advise)(struct cluster *c, uint64_t at);
};

FIXTURE_VARIANT_ADD(willneed, madvise) { .advise = need_by_madvise };
FIXTURE_VARIANT_ADD(willneed, fadvise) { .advise = need_by_fadvise };
FIXTURE_VARIANT_ADD(willneed, private) { .advise = need_by_private };
FIXTURE_VARIANT_ADD(willneed, reader) { .advise = need_from_file };

FIXTURE_SETUP(willneed)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(willneed)
{
	cluster_close(&self->c);
}

/* Pages come without a fault, from whoever has them, and are current. */
TEST_F(willneed, brings_pages)
{
	uint64_t at, faults, local;
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	unsigned int home, i;

	for (home = 0; home < c->nr; home++) {
		at = fresh_at(c, home);
		for (i = 0; i < NEEDED; i++)
			*byte(c, 1 + i % 2, at + i * PAGE) = 'a' + i;
		faults = faults_of(n);
		ASSERT_EQ(0, variant->advise(c, at));
		ASSERT_TRUE(wait_for(are_copies(n, at, NEEDED)));
		/* Whoever wrote has given way as to a load. */
		for (i = 0; i < NEEDED; i++)
			EXPECT_EQ(DSM_PAGE_READ_ONLY,
				  page_state(&c->node[1 + i % 2],
					     at + i * PAGE));
		local = stat_of(n, "faults_local");
		for (i = 0; i < NEEDED; i++)
			EXPECT_EQ('a' + i, *byte(c, 0, at + i * PAGE));
		EXPECT_EQ(faults, faults_of(n));
		/* The first load maps them all. */
		EXPECT_GE(local + 1, stat_of(n, "faults_local"));
		/* A copy like any other */
		*byte(c, 1, at) = '!';
		EXPECT_EQ('!', *byte(c, 0, at));
		*byte(c, 0, at + PAGE) = '?';
		EXPECT_EQ('?', *byte(c, 2, at + PAGE));
	}
}

/* What is here already stays as it is. */
TEST_F(willneed, keeps_rights)
{
	uint64_t at = fresh_at(&self->c, 1), sent;
	struct cluster *c = &self->c;
	unsigned int i;

	for (i = 0; i < NEEDED; i++)
		*byte(c, 0, at + i * PAGE) = 'a' + i;
	ASSERT_EQ(0, messages_settle(c));
	sent = stat_sum(c, "messages_out");
	ASSERT_EQ(0, variant->advise(c, at));
	for (i = 0; i < NEEDED; i++)
		EXPECT_EQ(DSM_PAGE_READ_WRITE,
			  page_state(&c->node[0], at + i * PAGE));
	EXPECT_EQ(sent, stat_sum(c, "messages_out"));
}

TEST_F(advice, fadvise)
{
	struct cluster *c = &self->c;
	int advice, fd = c->node[0].fd;

	*byte(c, 0, self->at) = 'a';
	for (advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE; advice++)
		EXPECT_EQ(0, posix_fadvise(fd, self->at, PAGE, advice));
	EXPECT_EQ(EINVAL, posix_fadvise(fd, 0, PAGE, 99));
	EXPECT_EQ(EINVAL, posix_fadvise(fd, 0, -1, POSIX_FADV_WILLNEED));
	EXPECT_EQ(0, posix_fadvise(fd, c->size, 0, POSIX_FADV_WILLNEED));
	EXPECT_EQ(0, posix_fadvise(fd, c->size + PAGE, PAGE,
				   POSIX_FADV_WILLNEED));
	EXPECT_EQ(0, posix_fadvise(fd, INT64_MAX, INT64_MAX,
				   POSIX_FADV_WILLNEED));
	/* To the end of the file, whatever its size */
	EXPECT_EQ(0, posix_fadvise(fd, c->size - PAGE, 0,
				   POSIX_FADV_WILLNEED));
	EXPECT_TRUE(wait_for(page_state(&c->node[0], c->size - PAGE) !=
			     DSM_PAGE_NONE));
	EXPECT_EQ('a', *byte(c, 1, self->at));
	EXPECT_EQ(-1, readahead(fd, 0, PAGE));
	EXPECT_EQ(EINVAL, errno);
}

/* ---- all other advice ---- */

static const struct {
	const char *name;
	int advice;
	int err;
} advices[] = {
#define ADVICE(name, err)	{ #name, MADV_##name, err }
	ADVICE(NORMAL, 0),
	ADVICE(RANDOM, 0),
	ADVICE(SEQUENTIAL, 0),
	ADVICE(WILLNEED, 0),
	ADVICE(DONTNEED, 0),
	ADVICE(DONTNEED_LOCKED, 0),
	ADVICE(POPULATE_READ, 0),
	ADVICE(POPULATE_WRITE, 0),
	ADVICE(COLD, 0),
	ADVICE(PAGEOUT, 0),
	ADVICE(FREE, EINVAL),
	ADVICE(REMOVE, ENODEV),
	ADVICE(HUGEPAGE, 0),
	ADVICE(COLLAPSE, EINVAL),
	ADVICE(NOHUGEPAGE, 0),
	ADVICE(DONTFORK, 0),
	ADVICE(DOFORK, 0),
	ADVICE(WIPEONFORK, EINVAL),
	ADVICE(KEEPONFORK, 0),
	ADVICE(DODUMP, 0),
	ADVICE(DONTDUMP, 0),
	{ "unknown", 9999, EINVAL },
};

static int expected_error(int i)
{
	bool huge = advices[i].advice == MADV_HUGEPAGE ||
		    advices[i].advice == MADV_NOHUGEPAGE;

	bool unknown = access("/sys/kernel/mm/transparent_hugepage", F_OK);

	return huge && unknown ? EINVAL : advices[i].err;
}

TEST_F(advice, loses_nothing)
{
	struct cluster *c = &self->c;
	char *p = c->node[0].map + self->at;
	unsigned int i, state;
	int err;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		/* In each state in which bytes could be lost */
		for (state = DSM_PAGE_READ_ONLY; state <= DSM_PAGE_READ_WRITE;
		     state++) {
			*byte(c, 0, self->at) = 'a' + i;
			if (state == DSM_PAGE_READ_ONLY)
				EXPECT_EQ('a' + i, *byte(c, 1, self->at));
			err = madvise(p, PAGE, advices[i].advice) ? errno : 0;
			EXPECT_EQ(expected_error(i), err)
				TH_LOG("advice %s", advices[i].name);
			EXPECT_EQ('a' + i, *byte(c, 2, self->at));
			EXPECT_EQ('a' + i, *byte(c, 0, self->at));
		}
	}
}

/* What the kernel does when it needs memory: the pages are not its own. */
TEST_F(advice, drop_caches)
{
	struct cluster *c = &self->c;
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	ASSERT_LE(0, fd);
	*byte(c, 0, self->at) = 'a';
	/* Not mapped any more, only in the cache */
	ASSERT_EQ(0, madvise(c->node[0].map + self->at, PAGE, MADV_DONTNEED));
	ASSERT_EQ(1, write(fd, "3", 1));
	close(fd);
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(&c->node[0], self->at));
	EXPECT_EQ('a', *byte(c, 0, self->at));
	EXPECT_EQ('a', *byte(c, 1, self->at));
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

TEST_F(advice, dontneed_unmaps)
{
	struct cluster *c = &self->c;
	char *p = c->node[0].map + self->at;
	uint64_t sent;
	long faults;

	*byte(c, 0, self->at) = 'a';
	ASSERT_EQ(0, page_settle(c, self->at));
	sent = stat_sum(c, "messages_out");
	ASSERT_EQ(0, madvise(p, PAGE, MADV_DONTNEED));
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(&c->node[0], self->at));
	faults = minor_faults();
	EXPECT_EQ('a', *(volatile char *)p);
	EXPECT_EQ(faults + 1, minor_faults());
	EXPECT_EQ(sent, stat_sum(c, "messages_out"));
}

TEST_F(advice, populate)
{
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	char *p = n->map + self->at;
	uint64_t faults;
	void *ro;

	*byte(c, 1, self->at) = 'a';
	*byte(c, 1, self->at + PAGE) = 'b';
	ASSERT_EQ(0, madvise(p, 2 * PAGE, MADV_POPULATE_READ));
	EXPECT_TRUE(are_copies(n, self->at, 2));
	ASSERT_EQ(0, madvise(p, 2 * PAGE, MADV_POPULATE_WRITE));
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(n, self->at));
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(n, self->at + PAGE));
	faults = faults_of(n) + stat_of(n, "faults_local");
	EXPECT_EQ('a', *(volatile char *)p);
	*(volatile char *)p = 'c';
	EXPECT_EQ(faults, faults_of(n) + stat_of(n, "faults_local"));
	EXPECT_EQ('c', *byte(c, 2, self->at));

	ro = dsm_map(n->fd, self->at, PAGE, PROT_READ);
	ASSERT_NE(NULL, ro);
	EXPECT_EQ(-1, madvise(ro, PAGE, MADV_POPULATE_WRITE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, madvise(ro, PAGE, MADV_POPULATE_READ));
}

/* Pages that nobody may touch, on kernels that have them in files, too */
TEST_F(advice, guard)
{
	struct cluster *c = &self->c;
	char *p = c->node[0].map + self->at;

	*byte(c, 0, self->at) = 'a';
	if (kernel_is_before(6, 15))
		SKIP_IF_GOOD(return, "this kernel has no guards in mappings of files");
	ASSERT_EQ(0, madvise(p, PAGE, MADV_GUARD_INSTALL));
	EXPECT_EQ(SIGSEGV, fault_of(p, false, NULL));
	EXPECT_EQ('a', *byte(c, 1, self->at));
	*byte(c, 1, self->at) = 'b';
	EXPECT_EQ(SIGSEGV, fault_of(p, true, NULL));
	ASSERT_EQ(0, madvise(p, PAGE, MADV_GUARD_REMOVE));
	EXPECT_EQ('b', *(volatile char *)p);
	*(volatile char *)p = 'c';
	EXPECT_EQ('c', *byte(c, 2, self->at));
}

/* ---- mincore() ---- */

/* Of a page's beginning: 1 or 0; or -1 with errno set */
static int in_core(volatile void *p)
{
	unsigned char here;

	return mincore((void *)p, MACHINE_PAGE, &here) ? -1 : here & 1;
}

/* Which nodes have a page by mincore(), as digits */
static unsigned int holders(const struct cluster *c, uint64_t at)
{
	return 100 * in_core(c->node[0].map + at) +
	       10 * in_core(c->node[1].map + at) +
	       in_core(c->node[2].map + at);
}

TEST_F(advice, mincore)
{
	struct cluster *c = &self->c;
	uint64_t at = self->at, sent;
	unsigned int home;

	for (home = 0; home < 3; home++) {
		at = fresh_at(c, home);
		ASSERT_EQ(0, messages_settle(c));
		sent = stat_sum(c, "messages_out");
		EXPECT_EQ(0, holders(c, at));
		/* To ask is not to touch. */
		EXPECT_EQ(sent, stat_sum(c, "messages_out"));

		/* First touches, copies, invalidations, downgrades */
		*byte(c, 1, at) = 'a';
		EXPECT_EQ(10, holders(c, at));
		EXPECT_EQ('a', *byte(c, 0, at));
		EXPECT_EQ(110, holders(c, at));
		EXPECT_EQ('a', *byte(c, 2, at));
		EXPECT_EQ(111, holders(c, at));
		*byte(c, 2, at) = 'b';
		EXPECT_EQ(1, holders(c, at));
		*byte(c, 0, at) = 'c';
		EXPECT_EQ(100, holders(c, at));

		/* Here, though not in this mapping; and not by a fault */
		ASSERT_EQ(0, madvise(c->node[0].map + at, PAGE, MADV_DONTNEED));
		EXPECT_EQ(100, holders(c, at));
		ASSERT_EQ(0, madvise(c->node[1].map + at, PAGE, MADV_WILLNEED));
		EXPECT_TRUE(wait_for(holders(c, at) == 110));
		/* A first touch that reads */
		EXPECT_EQ(0, *byte(c, 2, at + PAGE));
		EXPECT_EQ(1, holders(c, at + PAGE));
	}
}

/* A private mapping has the shared page, or a copy that does not go. */
TEST_F(advice, mincore_private)
{
	struct cluster *c = &self->c;
	volatile char *own;

	*byte(c, 1, self->at) = 'a';
	own = mmap(NULL, PAGE, RW, MAP_PRIVATE, c->node[0].fd, self->at);
	ASSERT_NE(MAP_FAILED, own);
	EXPECT_EQ(0, in_core(own));
	EXPECT_EQ('a', *own);
	EXPECT_EQ(1, in_core(own));
	*byte(c, 1, self->at) = 'b';
	EXPECT_EQ(0, in_core(own));
	own[1] = 'x';
	EXPECT_EQ(1, in_core(own));
	*byte(c, 1, self->at) = 'c';
	EXPECT_EQ(1, in_core(own));
	EXPECT_EQ(0, in_core(c->node[0].map + self->at));
	EXPECT_EQ('b', *own);
}

TEST_F(advice, mincore_refuses)
{
	struct cluster *c = &self->c;
	char *p = dsm_map(c->node[0].fd, self->at, 2 * PAGE, RW);
	unsigned char *here = calloc(2, PAGE / MACHINE_PAGE);
	pid_t pid;

	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, in_core(p));
	/* Who may not write to the device is told nothing: that it is here. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(setuid(65534) || in_core(p) != 1);
	EXPECT_EQ(0, child_status(pid));
	ASSERT_EQ(0, munmap(p + PAGE, PAGE));
	EXPECT_EQ(-1, mincore(p, 2 * PAGE, here));
	EXPECT_EQ(ENOMEM, errno);
	free(here);
}

enum { PLAY_PAGES = 24, PLAY_STEPS = 400, PLAY_LOOK = 40 };

/* Do anything to a page, by any node. */
static void play(struct cluster *c, uint64_t *seed, uint64_t at)
{
	uint64_t dice = random_next(seed) >> 16;
	struct node *n = &c->node[dice % 3];
	char *p = n->map + at + dice / 3 % PLAY_PAGES * PAGE;

	switch (dice / 3 / PLAY_PAGES % 8) {
	case 0:
		madvise(p, PAGE, MADV_WILLNEED);
		break;
	case 1:
		madvise(p, PAGE, MADV_DONTNEED);
		break;
	case 2:
		madvise(p, PAGE, MADV_POPULATE_WRITE);
		break;
	case 3:
	case 4:
		*(volatile char *)p += 1;
		break;
	default:
		(void)*(volatile char *)p;
	}
}

/*
 * How often mincore() and the node itself disagree about what is here: @here
 * has room for a byte for each page of the machine
 */
static unsigned int disagree(struct cluster *c, uint64_t at,
			     unsigned char *here)
{
	const unsigned int parts = PAGE / MACHINE_PAGE;
	unsigned int i, node, nr = 0;

	for (i = 0; i < PLAY_PAGES; i++)
		if (page_settle(c, at + i * PAGE))
			return 1000;
	for (node = 0; node < 3; node++) {
		mincore(c->node[node].map + at, PLAY_PAGES * PAGE, here);
		for (i = 0; i < PLAY_PAGES * parts; i++)
			nr += (here[i] & 1) !=
			      (page_state(&c->node[node],
					  at + i * MACHINE_PAGE) !=
			       DSM_PAGE_NONE);
	}
	return nr;
}

TEST_F_TIMEOUT(advice, mincore_agrees, 120)
{
	uint64_t at = fresh_range(&self->c, PLAY_PAGES), seed = random_seed();
	unsigned char *here = calloc(PLAY_PAGES, PAGE / MACHINE_PAGE);
	unsigned int i;

	TH_LOG("DSM_SEED=%#llx", (unsigned long long)seed);
	for (i = 1; i <= PLAY_STEPS; i++) {
		play(&self->c, &seed, at);
		if (i % PLAY_LOOK == 0)
			ASSERT_EQ(0, disagree(&self->c, at, here));
	}
	free(here);
}

/* ---- writing back ---- */

TEST_F(advice, msync)
{
	static const struct {
		int flags;
		int err;
	} syncs[] = {
		{ 0, 0 },
		{ MS_ASYNC, 0 },
		{ MS_SYNC, 0 },
		{ MS_INVALIDATE, 0 },
		{ MS_SYNC | MS_INVALIDATE, 0 },
		{ MS_ASYNC | MS_INVALIDATE, 0 },
		{ MS_SYNC | MS_ASYNC, EINVAL },
		{ 8, EINVAL },
	};
	struct cluster *c = &self->c;
	char *p = c->node[0].map + self->at;
	unsigned int i;
	uint64_t sent;
	int err;

	*byte(c, 1, self->at + PAGE) = 'x';
	for (i = 0; i < ARRAY_SIZE(syncs); i++) {
		*byte(c, 0, self->at) = 'a' + i;
		ASSERT_EQ(0, messages_settle(c));
		sent = stat_sum(c, "messages_out");
		err = msync(p, 2 * PAGE, syncs[i].flags) ? errno : 0;
		EXPECT_EQ(syncs[i].err, err) TH_LOG("%#x", syncs[i].flags);
		EXPECT_EQ(sent, stat_sum(c, "messages_out"));
		EXPECT_EQ('a' + i, *byte(c, 0, self->at));
		EXPECT_EQ('a' + i, *byte(c, 1, self->at));
		EXPECT_EQ('x', *byte(c, 0, self->at + PAGE));
	}
	EXPECT_EQ(-1, msync(p + 1, PAGE, MS_SYNC));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(advice, fsync)
{
	struct cluster *c = &self->c;
	int fd = c->node[0].fd;

	*byte(c, 0, self->at) = 'a';
	EXPECT_EQ(0, fsync(fd));
	EXPECT_EQ(0, fdatasync(fd));
	EXPECT_EQ(0, syncfs(fd));
	/* Only for what has blocks on a disk */
	EXPECT_EQ(-1, sync_file_range(fd, self->at, PAGE,
				      SYNC_FILE_RANGE_WRITE));
	EXPECT_EQ(ESPIPE, errno);
	sync();
	EXPECT_EQ('a', *byte(c, 0, self->at));
	EXPECT_EQ('a', *byte(c, 1, self->at));
}

TEST_HARNESS_MAIN
