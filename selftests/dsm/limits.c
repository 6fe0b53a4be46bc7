// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: of control groups, to which the pages are charged that their programs
 * touch, and of processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define PAGES		128	/* that a test touches */
#define SLACK		64	/* pages that programs need themselves */
#define SECONDS		120	/* that a test may take */

/* ---- control groups ---- */

FIXTURE(cgroup)
{
	struct cluster c;
	uint64_t at;
	char root[64];
	bool memcg;
	struct {
		char path[96];
	} group[2];
	unsigned int *done;
};

/* The number that follows a name in a file; without a name, the first */
static uint64_t number_in(const char *dir, const char *file, const char *name)
{
	unsigned long long number = 0;
	char path[160], line[128];
	size_t length = strlen(name);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, length) &&
		    sscanf(line + length, "%llu", &number) == 1)
			break;
	if (f)
		fclose(f);
	return number;
}

/* Bytes that count as @name in a group's statistics */
static uint64_t bytes_of(const char *group, const char *name)
{
	char key[32];

	snprintf(key, sizeof(key), "%s ", name);
	return number_in(group, "memory.stat", key);
}

static uint64_t pages_of(const char *group, const char *name)
{
	return bytes_of(group, name) / PAGE;
}

/* For what the kernel needs itself, whatever a page of the region is */
static uint64_t machine_pages_of(const char *group, const char *name)
{
	return bytes_of(group, name) / MACHINE_PAGE;
}

/* Pages so large that nobody is killed for the memory of one */
static bool page_is_costly(void)
{
	return PAGE > 8 * MACHINE_PAGE;
}

static int set_limit(const char *group, const char *which, unsigned int pages)
{
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%lu", pages * PAGE);
	return file_write(group, which, bytes);
}

FIXTURE_SETUP(cgroup)
{
	unsigned int i;

	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	/* Only what a test touches is charged. */
	ASSERT_EQ(0, cluster_set(&self->c, "ahead_pages", "0"));
	self->at = fresh_range(&self->c, 4 * PAGES);
	self->done = shared_alloc(NODES_MAX * sizeof(*self->done));
	strcpy(self->root, "/tmp/dsm-cgroup-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("none", self->root, "cgroup2", 0, NULL) ||
	    file_write(self->root, "cgroup.subtree_control", "+memory"))
		return;
	self->memcg = true;
	for (i = 0; i < 2; i++) {
		snprintf(self->group[i].path, sizeof(self->group[i].path),
			 "%s/dsm-%d-%u", self->root, getpid(), i);
		ASSERT_EQ(0, mkdir(self->group[i].path, 0755));
	}
}

FIXTURE_TEARDOWN(cgroup)
{
	unsigned int i;

	for (i = 0; self->memcg && i < 2; i++) {
		file_write(self->group[i].path, "cgroup.kill", "1");
		wait_for(!rmdir(self->group[i].path) || errno == ENOENT);
	}
	umount(self->root);
	rmdir(self->root);
	EXPECT_EQ(0, cluster_set(&self->c, "ahead_pages", "64"));
	EXPECT_EQ(0, cluster_set(&self->c, "rest_ms", "1000"));
	cluster_close(&self->c);
}

#define NO_MEMCG	"the kernel has no control group for memory"

/**
 * struct job - what a process does with pages, one after the other
 * @node:	where
 * @first:	the first page
 * @pages:	how many
 * @how:	store, load, or write() to the device
 * @linger:	stay, with the mapping, until killed
 */
struct job {
	unsigned int node;
	unsigned int first;
	unsigned int pages;
	enum { STORE, LOAD, WRITE } how;
	bool linger;
};

static uint64_t value_of(uint64_t offset)
{
	return offset * 3 + 1;
}

