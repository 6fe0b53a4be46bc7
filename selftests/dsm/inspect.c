// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who looks into a process from outside, or changes its memory, deals with the
 * same coherent pages: core dumps, /proc, ptrace(), process_vm_readv(), gdb.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define RW	(PROT_READ | PROT_WRITE)

/* Newer than the headers */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	0x8000
#endif

FIXTURE(inspect)
{
	struct cluster c;
	uint64_t at;
};

FIXTURE_SETUP(inspect)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_at(&self->c, 1);
}

FIXTURE_TEARDOWN(inspect)
{
	cluster_close(&self->c);
}

/* ---- a process to look into ---- */

/**
 * struct subject - a child with mappings of one page of node 0, that waits
 * @pid:	its process id; a thread of it can be traced
 * @rw:		a shared mapping, there and here
 * @ro:		one that cannot be written to
 * @own:	a private one that cannot be written to
 */
struct subject {
	pid_t pid;
	volatile uint64_t *rw;
	volatile uint64_t *ro;
	volatile uint64_t *own;
};

/* Returns 0, or -1 with errno set. The child ends with this process. */
static int subject_start(struct subject *s, const struct cluster *c,
			 uint64_t at)
{
	int fd = c->node[0].fd;

	s->rw = dsm_map(fd, at, PAGE, RW);
	s->ro = dsm_map(fd, at, PAGE, PROT_READ);
	s->own = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, at);
	if (!s->rw || !s->ro || s->own == MAP_FAILED)
		return -1;
	s->pid = fork();
	if (s->pid < 0)
		return -1;
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return 0;
}

static void subject_end(struct subject *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static int trace(struct subject *s)
{
	return ptrace(PTRACE_ATTACH, s->pid, NULL, NULL) ||
	       waitpid(s->pid, NULL, 0) != s->pid;
}

static int poke(struct subject *s, volatile uint64_t *to, uint64_t value)
{
	return ptrace(PTRACE_POKEDATA, s->pid, (void *)to, (void *)value);
}

static uint64_t peek(struct subject *s, volatile uint64_t *from)
{
	return ptrace(PTRACE_PEEKDATA, s->pid, (void *)from, NULL);
}

/* ---- ptrace() ---- */

TEST_F(inspect, peek)
{
	struct cluster *c = &self->c;
	struct subject s;

	*word(c, 1, self->at) = 1;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	ASSERT_EQ(0, trace(&s));
	EXPECT_EQ(1, peek(&s, s.rw));
	*word(c, 2, self->at) = 2;
	EXPECT_EQ(2, peek(&s, s.ro));
	*word(c, 0, self->at) = 3;
	EXPECT_EQ(3, peek(&s, s.own));
	subject_end(&s);
}

/* Pokes into a page that is elsewhere, a copy, and one that is writable */
TEST_F(inspect, poke)
{
	struct cluster *c = &self->c;
	struct subject s;

	*word(c, 1, self->at) = 1;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	ASSERT_EQ(0, trace(&s));
	ASSERT_EQ(DSM_PAGE_NONE, page_state(&c->node[0], self->at));
	ASSERT_EQ(0, poke(&s, s.rw, 2));
	EXPECT_EQ(DSM_PAGE_READ_WRITE, page_state(&c->node[0], self->at));
	EXPECT_EQ(2, *word(c, 1, self->at));

	ASSERT_EQ(DSM_PAGE_READ_ONLY, page_state(&c->node[0], self->at));
	ASSERT_EQ(0, poke(&s, s.rw, 3));
	EXPECT_EQ(3, *s.ro);
	EXPECT_EQ(3, *word(c, 2, self->at));
	EXPECT_EQ(3, *word(c, 1, self->at));

	*s.rw = 4;
	ASSERT_EQ(0, poke(&s, s.rw + 1, 5));
	EXPECT_EQ(4, *word(c, 1, self->at));
	EXPECT_EQ(5, *word(c, 1, self->at + 8));
	*word(c, 1, self->at + 16) = 6;
	EXPECT_EQ(5, peek(&s, s.rw + 1));
	EXPECT_EQ(6, peek(&s, s.ro + 2));
	subject_end(&s);
}

/* A debugger may write what the process may not, but not what others share. */
TEST_F(inspect, poke_read_only)
{
	struct cluster *c = &self->c;
	struct subject s;

	*word(c, 1, self->at) = 1;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	ASSERT_EQ(0, trace(&s));
	EXPECT_EQ(-1, poke(&s, s.ro, 2));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(1, *word(c, 1, self->at));
	EXPECT_EQ(1, peek(&s, s.ro));

	/* Into a private mapping it goes, as a breakpoint does. */
	ASSERT_EQ(0, poke(&s, s.own, 3));
	EXPECT_EQ(3, peek(&s, s.own));
	EXPECT_EQ(1, peek(&s, s.rw));
	EXPECT_EQ(1, *s.own);
	EXPECT_EQ(1, *word(c, 1, self->at));
	*word(c, 1, self->at) = 4;
	EXPECT_EQ(3, peek(&s, s.own));
	EXPECT_EQ(4, peek(&s, s.ro));
	subject_end(&s);
}

/* ---- /proc/PID/mem ---- */

static int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, flags);
}

