// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of /dev/dsm: rights and shapes. Each flag of mmap(), each change of
 * rights while other nodes use the page, each way to lock, copy, move and grow
 * a mapping, and what is left after fork() and exec(). mmap.c has the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define RW	(PROT_READ | PROT_WRITE)

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

#define EXEC_VARIABLE	"DSM_MAPPING_EXEC"

FIXTURE(mapping)
{
	struct cluster c;
};

FIXTURE_SETUP(mapping)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(mapping)
{
	cluster_close(&self->c);
}

/* The first byte of a page, as a node sees it */
static volatile char *byte(const struct cluster *c, unsigned int node,
			   uint64_t at)
{
	return c->node[node].map + at;
}

/* Write 'a', 'b'... into pages, by node 1 */
static void write_letters(const struct cluster *c, uint64_t at,
			  unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		*byte(c, 1, at + i * PAGE) = 'a' + i;
}

/* How many of some pages are here, by what the node says */
static unsigned int pages_here(const struct node *n, uint64_t at,
			       unsigned int pages)
{
	unsigned int i, here = 0;

	for (i = 0; i < pages; i++)
		here += page_state(n, at + i * PAGE) != DSM_PAGE_NONE;
	return here;
}

/* A field of /proc/self/status, in KiB */
static long status_kib(const char *field)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			kib = atol(line + strlen(field) + 1);
	if (f)
		fclose(f);
	return kib;
}

/* ---- flags of mmap() ---- */

static const struct {
	int flags;
	int err;
} ways[] = {
	{ MAP_SHARED, 0 },
	{ MAP_SHARED_VALIDATE, 0 },
	{ MAP_SHARED | MAP_NORESERVE, 0 },
	{ MAP_PRIVATE | MAP_NORESERVE, 0 },
	{ MAP_SHARED | MAP_LOCKED, 0 },
	{ MAP_SHARED | MAP_POPULATE, 0 },
	{ MAP_SHARED | MAP_POPULATE | MAP_NONBLOCK, 0 },
	{ MAP_SHARED | MAP_STACK, 0 },
	{ MAP_SHARED | MAP_HUGETLB, EINVAL },
	{ MAP_SHARED | MAP_GROWSDOWN, EINVAL },
	{ MAP_SHARED_VALIDATE | MAP_SYNC, EOPNOTSUPP },
};

TEST_F(mapping, flags)
{
	struct cluster *c = &self->c;
	volatile char *p;
	unsigned int i;
	bool shared;
	uint64_t at;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		TH_LOG("flags %#x", ways[i].flags);
		at = fresh_at(c, 1);
		*byte(c, 2, at) = 'a';
		errno = 0;
		p = mmap(NULL, PAGE, RW, ways[i].flags, c->node[0].fd, at);
		EXPECT_EQ(ways[i].err, errno);
		if (p == MAP_FAILED)
			continue;
		shared = (ways[i].flags & MAP_TYPE) != MAP_PRIVATE;
		EXPECT_EQ('a', *p);
		*byte(c, 1, at) = 'b';
		EXPECT_EQ('b', *p);
		*p = 'c';
		EXPECT_EQ(shared ? 'c' : 'b', *byte(c, 1, at));
		munmap((void *)p, PAGE);
	}
}

TEST_F(mapping, fixed)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;
	unsigned int i;

	p = dsm_map(c->node[0].fd, at, 4 * PAGE, RW);
	ASSERT_NE(NULL, p);
	for (i = 0; i < 4; i++)
		p[i * PAGE] = 'a' + i;

	/* The last page over the second, as another node of this machine */
	ASSERT_EQ(p + PAGE, mmap((void *)(p + PAGE), PAGE, RW,
				 MAP_SHARED | MAP_FIXED, c->node[2].fd,
				 at + 3 * PAGE));
	EXPECT_EQ('d', p[PAGE]);
	p[PAGE] = 'D';
	EXPECT_EQ('D', p[3 * PAGE]);
	EXPECT_EQ('b', *byte(c, 1, at + PAGE));

	/* Other memory over the third */
	ASSERT_EQ(p + 2 * PAGE, mmap((void *)(p + 2 * PAGE), PAGE, RW,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0));
	p[2 * PAGE] = 'x';
	EXPECT_EQ('c', *byte(c, 1, at + 2 * PAGE));

	EXPECT_EQ(MAP_FAILED, mmap((void *)p, PAGE, RW,
				   MAP_SHARED | MAP_FIXED_NOREPLACE,
				   c->node[0].fd, at));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ('a', *p);
}

