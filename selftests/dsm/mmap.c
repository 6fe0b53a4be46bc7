// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of /dev/dsm: what may be mapped, where it lands, and that every way
 * to have, split, move, copy and drop a mapping shows the same memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

FIXTURE(mmap)
{
	struct cluster c;
};

FIXTURE_SETUP(mmap)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(2, self->c.nr);
}

FIXTURE_TEARDOWN(mmap)
{
	cluster_close(&self->c);
}

/* The error of a mapping, or 0 */
static int map_error(int fd, size_t length, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, length);
	return 0;
}

/* The same, for what is most usual */
static int share_error(int fd, size_t length, off_t offset)
{
	return map_error(fd, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			 offset);
}

TEST_F(mmap, past_the_end)
{
	int fd = self->c.node[0].fd;
	off_t size = self->c.size;

	EXPECT_EQ(0, share_error(fd, PAGE, size - PAGE));
	EXPECT_EQ(0, share_error(fd, size, 0));
	EXPECT_EQ(EINVAL, share_error(fd, PAGE, size));
	EXPECT_EQ(EINVAL, share_error(fd, 2 * PAGE, size - PAGE));
	EXPECT_EQ(EINVAL, share_error(fd, size + PAGE, 0));
	EXPECT_EQ(EINVAL, share_error(fd, size, PAGE));
	EXPECT_EQ(EINVAL, share_error(fd, PAGE, 1LL << 62));
	EXPECT_EQ(EINVAL, map_error(fd, PAGE, PROT_READ, MAP_PRIVATE, size));
}

TEST_F(mmap, unaligned_offset)
{
	EXPECT_EQ(EINVAL, share_error(self->c.node[0].fd, PAGE, 512));
}

TEST_F(mmap, last_byte)
{
	int fd = self->c.node[1].fd;
	char *p = dsm_map(fd, self->c.size - PAGE, 0, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, p);
	p[PAGE - 1] = 'z';
	EXPECT_EQ('z', p[PAGE - 1]);
	munmap(p, PAGE);
}

TEST_F(mmap, offset)
{
	uint64_t at = fresh_at(&self->c, 1) + 2 * PAGE;
	volatile uint64_t *part;

	ASSERT_EQ(0, cluster_map(&self->c));
	part = dsm_map(self->c.node[0].fd, at, PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, part);
	part[3] = 42;
	EXPECT_EQ(42, word(&self->c, 0, at)[3]);
	EXPECT_EQ(42, word(&self->c, 1, at)[3]);
	word(&self->c, 1, at)[3] = 43;
	EXPECT_EQ(43, part[3]);
}

TEST_F(mmap, same_address)
{
	uint64_t at = fresh_range(&self->c, 8);
	unsigned int i;
	char *p;

	for (i = 0; i < self->c.nr; i++) {
		p = dsm_map(self->c.node[i].fd, at, 8 * PAGE, PROT_READ);
		EXPECT_EQ((char *)(uintptr_t)(self->c.base + at), p);
		munmap(p, 8 * PAGE);
	}
}

TEST_F(mmap, address_taken)
{
	uint64_t at = fresh_range(&self->c, 8);
	volatile char *first, *second;

	first = dsm_map(self->c.node[0].fd, at, 8 * PAGE,
			PROT_READ | PROT_WRITE);
	ASSERT_EQ((char *)(uintptr_t)(self->c.base + at), first);
	second = dsm_map(self->c.node[1].fd, at, PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, second);
	EXPECT_NE(first, second);
	second[5] = 5;
	EXPECT_EQ(5, first[5]);
}

TEST_F(mmap, address_hint)
{
	uint64_t at = fresh_range(&self->c, 1);
	int fd = self->c.node[0].fd;
	void *hint, *p;

	hint = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, hint);
	munmap(hint, PAGE);
	p = mmap(hint, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	EXPECT_EQ(hint, p);
	munmap(p, PAGE);
	p = mmap(hint, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, at);
	EXPECT_EQ(hint, p);
}

TEST_F(mmap, pointer_in_region)
{
	uint64_t at = fresh_range(&self->c, 2);
	uint64_t **p;

	p = dsm_map(self->c.node[0].fd, at, 2 * PAGE, PROT_READ | PROT_WRITE);
	ASSERT_EQ((void *)(uintptr_t)(self->c.base + at), p);
	p[0] = (uint64_t *)((char *)p + PAGE);
	*p[0] = 1234;
	munmap(p, 2 * PAGE);
	p = dsm_map(self->c.node[1].fd, at, 2 * PAGE, PROT_READ);
	ASSERT_EQ((void *)(uintptr_t)(self->c.base + at), p);
	EXPECT_EQ(1234, *p[0]);
}