TEST_F(inspect, proc_mem)
{
	struct cluster *c = &self->c;
	uint64_t value = 0;
	struct subject s;
	int fd;

	*word(c, 1, self->at) = 1;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	fd = open_proc(s.pid, "mem", O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(8, pread(fd, &value, 8, (uintptr_t)s.rw));
	EXPECT_EQ(1, value);
	value = 2;
	ASSERT_EQ(8, pwrite(fd, &value, 8, (uintptr_t)s.rw));
	EXPECT_EQ(2, *word(c, 1, self->at));
	value = 3;
	ASSERT_EQ(8, pwrite(fd, &value, 8, (uintptr_t)s.rw));
	EXPECT_EQ(3, *word(c, 2, self->at));
	*word(c, 2, self->at) = 4;
	ASSERT_EQ(8, pread(fd, &value, 8, (uintptr_t)s.ro));
	EXPECT_EQ(4, value);

	/* What the process may not write, newer kernels leave to its tracer. */
	ASSERT_EQ(0, trace(&s));
	EXPECT_EQ(-1, pwrite(fd, &value, 8, (uintptr_t)s.ro));
	EXPECT_EQ(EIO, errno);
	value = 5;
	EXPECT_EQ(8, pwrite(fd, &value, 8, (uintptr_t)s.own));
	EXPECT_EQ(5, peek(&s, s.own));
	EXPECT_EQ(4, *word(c, 1, self->at));
	close(fd);
	subject_end(&s);
}

/* ---- process_vm_readv() and process_vm_writev() ---- */

/* Move a word between this process and another; -1 with errno set */
static int vm_move(bool write, pid_t pid, volatile void *here,
		   volatile void *there)
{
	struct iovec local = { (void *)here, 8 }, remote = { (void *)there, 8 };
	ssize_t n = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0) :
			    process_vm_readv(pid, &local, 1, &remote, 1, 0);

	return n == 8 ? 0 : -1;
}

TEST_F(inspect, process_vm)
{
	struct cluster *c = &self->c;
	uint64_t other = fresh_at(c, 2), value = 0;
	struct subject s;

	*word(c, 1, self->at) = 1;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	ASSERT_EQ(0, vm_move(false, s.pid, &value, s.rw));
	EXPECT_EQ(1, value);
	*word(c, 2, self->at) = 2;
	ASSERT_EQ(0, vm_move(false, s.pid, &value, s.ro));
	EXPECT_EQ(2, value);
	value = 3;
	ASSERT_EQ(0, vm_move(true, s.pid, &value, s.rw));
	EXPECT_EQ(3, *word(c, 1, self->at));
	EXPECT_EQ(3, *s.rw);
	EXPECT_EQ(-1, vm_move(true, s.pid, &value, s.ro));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vm_move(true, s.pid, &value, s.own));
	EXPECT_EQ(EFAULT, errno);

	/* The region at both ends */
	*word(c, 1, other) = 4;
	ASSERT_EQ(0, vm_move(true, s.pid, word(c, 0, other), s.rw));
	EXPECT_EQ(4, *word(c, 2, self->at));
	*word(c, 2, self->at) = 5;
	ASSERT_EQ(0, vm_move(false, s.pid, word(c, 1, other), s.rw));
	EXPECT_EQ(5, *word(c, 0, other));
	subject_end(&s);
}