TEST_F(mapping, populate_asks_to_read)
{
	uint64_t at = fresh_at(&self->c, 1), writes;
	struct cluster *c = &self->c;
	struct node *n = &c->node[0];
	volatile char *shared, *own;
	unsigned int i;

	write_letters(c, at, 4);
	writes = stat_of(n, "write_faults") + stat_of(n, "upgrades");
	shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_POPULATE, n->fd, at);
	own = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, n->fd, at);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_NE(MAP_FAILED, own);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(DSM_PAGE_READ_ONLY, page_state(n, at + i * PAGE));
	EXPECT_EQ(writes, stat_of(n, "write_faults") + stat_of(n, "upgrades"));

	/* What may be written to and is private was copied at once. */
	*byte(c, 1, at) = 'A';
	EXPECT_EQ('A', shared[0]);
	EXPECT_EQ('a', own[0]);
}

/* ---- locks ---- */

TEST_F(mapping, mlock)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;
	long locked;

	write_letters(c, at, 3);
	p = dsm_map(c->node[0].fd, at, 3 * PAGE, RW);
	ASSERT_NE(NULL, p);
	locked = status_kib("VmLck:");
	ASSERT_EQ(0, mlock((void *)p, 3 * PAGE));
	EXPECT_EQ(locked + 3 * PAGE / 1024, status_kib("VmLck:"));
	EXPECT_EQ(3, pages_here(&c->node[0], at, 3));
	EXPECT_EQ(-1, madvise((void *)p, PAGE, MADV_DONTNEED));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, msync((void *)p, PAGE, MS_INVALIDATE));
	EXPECT_EQ(EBUSY, errno);

	/* It holds the page against this machine, not against the others. */
	*byte(c, 2, at) = 'A';
	EXPECT_EQ(2, pages_here(&c->node[0], at, 3));
	EXPECT_EQ('A', p[0]);
	p[PAGE] = 'B';
	EXPECT_EQ('B', *byte(c, 2, at + PAGE));

	ASSERT_EQ(0, munlock((void *)p, 3 * PAGE));
	EXPECT_EQ(locked, status_kib("VmLck:"));
	*byte(c, 2, at) = '!';
	EXPECT_EQ('!', p[0]);
	/* Unmapped while locked */
	ASSERT_EQ(0, mlock((void *)p, 3 * PAGE));
	ASSERT_EQ(0, munmap((void *)p, 3 * PAGE));
	EXPECT_EQ(locked, status_kib("VmLck:"));
	EXPECT_EQ('B', *byte(c, 0, at + PAGE));
}

TEST_F(mapping, mlock_on_fault)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;

	write_letters(c, at, 3);
	p = dsm_map(c->node[0].fd, at, 3 * PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, mlock2((void *)p, 3 * PAGE, MLOCK_ONFAULT));
	EXPECT_EQ(0, pages_here(&c->node[0], at, 3));
	EXPECT_EQ('b', p[PAGE]);
	EXPECT_EQ(1, pages_here(&c->node[0], at, 3));
	*byte(c, 1, at + PAGE) = 'B';
	EXPECT_EQ('B', p[PAGE]);
	ASSERT_EQ(0, munlock((void *)p, 3 * PAGE));
}