static int do_page(FIXTURE_DATA(cgroup) *self, const struct job *job,
		   uint64_t offset)
{
	uint64_t value = value_of(offset);

	switch (job->how) {
	case STORE:
		*word(&self->c, job->node, offset) = value;
		return 0;
	case LOAD:
		return *word(&self->c, job->node, offset) != value;
	case WRITE:
		return pwrite(self->c.node[job->node].fd, &value, sizeof(value),
			      offset) == sizeof(value) ? 0 : errno;
	}
	return -1;
}

static void work(FIXTURE_DATA(cgroup) *self, const struct job *job,
		 unsigned int *done)
{
	unsigned int i;
	int err;

	for (i = 0; i < job->pages; i++) {
		err = do_page(self, job, self->at + (job->first + i) * PAGE);
		if (err)
			_exit(err);
		__atomic_store_n(done, i + 1, __ATOMIC_SEQ_CST);
	}
	while (job->linger)
		pause();
	_exit(0);
}

/* A process in a group; @done counts the pages it is through with. */
static pid_t start(FIXTURE_DATA(cgroup) *self, unsigned int group,
		   const struct job *job, unsigned int *done)
{
	pid_t pid;

	*done = 0;
	pid = fork();
	if (!pid) {
		if (file_write(self->group[group].path, "cgroup.procs", "0"))
			_exit(99);
		work(self, job, done);
	}
	return pid;
}