/* ---- while the page moves ---- */

/* Rounds that show a write that is lost, and how long they may take */
enum { ROUNDS = 300, ROUNDS_MS = 15000 };

/* Count up in a word, by a way to write to another process */
typedef int (*writer)(struct subject *s, int fd, volatile uint64_t *to,
		      uint64_t value);

static int write_by_poke(struct subject *s, int fd, volatile uint64_t *to,
			 uint64_t value)
{
	(void)fd;
	return poke(s, to, value);
}

static int write_by_mem(struct subject *s, int fd, volatile uint64_t *to,
			uint64_t value)
{
	(void)s;
	return pwrite(fd, &value, 8, (uintptr_t)to) == 8 ? 0 : -1;
}

static int write_by_vm(struct subject *s, int fd, volatile uint64_t *to,
		       uint64_t value)
{
	(void)fd;
	return vm_move(true, s->pid, &value, to);
}

FIXTURE(race)
{
	struct cluster c;
};

FIXTURE_VARIANT(race)
{
	writer write;
};

FIXTURE_VARIANT_ADD(race, poke) { .write = write_by_poke };
FIXTURE_VARIANT_ADD(race, proc_mem) { .write = write_by_mem };
FIXTURE_VARIANT_ADD(race, process_vm) { .write = write_by_vm };

FIXTURE_SETUP(race)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(race)
{
	cluster_close(&self->c);
}

/* Another node writes to other words of the page: nothing is lost. */
TEST_F_TIMEOUT(race, writes_beside, 300)
{
	uint64_t at = fresh_at(&self->c, 1), i, lost = 0;
	uint64_t *stop = shared_alloc(sizeof(*stop)), start;
	struct cluster *c = &self->c;
	struct subject s;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, subject_start(&s, c, at));
	fd = open_proc(s.pid, "mem", O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, variant->write == write_by_poke ? trace(&s) : 0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++)
			*word(c, 1, at + 64) = i;
		lost = *word(c, 2, at + 64) != i - 1;
		_exit(lost);
	}
	ASSERT_TRUE(wait_for(*word(c, 2, at + 64)));
	start = now_ms();
	for (i = 1; i <= ROUNDS && now_ms() < start + ROUNDS_MS; i++) {
		ASSERT_EQ(0, variant->write(&s, fd, s.rw, i));
		lost += *word(c, 2, at) != i;
	}
	EXPECT_EQ(0, lost);
	__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, child_status(pid));
	close(fd);
	subject_end(&s);
}

/* ---- /proc/PID/maps, smaps, pagemap ---- */

/*
 * A number after @field in /proc/self/@file, in the entry of the mapping at @p
 * where there are several; -1 if there is none. @line is where it stood; the
 * entry's first line if there is no @field.
 */
static long proc_field(const char *file, volatile void *p, const char *field,
		       char *line, size_t size)
{
	char path[64], start[32];
	bool here = !p;
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	f = fopen(path, "r");
	while (f && value < 0 && fgets(line, size, f)) {
		if (p && strchr("0123456789abcdef", line[0]))
			here = !strncmp(line, start, strlen(start));
		if (!here)
			continue;
		if (!field)
			value = 0;
		else if (!strncmp(line, field, strlen(field)))
			value = atol(line + strlen(field));
	}
	if (f)
		fclose(f);
	return value;
}

static long smaps(volatile void *p, const char *field)
{
	char line[512];

	return proc_field("smaps", p, field, line, sizeof(line));
}

/* Bits of the entry of an address in /proc/self/pagemap */
#define PAGEMAP_PRESENT	0x8000000000000000ULL
#define PAGEMAP_SWAP	0x4000000000000000ULL
#define PAGEMAP_FILE	0x2000000000000000ULL

static uint64_t pagemap(volatile void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)p / MACHINE_PAGE * 8) != 8)
		entry = PAGEMAP_SWAP;
	close(fd);
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAP | PAGEMAP_FILE);
}