TEST_F(mapping, mlockall)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *now, *later, *touched;
	unsigned int i;

	write_letters(c, at, 3);
	/* All of the region is more than has to be here. */
	for (i = 0; i < c->nr; i++) {
		munmap(c->node[i].map, c->size);
		c->node[i].map = NULL;
	}
	now = dsm_map(c->node[0].fd, at, PAGE, RW);
	ASSERT_NE(NULL, now);
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_EQ(1, pages_here(&c->node[0], at, 3));
	later = dsm_map(c->node[0].fd, at + PAGE, PAGE, RW);
	ASSERT_NE(NULL, later);
	EXPECT_EQ(2, pages_here(&c->node[0], at, 3));
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	touched = dsm_map(c->node[0].fd, at + 2 * PAGE, PAGE, RW);
	ASSERT_NE(NULL, touched);
	EXPECT_EQ(2, pages_here(&c->node[0], at, 3));
	EXPECT_EQ('c', *touched);
	ASSERT_EQ(0, munlockall());
	EXPECT_EQ('a', *now);
	EXPECT_EQ('b', *later);
}

/* ---- rights ---- */

TEST_F(mapping, mprotect_while_elsewhere)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;

	p = dsm_map(c->node[0].fd, at, PAGE, RW);
	ASSERT_NE(NULL, p);
	*p = 'a';
	ASSERT_EQ(0, mprotect((void *)p, PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, fault_of(p, true, NULL));
	/* The right to write goes meanwhile, and must not just be back. */
	EXPECT_EQ('a', *byte(c, 1, at));
	ASSERT_EQ(0, mprotect((void *)p, PAGE, RW));
	*p = 'b';
	EXPECT_EQ('b', *byte(c, 1, at));

	/* The page goes while it cannot be used at all. */
	ASSERT_EQ(0, mprotect((void *)p, PAGE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, fault_of(p, false, NULL));
	*byte(c, 1, at) = 'c';
	ASSERT_EQ(0, mprotect((void *)p, PAGE, PROT_READ));
	EXPECT_EQ('c', *p);
	*byte(c, 1, at) = 'd';
	ASSERT_EQ(0, mprotect((void *)p, PAGE, RW));
	*p += 1;
	EXPECT_EQ('e', *byte(c, 1, at));

	/* It stays while nobody wants it, and is what it was. */
	ASSERT_EQ(0, mprotect((void *)p, PAGE, PROT_NONE));
	ASSERT_EQ(0, mprotect((void *)p, PAGE, RW));
	EXPECT_EQ('e', *p);
	*p = 'f';
	EXPECT_EQ('f', *byte(c, 2, at));
}

/* The same for a process that did not write, beside one that does */
TEST_F(mapping, mprotect_of_one_mapping)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p, *q;

	p = dsm_map(c->node[0].fd, at, PAGE, RW);
	q = dsm_map(c->node[0].fd, at, PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);
	*p = 'a';
	EXPECT_EQ('a', *q);
	ASSERT_EQ(0, mprotect((void *)q, PAGE, RW));
	EXPECT_EQ('a', *byte(c, 1, at));
	*q = 'b';
	EXPECT_EQ('b', *p);
	EXPECT_EQ('b', *byte(c, 1, at));
	ASSERT_EQ(0, mprotect((void *)p, PAGE, PROT_READ));
	*q = 'c';
	EXPECT_EQ('c', *p);
	EXPECT_EQ('c', *byte(c, 2, at));
}

TEST_F(mapping, mprotect_splits)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;
	unsigned int i;

	p = dsm_map(c->node[0].fd, at, 3 * PAGE, RW);
	ASSERT_NE(NULL, p);
	for (i = 0; i < 3; i++)
		p[i * PAGE] = 'a' + i;
	ASSERT_EQ(0, mprotect((void *)(p + PAGE), PAGE, PROT_READ));
	for (i = 0; i < 3; i++)
		*byte(c, 1, at + i * PAGE) = 'A' + i;
	for (i = 0; i < 3; i++)
		EXPECT_EQ('A' + i, p[i * PAGE]);
	EXPECT_EQ(SIGSEGV, fault_of(p + PAGE, true, NULL));
	p[0] = 'x';
	p[2 * PAGE] = 'z';
	ASSERT_EQ(0, mprotect((void *)(p + PAGE), PAGE, RW));
	p[PAGE] = 'y';
	for (i = 0; i < 3; i++)
		EXPECT_EQ('x' + i, *byte(c, 2, at + i * PAGE));
}