TEST_F(mmap, read_only)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct node *n = &self->c.node[0];
	char *p;

	p = dsm_map(n->fd, at, PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, fault_of(p, false, NULL));
	EXPECT_EQ(SIGSEGV, fault_of(p, true, NULL));
	ASSERT_EQ(0, mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, fault_of(p, true, NULL));
	ASSERT_EQ(0, mprotect(p, PAGE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, fault_of(p, false, NULL));
}

TEST_F(mmap, read_only_file)
{
	uint64_t at = fresh_at(&self->c, 1);
	int fd = open("/dev/dsm", O_RDONLY);
	char *p;

	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, share_error(fd, PAGE, at));
	EXPECT_EQ(0, map_error(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			       at));
	p = dsm_map(fd, at, PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, fault_of(p, false, NULL));
	EXPECT_EQ(-1, mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(mmap, outlives_file)
{
	uint64_t at = fresh_at(&self->c, 1);
	int fd = dsm_open(self->c.node[0].name);
	char *p;

	ASSERT_LE(0, fd);
	p = dsm_map(fd, at, PAGE, PROT_READ | PROT_WRITE);
	close(fd);
	ASSERT_NE(NULL, p);
	p[0] = 1;
	EXPECT_EQ(1, p[0]);
}

TEST_F(mmap, private_copy)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile uint64_t *own, *other;

	ASSERT_EQ(0, cluster_map(c));
	own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		   c->node[0].fd, at);
	ASSERT_NE(MAP_FAILED, own);

	/* Until it is written to, it shows what all share. */
	*word(c, 1, at) = 1;
	EXPECT_EQ(1, own[0]);
	*word(c, 1, at) = 2;
	EXPECT_EQ(2, own[0]);
	*word(c, 0, at) = 3;
	EXPECT_EQ(3, own[0]);

	own[1] = 77;
	*word(c, 1, at) = 4;
	*word(c, 0, at + 16) = 5;
	EXPECT_EQ(3, own[0]);
	EXPECT_EQ(77, own[1]);
	EXPECT_EQ(0, own[2]);

	/* Nobody else sees the change. */
	other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, c->node[0].fd, at);
	ASSERT_NE(MAP_FAILED, other);
	EXPECT_EQ(4, other[0]);
	EXPECT_EQ(0, other[1]);
	EXPECT_EQ(0, *word(c, 0, at + 8));
	EXPECT_EQ(0, *word(c, 1, at + 8));

	/* Dropping the copy shows what is shared again. */
	ASSERT_EQ(0, madvise((void *)own, PAGE, MADV_DONTNEED));
	EXPECT_EQ(4, own[0]);
	EXPECT_EQ(0, own[1]);
}

TEST_F(mmap, private_write_reads)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	struct dsm_page_info page;
	volatile uint64_t *own;
	uint64_t writes;

	ASSERT_EQ(0, cluster_map(c));
	*word(c, 1, at) = 9;
	own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		   c->node[0].fd, at);
	ASSERT_NE(MAP_FAILED, own);

	writes = stat_of(&c->node[0], "write_faults") +
		 stat_of(&c->node[0], "upgrades");
	own[1] = 77;
	EXPECT_EQ(9, own[0]);
	EXPECT_EQ(writes, stat_of(&c->node[0], "write_faults") +
			  stat_of(&c->node[0], "upgrades"));
	ASSERT_EQ(0, page_settle(c, at));
	ASSERT_EQ(0, dsm_get_page(c->node[0].fd, at, &page));
	EXPECT_EQ(DSM_PAGE_READ_ONLY, page.state);
	ASSERT_EQ(0, dsm_get_page(c->node[1].fd, at, &page));
	EXPECT_EQ(c->node[1].id, page.owner);
	EXPECT_EQ(0, *word(c, 1, at + 8));
}