TEST_F(inspect, maps)
{
	char line[512], offset[32], name[32] = "";
	struct cluster *c = &self->c;
	struct stat st;
	char *p, *own;

	p = dsm_map(c->node[2].fd, self->at, 2 * PAGE, RW);
	own = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, c->node[0].fd, self->at);
	ASSERT_NE(NULL, p);
	ASSERT_NE(MAP_FAILED, own);
	ASSERT_EQ(0, proc_field("maps", p, NULL, line, sizeof(line)));
	snprintf(offset, sizeof(offset), " rw-s %08" PRIx64 " ", self->at);
	EXPECT_NE(NULL, strstr(line, offset));
	ASSERT_EQ(0, fstat(c->node[2].fd, &st));
	EXPECT_NE(NULL, strstr(line, "/dev/dsm2\n"));
	snprintf(name, sizeof(name), " %lu ", (unsigned long)st.st_ino);
	EXPECT_NE(NULL, strstr(line, name));

	ASSERT_EQ(0, proc_field("maps", own, NULL, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, " r--p "));
	EXPECT_NE(NULL, strstr(line, "/dev/dsm\n"));
}

TEST_F(inspect, smaps)
{
	struct cluster *c = &self->c;
	char line[512];
	volatile char *p;
	long rss, part;

	p = dsm_map(c->node[0].fd, self->at, 4 * PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(4 * PAGE / 1024, smaps(p, "Size:"));
	EXPECT_EQ(0, smaps(p, "Rss:"));
	rss = proc_field("smaps_rollup", NULL, "Rss:", line, sizeof(line));
	ASSERT_LT(0, rss);
	p[0] = 1;
	/* Of a large page, some is mapped, or all. */
	part = smaps(p, "Rss:");
	EXPECT_LE(MACHINE_PAGE / 1024, part);
	EXPECT_GE(PAGE / 1024, part);
	p[PAGE] = 1;
	EXPECT_EQ(2 * part, smaps(p, "Rss:"));
	EXPECT_EQ(0, smaps(p, "Swap:"));
	EXPECT_EQ(0, smaps(p, "Anonymous:"));
	EXPECT_LE(rss + 2 * part, proc_field("smaps_rollup", NULL, "Rss:", line,
					     sizeof(line)));
	/* Taken by another node */
	*(volatile char *)word(c, 1, self->at) = 2;
	EXPECT_EQ(part, smaps(p, "Rss:"));
	EXPECT_EQ(2, p[0]);
	EXPECT_GE(smaps(p, "Rss:"), 2 * part);
	EXPECT_GE(part + PAGE / 1024, smaps(p, "Rss:"));

	/* At its own address, one as large as a huge page is mapped as one. */
	*word(c, 0, self->at) = 3;
	EXPECT_EQ(page_bytes == HUGE_PAGE ? PAGE / 1024 : 0,
		  smaps(c->node[0].map, "FilePmdMapped:"));

	ASSERT_EQ(0, proc_field("smaps", p, "VmFlags:", line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, " sh "));
	EXPECT_NE(NULL, strstr(line, " dd "));
	EXPECT_EQ(NULL, strstr(line, " lo "));
	ASSERT_EQ(0, mlock((void *)p, 4 * PAGE));
	ASSERT_EQ(0, proc_field("smaps", p, "VmFlags:", line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, " lo "));
	EXPECT_EQ(4 * PAGE / 1024, smaps(p, "Rss:"));
	EXPECT_LT(0, smaps(p, "Locked:"));
}

TEST_F(inspect, pagemap)
{
	const uint64_t here = PAGEMAP_PRESENT | PAGEMAP_FILE;
	struct cluster *c = &self->c;
	volatile uint64_t *p, *own;

	p = dsm_map(c->node[0].fd, self->at, PAGE, RW);
	own = mmap(NULL, PAGE, RW, MAP_PRIVATE, c->node[0].fd, self->at);
	ASSERT_NE(NULL, p);
	ASSERT_NE(MAP_FAILED, own);
	EXPECT_EQ(0, pagemap(p));
	*p = 1;
	EXPECT_EQ(here, pagemap(p));
	/* A page that another node comes to read is taken from here, too. */
	EXPECT_EQ(1, *word(c, 1, self->at));
	EXPECT_EQ(0, pagemap(p));
	EXPECT_EQ(1, *p);
	EXPECT_EQ(here, pagemap(p));
	EXPECT_EQ(1, *own);
	EXPECT_EQ(here, pagemap(own));
	*word(c, 1, self->at) = 2;
	EXPECT_EQ(0, pagemap(p));
	EXPECT_EQ(0, pagemap(own));
	*own = 3;
	EXPECT_EQ(PAGEMAP_PRESENT, pagemap(own));
	EXPECT_EQ(2, *word(c, 2, self->at));
}

/* ---- core dumps ---- */

/* The letters that a process leaves in its mappings */
enum { FIRST = 'F', SECOND = 'S' };

/*
 * Write the core of a child to @path; it maps the page twice, the second time
 * to be dumped, and has @filter. Returns its status as waitpid() does.
 */
static int dump_core(const struct cluster *c, uint64_t at, const char *path,
		     const char *filter, char *map[2])
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int fd, status = 0;
	pid_t pid;

	map[0] = dsm_map(c->node[0].fd, at, PAGE, RW);
	map[1] = dsm_map(c->node[0].fd, at + PAGE, 2 * PAGE, RW);
	if (!map[0] || !map[1] || madvise(map[1], 2 * PAGE, MADV_DODUMP))
		return -1;
	fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	if (fd < 0 || write(fd, path, strlen(path)) < 0 || close(fd))
		return -1;
	pid = fork();
	if (!pid) {
		fd = open("/proc/self/coredump_filter", O_WRONLY);
		if (fd < 0 || write(fd, filter, strlen(filter)) < 0 ||
		    setrlimit(RLIMIT_CORE, &all))
			_exit(1);
		abort();
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Bytes of the mapping at @p in a core; -1: it is not listed */
static long core_bytes(FILE *f, const char *p, char *first)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;
	unsigned int i;

	rewind(f);
	if (fread(&header, sizeof(header), 1, f) != 1 ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG))
		return -1;
	for (i = 0; i < header.e_phnum; i++) {
		if (fseek(f, header.e_phoff + i * sizeof(part), SEEK_SET) ||
		    fread(&part, sizeof(part), 1, f) != 1)
			return -1;
		if (part.p_type != PT_LOAD || part.p_vaddr != (uintptr_t)p)
			continue;
		if (part.p_filesz && (fseek(f, part.p_offset, SEEK_SET) ||
				      fread(first, 1, 1, f) != 1))
			return -1;
		return part.p_filesz;
	}
	return -1;
}