TEST_F(mapping, rights_in_one_process)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *rw, *ro, *own, *none;
	unsigned int i;

	rw = dsm_map(c->node[0].fd, at, PAGE, RW);
	ro = dsm_map(c->node[0].fd, at, PAGE, PROT_READ);
	own = mmap(NULL, PAGE, RW, MAP_PRIVATE, c->node[0].fd, at);
	none = dsm_map(c->node[0].fd, at, PAGE, PROT_NONE);
	ASSERT_NE(NULL, rw);
	ASSERT_NE(NULL, ro);
	ASSERT_NE(MAP_FAILED, own);
	ASSERT_NE(NULL, none);
	for (i = 0; i < 8; i++) {
		*rw = 'a' + i;
		EXPECT_EQ('a' + i, *ro);
		EXPECT_EQ('a' + i, *own);
		EXPECT_EQ('a' + i, *byte(c, 1, at));
		*byte(c, 2, at) = 'A' + i;
		EXPECT_EQ('A' + i, *own);
		EXPECT_EQ('A' + i, *ro);
		EXPECT_EQ('A' + i, *rw);
		EXPECT_EQ(SIGSEGV, fault_of(ro, true, NULL));
		EXPECT_EQ(SIGSEGV, fault_of(none, false, NULL));
	}
	own[1] = '!';
	*rw = '?';
	EXPECT_EQ('H', *own);
	EXPECT_EQ('?', *ro);
	EXPECT_EQ(0, ro[1]);
	ASSERT_EQ(0, mprotect((void *)none, PAGE, RW));
	*none = 'n';
	EXPECT_EQ('n', *rw);
	EXPECT_EQ('n', *byte(c, 1, at));
}

static const struct {
	int prot;
	int flags;
} rights[] = {
	{ RW, MAP_SHARED },
	{ PROT_READ, MAP_SHARED },
	{ RW, MAP_PRIVATE },
	{ PROT_READ, MAP_PRIVATE },
	{ PROT_NONE, MAP_SHARED },
};

enum { RIGHTS = ARRAY_SIZE(rights), ROUNDS = 10 };

/* One process with one of these; returns how often it saw what it must not. */
static int use_rights(struct cluster *c, unsigned int which, uint64_t at,
		      struct barrier *step)
{
	bool none = rights[which].prot == PROT_NONE;
	bool writes = rights[which].prot == RW &&
		      rights[which].flags == MAP_SHARED;
	volatile char *p;
	int i, wrong = 0;

	p = mmap(NULL, PAGE, rights[which].prot, rights[which].flags,
		 c->node[which % 2].fd, at);
	if (p == MAP_FAILED)
		return 100;
	for (i = 0; i < ROUNDS; i++) {
		barrier_wait(step);	/* somebody else wrote */
		wrong += none ? fault_of(p, false, NULL) != SIGSEGV :
				*p != 'a' + i;
		barrier_wait(step);
		if (writes)
			*p = 'A' + i;
		barrier_wait(step);
		wrong += !none && *p != 'A' + i;
		wrong += !none && !(rights[which].prot & PROT_WRITE) &&
			 fault_of(p, true, NULL) != SIGSEGV;
		barrier_wait(step);
	}
	return wrong;
}