TEST_F(mmap, partial_munmap)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	unsigned int i;
	char *p;

	ASSERT_EQ(0, cluster_map(c));
	p = dsm_map(c->node[0].fd, at, 5 * PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, p);
	for (i = 0; i < 5; i++)
		p[i * PAGE] = 'a' + i;
	ASSERT_EQ(0, munmap(p + 2 * PAGE, PAGE));
	EXPECT_EQ(SIGSEGV, fault_of(p + 2 * PAGE, false, NULL));

	/* What is left follows the other node, and is what it sees. */
	for (i = 0; i < 5; i++) {
		EXPECT_EQ('a' + i, *(volatile char *)word(c, 1, at + i * PAGE));
		*(volatile char *)word(c, 1, at + i * PAGE) = 'A' + i;
	}
	for (i = 0; i < 5; i++)
		if (i != 2)
			EXPECT_EQ('A' + i, p[i * PAGE]);

	ASSERT_EQ(0, munmap(p, PAGE));
	ASSERT_EQ(0, munmap(p + 4 * PAGE, PAGE));
	p[3 * PAGE] = '!';
	EXPECT_EQ('!', *(volatile char *)word(c, 1, at + 3 * PAGE));
	EXPECT_EQ(SIGSEGV, fault_of(p, false, NULL));
	EXPECT_EQ(SIGSEGV, fault_of(p + 4 * PAGE, false, NULL));
}

/* Neighbours are merged into one mapping, which must not confuse anybody. */
TEST_F(mmap, adjacent)
{
	int fd = self->c.node[0].fd, prot = PROT_READ | PROT_WRITE;
	char *first = dsm_map(fd, 0, PAGE, prot);
	char *second = dsm_map(fd, PAGE, PAGE, prot);

	ASSERT_NE(NULL, first);
	ASSERT_EQ(first + PAGE, second);
	first[0] = 1;
	second[0] = 2;
	EXPECT_EQ(1, first[0]);
	EXPECT_EQ(2, second[0]);
	ASSERT_EQ(0, munmap(first, PAGE));
	EXPECT_EQ(2, second[0]);
	ASSERT_EQ(0, munmap(second, PAGE));
}

TEST_F(mmap, mremap_moves)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	char *from, *to;
	unsigned int i;

	ASSERT_EQ(0, cluster_map(c));
	from = dsm_map(c->node[0].fd, at, 4 * PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, from);
	for (i = 0; i < 3; i++)
		from[i * PAGE] = 'a' + i;
	to = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(to, mremap(from, 4 * PAGE, 4 * PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(SIGSEGV, fault_of(from, false, NULL));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ('a' + i, to[i * PAGE]);
		*(volatile char *)word(c, 1, at + i * PAGE) = 'A' + i;
		EXPECT_EQ('A' + i, *(volatile char *)(to + i * PAGE));
	}
	/* A page that was not touched before the move */
	*(volatile char *)word(c, 1, at + 3 * PAGE) = 'x';
	EXPECT_EQ('x', to[3 * PAGE]);

	ASSERT_EQ(to, mremap(to, 4 * PAGE, PAGE, 0));
	EXPECT_EQ(SIGSEGV, fault_of(to + PAGE, false, NULL));
	EXPECT_EQ('A', to[0]);
}

TEST_F(mmap, mremap_past_the_end)
{
	char *p, *grown;

	p = dsm_map(self->c.node[0].fd, self->c.size - PAGE, PAGE,
		    PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, p);
	/* Either it does not grow, or nothing is there. */
	grown = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED)
		grown = p;
	else
		EXPECT_EQ(SIGBUS, fault_of(grown + PAGE, false, NULL));
	EXPECT_EQ(0, fault_of(grown, false, NULL));
}

TEST_F(mmap, fork_before_touch)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	pid_t pid;

	ASSERT_EQ(0, cluster_map(c));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		*word(c, 0, at) = 5;
		_exit(0);
	}
	ASSERT_EQ(0, child_status(pid));
	EXPECT_EQ(5, *word(c, 0, at));
	EXPECT_EQ(5, *word(c, 1, at));
}

TEST_F(mmap, fork_after_touch)
{
	struct barrier *step = shared_alloc(sizeof(*step));
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	pid_t pid;

	step->parties = 2;
	ASSERT_EQ(0, cluster_map(c));
	*word(c, 0, at) = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool good = *word(c, 0, at) == 1;

		barrier_wait(step);
		/* The other node writes: both processes lose the page. */
		barrier_wait(step);
		good = good && *word(c, 0, at) == 2;
		*word(c, 0, at) = 3;
		_exit(!good);
	}
	barrier_wait(step);
	*word(c, 1, at) = 2;
	EXPECT_EQ(2, *word(c, 0, at));
	barrier_wait(step);
	ASSERT_EQ(0, child_status(pid));
	EXPECT_EQ(3, *word(c, 0, at));
	EXPECT_EQ(3, *word(c, 1, at));
}