/* @pattern stays empty where the kernel dumps no cores. */
FIXTURE(core)
{
	struct cluster c;
	char pattern[256];
	char dir[32];
	char path[64];
};

FIXTURE_SETUP(core)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);

	if (fd < 0)
		return;
	ASSERT_LT(0, read(fd, self->pattern, sizeof(self->pattern) - 1));
	close(fd);
	strcpy(self->dir, "/tmp/dsm-core.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/core", self->dir);
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(core)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);

	if (fd < 0)
		return;
	EXPECT_LT(0, write(fd, self->pattern, strlen(self->pattern)));
	close(fd);
	unlink(self->path);
	rmdir(self->dir);
	cluster_close(&self->c);
}

/* Without the region's pages, which are everybody's and may be many */
TEST_F(core, without_pages)
{
	struct cluster *c = &self->c;
	char *map[2], first = 0;
	uint64_t at, pages;
	int status;
	FILE *f;

	if (!self->pattern[0])
		SKIP_IF_GOOD(return, "this kernel dumps no cores");
	at = fresh_at(c, 1);
	*word(c, 1, at) = FIRST;
	*word(c, 1, at + PAGE) = SECOND;
	pages = stat_of(&c->node[0], "resident_pages");
	status = dump_core(c, at, self->path, "0x33", map);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(WCOREDUMP(status));
	f = fopen(self->path, "r");
	ASSERT_NE(NULL, f);
	EXPECT_EQ(0, core_bytes(f, map[0], &first));
	/* Nor those to be dumped: shared mappings of files are not, usually. */
	EXPECT_EQ(0, core_bytes(f, map[1], &first));
	fclose(f);
	/* None was fetched for it. */
	EXPECT_EQ(pages, stat_of(&c->node[0], "resident_pages"));
}