TEST_F_TIMEOUT(mapping, rights_in_many, 120)
{
	struct barrier *step = shared_alloc(sizeof(*step));
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	pid_t pid[RIGHTS];
	unsigned int i;

	step->parties = RIGHTS + 1;
	for (i = 0; i < RIGHTS; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			_exit(use_rights(c, i, at, step));
	}
	for (i = 0; i < ROUNDS; i++) {
		*byte(c, 2, at) = 'a' + i;
		barrier_wait(step);
		barrier_wait(step);
		barrier_wait(step);
		EXPECT_EQ('A' + i, *byte(c, 2, at));
		barrier_wait(step);
	}
	for (i = 0; i < RIGHTS; i++)
		EXPECT_EQ(0, child_status(pid[i]));
}

/* ---- copying, moving, growing ---- */

TEST_F(mapping, mremap_leaves_source)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *from, *to;

	from = dsm_map(c->node[0].fd, at, 2 * PAGE, RW);
	ASSERT_NE(NULL, from);
	from[0] = 'a';
	to = mremap((void *)from, 2 * PAGE, 2 * PAGE,
		    MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_NE(from, to);
	EXPECT_EQ('a', to[0]);
	EXPECT_EQ('a', from[0]);
	*byte(c, 1, at) = 'b';
	EXPECT_EQ('b', to[0]);
	EXPECT_EQ('b', from[0]);
	from[0] = 'c';
	EXPECT_EQ('c', to[0]);
	to[PAGE] = 'd';
	EXPECT_EQ('d', from[PAGE]);
	EXPECT_EQ('c', *byte(c, 2, at));
	EXPECT_EQ('d', *byte(c, 2, at + PAGE));
}

/* An old length of 0 asks for another mapping of the same pages. */
TEST_F(mapping, mremap_duplicates)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *from, *to;

	from = dsm_map(c->node[0].fd, at, PAGE, RW);
	ASSERT_NE(NULL, from);
	from[0] = 'a';
	to = mremap((void *)from, 0, PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ('a', to[0]);
	*byte(c, 1, at) = 'b';
	EXPECT_EQ('b', to[0]);
	to[0] = 'c';
	EXPECT_EQ('c', from[0]);
	EXPECT_EQ('c', *byte(c, 1, at));
}

TEST_F(mapping, mremap_grows)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;
	unsigned int i;

	write_letters(c, at, 4);
	p = dsm_map(c->node[0].fd, at, PAGE, RW);
	ASSERT_NE(NULL, p);
	p = mremap((void *)p, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ('a' + i, p[i * PAGE]);
		p[i * PAGE] = 'A' + i;
		EXPECT_EQ('A' + i, *byte(c, 2, at + i * PAGE));
	}
}