TEST_F(mmap, aliases)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile uint64_t *rw[8], *ro[8];
	unsigned int i, j;

	ASSERT_EQ(0, cluster_map(c));
	for (i = 0; i < 8; i++) {
		rw[i] = dsm_map(c->node[0].fd, at, PAGE,
				PROT_READ | PROT_WRITE);
		ro[i] = dsm_map(c->node[0].fd, at, PAGE, PROT_READ);
		ASSERT_NE(NULL, rw[i]);
		ASSERT_NE(NULL, ro[i]);
	}
	for (i = 0; i < 8; i++) {
		*rw[i] = 100 + i;
		for (j = 0; j < 8; j++) {
			EXPECT_EQ(100 + i, *rw[j]);
			EXPECT_EQ(100 + i, *ro[j]);
		}
		EXPECT_EQ(100 + i, *word(c, 1, at));
		*word(c, 1, at) = 200 + i;
		for (j = 0; j < 8; j++) {
			EXPECT_EQ(200 + i, *ro[j]);
			EXPECT_EQ(200 + i, *rw[j]);
		}
		EXPECT_EQ(SIGSEGV, fault_of((void *)ro[i], true, NULL));
		munmap((void *)ro[i], PAGE);
		ro[i] = rw[i];
	}
}

TEST_F(mmap, many_processes)
{
	enum { PROCESSES = 24, ROUNDS = 20 };
	struct barrier *start = shared_alloc(sizeof(*start));
	uint64_t at = fresh_at(&self->c, 0);
	struct cluster *c = &self->c;
	pid_t pid[PROCESSES];
	unsigned int i, j;
	uint64_t *p;

	start->parties = PROCESSES;
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (pid[i])
			continue;
		p = dsm_map(c->node[i % c->nr].fd, at, PAGE,
			    PROT_READ | PROT_WRITE);
		if (!p)
			_exit(1);
		barrier_wait(start);
		for (j = 0; j < ROUNDS; j++)
			atomic_inc64(p);
		_exit(0);
	}
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(0, child_status(pid[i]));
	ASSERT_EQ(0, cluster_map(c));
	for (i = 0; i < c->nr; i++)
		EXPECT_EQ(PROCESSES * ROUNDS, *word(c, i, at));
}

/* More of them than the references that the kernel takes for a pin */
TEST_F(mmap, many_mappings)
{
	enum { MAPPINGS = 1100 };
	uint64_t at = fresh_at(&self->c, 0);
	struct cluster *c = &self->c;
	volatile char *p[MAPPINGS];
	unsigned int i;

	ASSERT_EQ(0, cluster_map(c));
	*(volatile char *)word(c, 1, at) = 1;
	for (i = 0; i < MAPPINGS; i++) {
		p[i] = dsm_map(c->node[1].fd, at, PAGE, PROT_READ | PROT_WRITE);
		ASSERT_NE(NULL, p[i]);
		ASSERT_EQ(1, *p[i]);
	}
	EXPECT_EQ(1, *(volatile char *)word(c, 0, at));
	*p[0] = 2;
	EXPECT_EQ(2, *(volatile char *)word(c, 0, at));
	for (i = 0; i < MAPPINGS; i++)
		munmap((void *)p[i], PAGE);
}

TEST_F(mmap, populate)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	struct dsm_page_info page;
	volatile char *p;
	unsigned int i;

	ASSERT_EQ(0, cluster_map(c));
	for (i = 0; i < 4; i++)
		*(volatile char *)word(c, 1, at + i * PAGE) = 'a' + i;
	p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE,
		 c->node[0].fd, at);
	ASSERT_NE(MAP_FAILED, p);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, dsm_get_page(c->node[0].fd, at + i * PAGE, &page));
		EXPECT_EQ(DSM_PAGE_READ_ONLY, page.state);
		EXPECT_EQ('a' + i, p[i * PAGE]);
	}
}

TEST_F(mmap, madvise)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	char *p;

	ASSERT_EQ(0, cluster_map(c));
	p = c->node[0].map + at;
	*(volatile char *)p = 'a';
	/* The only valid copy is this node's: it is not lost. */
	ASSERT_EQ(0, madvise(p, PAGE, MADV_DONTNEED));
	EXPECT_EQ('a', *(volatile char *)word(c, 1, at));
	EXPECT_EQ('a', *(volatile char *)p);
	EXPECT_EQ(0, madvise(p, 4 * PAGE, MADV_WILLNEED));
	EXPECT_EQ('a', *(volatile char *)p);
}

TEST_HARNESS_MAIN