/* Its exit status, minus the signal that ended it, or -1 if it did not end */
static int end_of(pid_t pid)
{
	int status;

	if (!wait_for(waitpid(pid, &status, WNOHANG) == pid) &&
	    !wait_for(waitpid(pid, &status, WNOHANG) == pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(FIXTURE_DATA(cgroup) *self, unsigned int group, struct job job)
{
	return end_of(start(self, group, &job, self->done));
}

/* How many of the pages another node does not read as they were written */
static unsigned int wrong_pages(FIXTURE_DATA(cgroup) *self, unsigned int node,
				unsigned int first, unsigned int pages)
{
	unsigned int i, wrong = 0;

	for (i = first; i < first + pages; i++)
		wrong += *word(&self->c, node, self->at + i * PAGE) !=
			 value_of(self->at + i * PAGE);
	return wrong;
}

/* Pages are charged to the group that first touches them here, once. */
TEST_F_TIMEOUT(cgroup, charged, SECONDS)
{
	const char *mine = self->group[0].path, *other = self->group[1].path;
	struct job job = {
		.node = 1, .pages = PAGES, .how = STORE, .linger = true,
	};
	uint64_t before;
	pid_t pid;

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	pid = start(self, 0, &job, self->done);
	ASSERT_TRUE(wait_for(*self->done == PAGES));
	EXPECT_TRUE(wait_for(pages_of(mine, "file") >= PAGES));
	/* Of a large page, some is mapped, or all. */
	EXPECT_TRUE(wait_for(machine_pages_of(mine, "file_mapped") >= PAGES));
	EXPECT_TRUE(wait_for(pages_of(mine, "unevictable") >= PAGES - SLACK));
	EXPECT_EQ(0, pages_of(mine, "shmem"));
	EXPECT_LE(PAGES * PAGE, number_in(mine, "memory.current", ""));

	/* The same pages on another node are other memory; not on this one. */
	before = pages_of(mine, "file");
	job = (struct job) { .node = 2, .pages = PAGES, .how = LOAD };
	EXPECT_EQ(0, run(self, 1, job));
	EXPECT_TRUE(wait_for(pages_of(other, "file") >= PAGES));
	job.node = 1;
	EXPECT_EQ(0, run(self, 1, job));
	EXPECT_GT(PAGES + SLACK, pages_of(other, "file"));
	EXPECT_EQ(before, pages_of(mine, "file"));

	/* They stay when the program has gone. */
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, end_of(pid));
	EXPECT_TRUE(wait_for(pages_of(mine, "file_mapped") < SLACK));
	EXPECT_LE(PAGES, pages_of(mine, "file"));
}

TEST_F_TIMEOUT(cgroup, charged_by_write, SECONDS)
{
	struct job job = { .node = 1, .pages = PAGES, .how = WRITE };

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	EXPECT_EQ(0, run(self, 0, job));
	EXPECT_TRUE(wait_for(pages_of(self->group[0].path, "file") >= PAGES));
	EXPECT_EQ(0, wrong_pages(self, 0, 0, PAGES));
}

/* What the module has to know of a page is charged, too. */
TEST_F_TIMEOUT(cgroup, charged_for_slots, SECONDS)
{
	const char *group = self->group[0].path;
	struct job job = {
		.node = 1, .pages = 4 * PAGES, .how = STORE, .linger = true,
	};
	uint64_t before;
	unsigned int seen;

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	/* Pages that nobody comes to for a while need less. */
	ASSERT_EQ(0, cluster_set(&self->c, "rest_ms", "0"));
	before = machine_pages_of(group, "slab");
	start(self, 0, &job, self->done);
	EXPECT_TRUE(wait_for(machine_pages_of(group, "slab") >=
			     before + job.pages / 20));
	while ((seen = *self->done) < job.pages)
		ASSERT_TRUE(wait_for(*self->done > seen));
	/* Kernels that check themselves put something around each. */
	EXPECT_GT(before + job.pages / 4 + SLACK,
		  machine_pages_of(group, "slab"));
}

/* A group over its limit loses its program. Nobody else loses anything. */
TEST_F_TIMEOUT(cgroup, over_limit, SECONDS)
{
	struct job big = { .node = 1, .pages = 3 * PAGES, .how = STORE };
	struct job small = {
		.node = 1, .first = 3 * PAGES, .pages = PAGES, .how = STORE,
		.linger = true,
	};
	const char *group = self->group[0].path;
	unsigned int reached;

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	ASSERT_EQ(0, set_limit(group, "memory.max", 2 * PAGES));
	EXPECT_EQ(page_is_costly() ? -SIGBUS : -SIGKILL, run(self, 0, big));
	reached = *self->done;
	TH_LOG("ended after %u pages", reached);
	EXPECT_LT(0, reached);
	EXPECT_GT(3 * PAGES, reached);
	EXPECT_EQ(!page_is_costly(),
		  !!number_in(group, "memory.events", "oom_kill "));

	/* Another group and another node go on, with new and with old pages. */
	start(self, 1, &small, self->done);
	EXPECT_TRUE(wait_for(*self->done == PAGES));
	EXPECT_EQ(0, wrong_pages(self, 0, 0, reached));
	EXPECT_EQ(0, wrong_pages(self, 2, 0, reached));
	EXPECT_EQ(0, wrong_pages(self, 0, 3 * PAGES, PAGES));
	EXPECT_EQ(0, number_in(self->group[1].path, "memory.events",
			       "oom_kill "));
}

/* write() ends in the same way. */
TEST_F_TIMEOUT(cgroup, over_limit_by_write, SECONDS)
{
	struct job job = { .node = 1, .pages = 3 * PAGES, .how = WRITE };

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	ASSERT_EQ(0, set_limit(self->group[0].path, "memory.max", 2 * PAGES));
	EXPECT_EQ(page_is_costly() ? ENOMEM : -SIGKILL, run(self, 0, job));
	EXPECT_LT(0, *self->done);
	EXPECT_EQ(0, wrong_pages(self, 0, 0, *self->done));
}

/* Pressure takes nothing that is shared: it is nowhere else. */
TEST_F_TIMEOUT(cgroup, pressure, SECONDS)
{
	struct job job = { .node = 1, .pages = PAGES, .how = STORE };
	const char *group = self->group[0].path;
	uint64_t resident;
	pid_t pid;

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	EXPECT_EQ(0, run(self, 0, job));
	EXPECT_TRUE(wait_for(pages_of(group, "file") >= PAGES));
	resident = stat_of(&self->c.node[1], "resident_pages");

	/* Nothing, or some of what else the program has left */
	set_limit(group, "memory.reclaim", 2 * PAGES);
	EXPECT_LE(PAGES, pages_of(group, "file"));
	EXPECT_EQ(resident, stat_of(&self->c.node[1], "resident_pages"));

	/* Slowed down, by seconds for a large page, but not stopped */
	ASSERT_EQ(0, set_limit(group, "memory.high", SLACK));
	job.first = PAGES;
	job.pages = SLACK / 4;
	pid = start(self, 0, &job, self->done);
	EXPECT_EQ(0, end_of(pid));
	EXPECT_LT(0, number_in(group, "memory.events", "high "));
	EXPECT_EQ(0, wrong_pages(self, 1, 0, PAGES + job.pages));
	EXPECT_EQ(0, wrong_pages(self, 0, 0, PAGES + job.pages));
}

/* A group can go; its pages stay. */
TEST_F_TIMEOUT(cgroup, removed, SECONDS)
{
	struct job job = { .node = 1, .pages = PAGES, .how = STORE };

	if (!self->memcg)
		SKIP_IF_GOOD(return, NO_MEMCG);
	EXPECT_EQ(0, run(self, 0, job));
	EXPECT_TRUE(wait_for(!rmdir(self->group[0].path)));
	EXPECT_EQ(0, wrong_pages(self, 1, 0, PAGES));
	EXPECT_EQ(0, wrong_pages(self, 0, 0, PAGES));
}

/* ---- limits of a process ---- */

FIXTURE(process)
{
	struct cluster c;
	uint64_t at;
};

FIXTURE_SETUP(process)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(2, self->c.nr);
	self->at = fresh_at(&self->c, 0);
}

FIXTURE_TEARDOWN(process)
{
	cluster_close(&self->c);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	getrlimit(resource, &now);
	now.rlim_cur = value;
	if (setrlimit(resource, &now))
		abort();
}

static char *map(FIXTURE_DATA(process) *self, size_t length, int flags)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, flags,
		    self->c.node[1].fd, self->at);
}