/* Where the mapping has to move, the module is asked. */
TEST_F(mapping, mremap_past_the_end)
{
	struct cluster *c = &self->c;
	volatile char *p;

	p = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(p, mmap((void *)p, PAGE, RW, MAP_SHARED | MAP_FIXED,
			  c->node[0].fd, c->size - PAGE));
	*p = 'a';
	EXPECT_EQ(MAP_FAILED, mremap((void *)p, PAGE, 2 * PAGE,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mremap((void *)p, PAGE, 2 * PAGE, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(MAP_FAILED, mremap((void *)p, PAGE, 2 * PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     p + PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ('a', *p);
	EXPECT_EQ('a', *byte(c, 1, c->size - PAGE));
}

/* Where it need not, it is not: as with a file, nothing is there. */
TEST_F(mapping, mremap_in_place_past_the_end)
{
	struct cluster *c = &self->c;
	const void *where = NULL;
	char *room, *p;

	room = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	ASSERT_NE(MAP_FAILED, room);
	p = mmap(room, PAGE, RW, MAP_SHARED | MAP_FIXED, c->node[0].fd,
		 c->size - PAGE);
	ASSERT_EQ(room, p);
	ASSERT_EQ(0, munmap(p + PAGE, 2 * PAGE));
	ASSERT_EQ(p, mremap(p, PAGE, 2 * PAGE, 0));
	EXPECT_EQ(SIGBUS, fault_of(p + PAGE, false, &where));
	EXPECT_EQ(p + PAGE, where);
	EXPECT_EQ(SIGBUS, fault_of(p + PAGE, true, NULL));
	EXPECT_EQ(-1, pread(c->node[0].fd, p + PAGE, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, fault_of(p, true, NULL));
}

TEST_F(mapping, remap_file_pages)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *p;

	write_letters(c, at, 4);
	p = dsm_map(c->node[0].fd, at, 4 * PAGE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, syscall(SYS_remap_file_pages, p, PAGE, 0,
			     (at + 3 * PAGE) / MACHINE_PAGE, 0));
	EXPECT_EQ('d', p[0]);
	EXPECT_EQ('b', p[PAGE]);
	p[0] = 'D';
	EXPECT_EQ('D', p[3 * PAGE]);
	EXPECT_EQ('D', *byte(c, 1, at + 3 * PAGE));
	EXPECT_EQ('a', *byte(c, 0, at));
}

/* ---- fork() and exec() ---- */

TEST_F(mapping, fork_private)
{
	struct barrier *step = shared_alloc(sizeof(*step));
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	volatile char *own;
	pid_t pid;

	step->parties = 2;
	write_letters(c, at, 2);
	own = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, c->node[0].fd, at);
	ASSERT_NE(MAP_FAILED, own);
	own[0] = 'p';
	EXPECT_EQ('b', own[PAGE]);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool good;

		barrier_wait(step);	/* the page not copied has changed */
		good = own[0] == 'p' && own[PAGE] == 'B';
		own[0] = 'c';
		own[PAGE] = 'c';
		good = good && *byte(c, 0, at + PAGE) == 'B';
		_exit(!good);
	}
	*byte(c, 1, at) = 'A';
	*byte(c, 1, at + PAGE) = 'B';
	barrier_wait(step);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ('p', own[0]);
	EXPECT_EQ('B', own[PAGE]);
}

TEST_F(mapping, dont_fork)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	char *p = dsm_map(c->node[0].fd, at, 2 * PAGE, RW);
	pid_t pid;

	ASSERT_NE(NULL, p);
	*p = 'a';
	ASSERT_EQ(0, madvise(p, PAGE, MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(fault_of(p, false, NULL) != SIGSEGV ||
		      fault_of(p + PAGE, true, NULL));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ('a', *byte(c, 1, at));
}

/* What the program does that exec() makes of this one */
static void __attribute__((constructor)) after_exec(void)
{
	const char *message = getenv(EXEC_VARIABLE);
	unsigned long address, at;
	char letter, *p;
	int fd;

	if (!message)
		return;
	if (sscanf(message, "%d %lu %lu", &fd, &at, &address) != 3)
		_exit(1);
	if (fault_of((void *)address, false, NULL) != SIGSEGV)
		_exit(2);
	if (pread(fd, &letter, 1, at) != 1 || letter != 'a')
		_exit(3);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, at);
	if (p == MAP_FAILED || *p != 'a')
		_exit(4);
	p[1] = 'x';
	_exit(0);
}

/* The mappings go, and a file that is passed on is what it was. */
TEST_F(mapping, exec)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct cluster *c = &self->c;
	char message[64], *p;
	pid_t pid;
	int fd;

	fd = dup(c->node[0].fd);
	ASSERT_LE(0, fd);
	p = dsm_map(fd, at, PAGE, RW);
	ASSERT_NE(NULL, p);
	*p = 'a';
	snprintf(message, sizeof(message), "%d %lu %lu", fd, at,
		 (unsigned long)p);
	ASSERT_EQ(0, setenv(EXEC_VARIABLE, message, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		execl("/proc/self/exe", "mapping", NULL);
		_exit(99);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ('x', p[1]);
	EXPECT_EQ('x', byte(c, 1, at)[1]);
	close(fd);
}

TEST_HARNESS_MAIN
