// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on pages that cannot be had: the other node has not come up yet, never
 * does, or has lost its memory. Configures the first two instances, both of
 * which have to be down.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Offsets in pages whose homes are the two nodes; the second is never there. */
#define HERE	0UL
#define AWAY	STRIPE

FIXTURE(fault)
{
	int fd;
	char *map;
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, instance_reset(0));
	ASSERT_EQ(0, instance_reset(1));
	ASSERT_EQ(0, instance_setup(0, 0, 2));
	ASSERT_EQ(0, instance_setup(1, 1, 2));
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "300"));
	ASSERT_EQ(0, instance_set(0, "state", "up"));
	ASSERT_TRUE(instance_reads(0, "state", "joining"));
	self->fd = dsm_open("dsm");
	ASSERT_LE(0, self->fd);
	self->map = dsm_map(self->fd, 0, 0, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->fd);
	munmap(self->map, strtoul(REGION, NULL, 10) << 20);
	EXPECT_EQ(0, instance_reset(0));
	EXPECT_EQ(0, instance_reset(1));
}

static bool is_pending(int fd, uint64_t offset)
{
	struct dsm_page_info page;

	return !dsm_get_page(fd, offset, &page) &&
	       page.flags & DSM_PAGE_PENDING;
}

/* Wait until the two nodes have found each other */
static bool are_joined(void)
{
	return wait_for(instance_reads(0, "nodes/1/state", "up") &&
			instance_reads(1, "nodes/0/state", "up"));
}

TEST_F(fault, sigbus)
{
	const void *where = NULL;
	char *p = self->map + AWAY + 123;

	EXPECT_EQ(SIGBUS, fault_of(p, false, &where));
	EXPECT_EQ(p, where);
	EXPECT_EQ(SIGBUS, fault_of(p + PAGE, true, &where));
	EXPECT_EQ(p + PAGE, where);
}

TEST_F(fault, sigbus_private)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		       self->fd, AWAY);
	const void *where = NULL;

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(SIGBUS, fault_of(p, false, &where));
	EXPECT_EQ(p, where);
	EXPECT_EQ(SIGBUS, fault_of(p + 9, true, &where));
	EXPECT_EQ(p + 9, where);
	munmap(p, PAGE);
}

TEST_F(fault, eio)
{
	char buf[16] = "";

	EXPECT_EQ(-1, pread(self->fd, buf, 16, AWAY));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pwrite(self->fd, buf, 16, AWAY));
	EXPECT_EQ(EIO, errno);
}

TEST_F(fault, efault)
{
	int fds[2];

	/* The kernel reads and writes the page for other system calls. */
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, write(fds[1], self->map + AWAY, 1));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(-1, read(fds[0], self->map + AWAY, 1));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(fault, is_forgotten)
{
	EXPECT_EQ(SIGBUS, fault_of(self->map + AWAY, false, NULL));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "30000"));
	EXPECT_EQ(0, fault_of(self->map + AWAY, false, NULL));
	EXPECT_EQ(0, fault_of(self->map + AWAY, true, NULL));
	EXPECT_TRUE(instance_reads(0, "state", "up"));
}

TEST_F(fault, waits_for_late_node)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(self->map[AWAY] != 0);
	ASSERT_TRUE(wait_for(is_pending(self->fd, AWAY)));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(are_joined());
}

TEST_F(fault, others_go_on)
{
	pid_t pid;
	unsigned int i;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(self->map[AWAY]);
	ASSERT_TRUE(wait_for(is_pending(self->fd, AWAY)));
	/* One page that waits is no other page's business. */
	for (i = 0; i < 16; i++)
		EXPECT_EQ(0, fault_of(self->map + HERE + i * PAGE, true, NULL));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void *load_byte(void *address)
{
	return (void *)(uintptr_t)*(volatile char *)address;
}

/* While a thread waits for a page, the others can change the address space. */
TEST_F(fault, address_space_stays_free)
{
	pthread_t thread;
	unsigned int i;
	void *p;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_byte,
				    self->map + AWAY));
	ASSERT_TRUE(wait_for(is_pending(self->fd, AWAY)));
	for (i = 0; i < 10; i++) {
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, p);
		*(char *)p = 1;
		munmap(p, PAGE);
	}
	EXPECT_TRUE(is_pending(self->fd, AWAY));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* What a child does that waits for ever, until it is killed */
enum waiting { LOAD, STORE, PRIVATE_STORE, READ, WRITE, COPY, THREADS };

static void wait_forever(int fd, char *map, off_t at, enum waiting how)
{
	pthread_t thread;
	char *p, c = 0;
	int fds[2], i;

	switch (how) {
	case LOAD:
		load_byte(map + at);
		break;
	case STORE:
		*(volatile char *)(map + at) = 1;
		break;
	case PRIVATE_STORE:
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			 at);
		if (p != MAP_FAILED)
			*(volatile char *)p = 1;
		break;
	case READ:
		c += pread(fd, &c, 1, at);
		break;
	case WRITE:
		c += pwrite(fd, &c, 1, at);
		break;
	case COPY:
		if (!pipe(fds))
			c += write(fds[1], map + at, 1);
		break;
	case THREADS:
		for (i = 0; i < 15; i++)
			pthread_create(&thread, NULL, load_byte, map + at);
		load_byte(map + at);
		break;
	}
}

TEST_F(fault, killed)
{
	enum waiting how;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	for (how = LOAD; how <= THREADS; how++) {
		off_t at = AWAY + how * PAGE;
		uint64_t start;
		int status;
		pid_t pid;

		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			wait_forever(self->fd, self->map, at, how);
			_exit(0);
		}
		ASSERT_TRUE(wait_for(is_pending(self->fd, at)));
		start = now_ms();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_GT(1000, now_ms() - start) {
			TH_LOG("way %u of waiting", how);
		}
	}
}

TEST_F(fault, mapped_is_not_down)
{
	pid_t pid;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(self->map[AWAY]);
	ASSERT_TRUE(wait_for(is_pending(self->fd, AWAY)));
	EXPECT_EQ(-1, instance_set(0, "state", "down"));
	EXPECT_EQ(EBUSY, errno);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A node that goes takes along what only it had, and nothing else. */
TEST_F(fault, owner_goes)
{
	uint64_t lost = HERE, kept = HERE + PAGE;
	volatile uint64_t *p;
	int fd;

	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	*(volatile uint64_t *)(self->map + kept) = 5;
	fd = dsm_open("dsm1");
	ASSERT_LE(0, fd);
	p = dsm_map(fd, lost, PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, p);
	*p = 7;
	munmap((void *)p, PAGE);
	close(fd);

	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_TRUE(wait_for(instance_reads(0, "state", "degraded")));
	EXPECT_EQ(SIGBUS, fault_of(self->map + lost, false, NULL));
	EXPECT_EQ(5, *(volatile uint64_t *)(self->map + kept));

	/* It comes back with nothing, and nobody takes that for the value. */
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_EQ(SIGBUS, fault_of(self->map + lost, false, NULL));
	EXPECT_EQ(5, *(volatile uint64_t *)(self->map + kept));
}

TEST_HARNESS_MAIN