TEST_F(process, address_space)
{
	char *p = map(self, PAGE, MAP_SHARED);

	ASSERT_NE(MAP_FAILED, p);
	limit(RLIMIT_AS, number_in("/proc/self", "status", "VmSize:") * 1024 +
			 8 * PAGE);
	EXPECT_EQ(MAP_FAILED, map(self, 16 * PAGE, MAP_SHARED));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(MAP_FAILED, mremap(p, PAGE, 16 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_NE(MAP_FAILED, map(self, 4 * PAGE, MAP_SHARED));
	*p = 1;
}

/* What is shared is not the process's own data. A private copy is. */
TEST_F(process, data_size)
{
	limit(RLIMIT_DATA, number_in("/proc/self", "status", "VmData:") * 1024 +
			   8 * PAGE);
	EXPECT_NE(MAP_FAILED, map(self, 16 * PAGE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, map(self, 16 * PAGE, MAP_PRIVATE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_NE(MAP_FAILED, map(self, 4 * PAGE, MAP_PRIVATE));
}

TEST_F(process, locked_memory)
{
	char *p = map(self, 16 * PAGE, MAP_SHARED);
	unsigned char here;
	unsigned int i;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	limit(RLIMIT_MEMLOCK, 4 * PAGE);
	EXPECT_EQ(-1, mlock(p, 5 * PAGE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, mlock(p, 4 * PAGE));
	EXPECT_EQ(4 * PAGE, number_in("/proc/self", "status", "VmLck:") * 1024);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, mincore(p + i * PAGE, MACHINE_PAGE, &here));
		EXPECT_EQ(1, here & 1);
	}
	EXPECT_EQ(-1, mlock(p + 8 * PAGE, PAGE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, munlock(p, 4 * PAGE));
	limit(RLIMIT_MEMLOCK, 0);
	EXPECT_EQ(-1, mlock(p, PAGE));
	EXPECT_EQ(EPERM, errno);
}

TEST_HARNESS_MAIN