/* With those that the program chose, if shared files are dumped at all */
TEST_F(core, with_chosen_pages)
{
	struct cluster *c = &self->c;
	char *map[2], first = 0;
	uint64_t at;
	int status;
	FILE *f;

	if (!self->pattern[0])
		SKIP_IF_GOOD(return, "this kernel dumps no cores");
	at = fresh_at(c, 1);
	*word(c, 1, at) = FIRST;
	*word(c, 1, at + PAGE) = SECOND;
	status = dump_core(c, at, self->path, "0x3b", map);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(WCOREDUMP(status));
	f = fopen(self->path, "r");
	ASSERT_NE(NULL, f);
	EXPECT_EQ(0, core_bytes(f, map[0], &first));
	EXPECT_EQ(2 * PAGE, core_bytes(f, map[1], &first));
	EXPECT_EQ(SECOND, first);
	fclose(f);
	EXPECT_EQ(DSM_PAGE_NONE, page_state(&c->node[0], at));
	/* The dead leave nothing behind. */
	*word(c, 2, at + PAGE) = 1;
	EXPECT_EQ(1, *word(c, 0, at + PAGE));
}

/* ---- gdb ---- */

/* Run gdb on a process; its exit status, 127 if it is not installed */
static int gdb(pid_t target, const char *command, const char *another)
{
	char pid[16];
	pid_t child;

	snprintf(pid, sizeof(pid), "%d", target);
	child = fork();
	if (!child) {
		execlp("gdb", "gdb", "-nx", "-nh", "-batch", "-iex",
		       "set auto-load no", "-iex", "set auto-solib-add off",
		       "-ex", command, "-ex", another, "-p", pid, NULL);
		_exit(127);
	}
	return child_status(child);
}

TEST_F_TIMEOUT(inspect, gdb, 300)
{
	struct cluster *c = &self->c;
	char read[128], write[128];
	struct subject s;
	int status;

	*word(c, 1, self->at) = 41;
	ASSERT_EQ(0, subject_start(&s, c, self->at));
	snprintf(write, sizeof(write),
		 "set var *(unsigned long *)%p = *(unsigned long *)%p + 1",
		 s.rw, s.ro);
	snprintf(read, sizeof(read), "quit *(unsigned long *)%p", s.rw);
	status = gdb(s.pid, write, read);
	if (status == 127)
		SKIP_IF_GOOD(subject_end(&s); return, "gdb is not installed");
	EXPECT_EQ(42, status);
	EXPECT_EQ(42, *word(c, 1, self->at));
	EXPECT_EQ(42, *word(c, 2, self->at));
	subject_end(&s);
}

/* ---- userfaultfd() ---- */

/* Open one with features; -1 with errno set */
static int uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		errno = EOPNOTSUPP;
		fd = -1;
	}
	return fd;
}

static int uffd_register(int fd, void *p, uint64_t mode)
{
	struct uffdio_register r = {
		.range = { (uintptr_t)p, PAGE }, .mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &r);
}

/* Who has the page is for the protocol to decide, not for a program. */
TEST_F(inspect, userfaultfd)
{
	char *p = self->c.node[0].map + self->at;
	int fd;

	if (access("/proc/sys/vm/unprivileged_userfaultfd", F_OK))
		SKIP_IF_GOOD(return, "this kernel has no userfaultfd()");
	fd = uffd_open(0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, uffd_register(fd, p, UFFDIO_REGISTER_MODE_MISSING));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, uffd_register(fd, p, UFFDIO_REGISTER_MODE_WP));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, uffd_register(fd, p, UFFDIO_REGISTER_MODE_MINOR));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

/* What newer kernels have for every mapping: note which pages are written to */
TEST_F(inspect, userfaultfd_wp_async)
{
	struct cluster *c = &self->c;
	volatile uint64_t *p = word(c, 0, self->at);
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)p, PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd = uffd_open(UFFD_FEATURE_WP_ASYNC);

	if (fd < 0)
		SKIP_IF_GOOD(return, "this kernel has no asynchronous protection");
	*p = 1;
	ASSERT_EQ(0, uffd_register(fd, (void *)p, UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_EQ(1, *word(c, 1, self->at));
	*p = 2;
	EXPECT_EQ(2, *word(c, 1, self->at));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	*word(c, 2, self->at) = 3;
	EXPECT_EQ(3, *p);
	*p = 4;
	EXPECT_EQ(4, *word(c, 2, self->at));
	close(fd);
	*word(c, 1, self->at) = 5;
	EXPECT_EQ(5, *p);
}

TEST_HARNESS_MAIN
