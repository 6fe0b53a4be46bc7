// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on pages that cannot be had: the other node has not come up yet, never
 * does, or has lost its memory. Configures the first two instances, both of
 * which have to be down.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"
#include "uring.h"

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
	munmap(self->map, REGION);
	EXPECT_EQ(0, instance_reset(0));
	EXPECT_EQ(0, instance_reset(1));
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

/* What was done until then counts. */
TEST_F(fault, partial)
{
	enum { SIZE = 4096 };	/* not more than a pipe has room for */
	off_t at = AWAY - SIZE, from = at;
	char buf[2 * SIZE];
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	memset(buf, 1, sizeof(buf));
	EXPECT_EQ(SIZE, pwrite(self->fd, buf, 2 * SIZE, at));
	EXPECT_EQ(SIZE - 7, pread(self->fd, buf, 2 * SIZE, at + 7));
	EXPECT_EQ(SIZE, sendfile(fds[1], self->fd, &from, 2 * SIZE));
	EXPECT_EQ(AWAY, from);
	EXPECT_EQ(-1, sendfile(fds[1], self->fd, &from, SIZE));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, splice(self->fd, &from, fds[1], NULL, SIZE, 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(AWAY, from);
	ASSERT_EQ(AWAY, lseek(self->fd, AWAY, SEEK_SET));
	EXPECT_EQ(-1, splice(fds[0], NULL, self->fd, NULL, SIZE, 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(AWAY, lseek(self->fd, 0, SEEK_CUR));
	/* What could not be spliced is in the pipe still. */
	EXPECT_EQ(SIZE, read(fds[0], buf, 2 * SIZE));
	EXPECT_EQ(1, buf[SIZE - 1]);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(fault, efault)
{
	struct iovec iov = { self->map + AWAY, 1 };
	int fds[2];

	/* The kernel reads and writes the page for other system calls. */
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, write(fds[1], self->map + AWAY, 1));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(-1, read(fds[0], self->map + AWAY, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vmsplice(fds[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(fault, is_counted)
{
	char byte;

	EXPECT_EQ(0, fault_of(self->map, true, NULL));
	EXPECT_TRUE(instance_reads(0, "stats/faults_failed", "0"));
	EXPECT_EQ(SIGBUS, fault_of(self->map + AWAY, false, NULL));
	EXPECT_TRUE(instance_reads(0, "stats/faults_failed", "1"));
	EXPECT_EQ(-1, pread(self->fd, &byte, 1, AWAY));
	EXPECT_EQ(EIO, errno);
	EXPECT_TRUE(instance_reads(0, "stats/faults_failed", "2"));
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
	ASSERT_TRUE(wait_for(page_is_pending(self->fd, AWAY)));
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
	ASSERT_TRUE(wait_for(page_is_pending(self->fd, AWAY)));
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
	ASSERT_TRUE(wait_for(page_is_pending(self->fd, AWAY)));
	for (i = 0; i < 10; i++) {
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, p);
		*(char *)p = 1;
		munmap(p, PAGE);
	}
	EXPECT_TRUE(page_is_pending(self->fd, AWAY));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* What a child does that waits for ever, until it is killed */
enum waiting {
	LOAD, STORE, PRIVATE_STORE, READ, WRITE, COPY, SPLICE, LEND, THREADS,
	URING, URING_COPY,
};

static bool has_uring(void)
{
	struct uring ring;

	if (uring_open(&ring))
		return false;
	uring_close(&ring);
	return true;
}

/* A worker of the kernel waits; whoever asked for it goes on. */
static void submit_read(int fd, void *to, off_t at)
{
	struct io_uring_sqe sqe = uring_request(IORING_OP_READ, fd, to, 1, at);
	struct uring ring;

	if (!uring_open(&ring))
		uring_submit(&ring, &sqe);
	pause();
}

static void wait_forever(int fd, char *map, off_t at, enum waiting how)
{
	struct iovec iov = { map + at, 1 };
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
	case SPLICE:
		if (!pipe(fds))
			splice(fd, &at, fds[1], NULL, 1, 0);
		break;
	case LEND:
		if (!pipe(fds))
			vmsplice(fds[1], &iov, 1, 0);
		break;
	case URING:
		submit_read(fd, &c, at);
		break;
	case URING_COPY:
		if (!pipe(fds) && write(fds[1], &c, 1) == 1)
			submit_read(fds[0], map + at, 0);
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
	enum waiting how, last = has_uring() ? URING_COPY : THREADS;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	for (how = LOAD; how <= last; how++) {
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
		ASSERT_TRUE(wait_for(page_is_pending(self->fd, at)));
		start = now_ms();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_GT(1000, now_ms() - start) {
			TH_LOG("way %u of waiting", how);
		}
	}
}

/* To submit is not to wait, not even where the file says O_NONBLOCK. */
TEST_F(fault, uring_waits_apart)
{
	static const int flags[] = { 0, O_NONBLOCK };
	char first[ARRAY_SIZE(flags)] = "", c[ARRAY_SIZE(flags)] = "xx";
	struct io_uring_sqe sqe;
	struct uring ring;
	unsigned int i;
	int fd;

	if (uring_open(&ring))
		SKIP_IF_GOOD(return, "no io_uring");
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		off_t at = AWAY + i * PAGE;

		fd = open("/dev/dsm", O_RDWR | flags[i]);
		ASSERT_LE(0, fd);
		sqe = uring_request(IORING_OP_READ, fd, &c[i], 1, at);
		ASSERT_EQ(0, uring_submit(&ring, &sqe));
		ASSERT_TRUE(wait_for(page_is_pending(self->fd, at)));
		close(fd);
	}
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(1, uring_wait(&ring));
	EXPECT_EQ(0, memcmp(c, first, sizeof(c)));
	uring_close(&ring);
	EXPECT_TRUE(are_joined());
}

/* A process that ends of itself leaves nothing that waits. */
TEST_F(fault, exit_in_flight)
{
	int fd = open("/dev/dsm", O_RDONLY);
	struct io_uring_sqe sqe;
	struct uring ring;
	pid_t pid;
	char c;

	if (!has_uring())
		SKIP_IF_GOOD(return, "no io_uring");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		sqe = uring_request(IORING_OP_READ, fd, &c, 1, AWAY);
		_exit(uring_open(&ring) || uring_submit(&ring, &sqe) ||
		      !wait_for(page_is_pending(self->fd, AWAY)));
	}
	EXPECT_EQ(0, child_status(pid));
	close(fd);
}

/* What a pipe has borrowed is neither in the node's way nor gone with it. */
TEST_F(fault, borrowed_outlives_node)
{
	struct iovec iov = { self->map + HERE, 8 };
	uint64_t value = 9;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	memcpy(self->map + HERE, &value, 8);
	ASSERT_EQ(8, vmsplice(fds[1], &iov, 1, 0));
	munmap(self->map, REGION);
	close(self->fd);
	ASSERT_EQ(0, instance_set(0, "state", "down"));
	value = 0;
	ASSERT_EQ(8, read(fds[0], &value, 8));
	EXPECT_EQ(9, value);
}

/* The kernel looks at its robust futexes, and nobody can kill it any more. */
TEST_F(fault, exit_with_robust_futex)
{
	struct robust_list_head head = {
		.list.next = (void *)(self->map + AWAY),
	};
	pid_t pid;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		syscall(SYS_set_robust_list, &head, sizeof(head));
		_exit(0);
	}
	ASSERT_TRUE(wait_for(page_is_pending(self->fd, AWAY)));
	EXPECT_EQ(0, child_status(pid));
}

/* It is this node that dials, and the other that finds out first. */
TEST_F(fault, restarted)
{
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	self->map[AWAY] = 1;
	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_TRUE(wait_for(instance_reads(0, "state", "degraded")));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_EQ(SIGBUS, fault_of(self->map + AWAY + PAGE, false, NULL));
	EXPECT_TRUE(instance_reads(0, "nodes/1/state", "lost"));
	EXPECT_EQ(1, self->map[AWAY]);
}

TEST_F(fault, mapped_is_not_down)
{
	pid_t pid;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(self->map[AWAY]);
	ASSERT_TRUE(wait_for(page_is_pending(self->fd, AWAY)));
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
