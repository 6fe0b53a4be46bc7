// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/dsm as a file: read, write, seek, sync, and the ways by which the kernel
 * itself reaches into a mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Calls are tried with the machine's pages, however large the region's are. */
#define PAGE MACHINE_PAGE

#include "kselftest_harness.h"

#include "dsmtest.h"

FIXTURE(file)
{
	struct cluster c;
	int fd[NODES_MAX];
};

FIXTURE_SETUP(file)
{
	unsigned int i;

	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	for (i = 0; i < self->c.nr; i++)
		self->fd[i] = self->c.node[i].fd;
}

FIXTURE_TEARDOWN(file)
{
	cluster_close(&self->c);
}

TEST_F(file, write_then_read)
{
	static const struct {
		off_t start;
		size_t size;
	} parts[] = {
		{ 0, 1 }, { 0, PAGE }, { 1, 7 }, { PAGE - 1, 2 },
		{ 100, 3 * PAGE }, { 5 * PAGE, 8 * PAGE }, { 8, 20 * PAGE - 9 },
	};
	static char out[20 * PAGE], in[20 * PAGE];
	uint64_t at = fresh_range(&self->c, 20);
	unsigned int i, reader;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t size = parts[i].size;
		off_t where = at + parts[i].start;

		pattern(out, size, i);
		ASSERT_EQ(size, pwrite(self->fd[i % self->c.nr], out, size,
				       where));
		for (reader = 0; reader < self->c.nr; reader++) {
			memset(in, 0, size);
			ASSERT_EQ(size, pread(self->fd[reader], in, size,
					      where));
			EXPECT_EQ(0, memcmp(in, out, size));
			EXPECT_EQ(0, memcmp(self->c.node[reader].map + where,
					    out, size));
		}
	}
}

TEST_F(file, sees_mapping)
{
	uint64_t at = fresh_at(&self->c, 1), value;

	*word(&self->c, 2, at + 8) = 0x1234;
	ASSERT_EQ(8, pread(self->fd[0], &value, 8, at + 8));
	EXPECT_EQ(0x1234, value);
	value = 0x5678;
	ASSERT_EQ(8, pwrite(self->fd[0], &value, 8, at + 8));
	EXPECT_EQ(0x5678, *word(&self->c, 2, at + 8));
	EXPECT_EQ(0x5678, *word(&self->c, 0, at + 8));
}

TEST_F(file, position)
{
	uint64_t at = fresh_at(&self->c, 1);
	off_t size = self->c.size;
	char buf[16] = "0123456789abcde";
	int fd = self->fd[0];

	EXPECT_EQ(size, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(size - 5, lseek(fd, -5, SEEK_END));
	EXPECT_EQ((off_t)at, lseek(fd, at, SEEK_SET));
	ASSERT_EQ(10, write(fd, buf, 10));
	EXPECT_EQ((off_t)at + 10, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ((off_t)at + 3, lseek(fd, -7, SEEK_CUR));
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(4, read(fd, buf, 4));
	EXPECT_STREQ("3456", buf);
	EXPECT_EQ((off_t)at + 7, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(-1, lseek(fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((off_t)at + 7, lseek(fd, 0, SEEK_CUR));
}

TEST_F(file, the_end)
{
	char buf[100];
	off_t size = self->c.size;
	int fd = self->fd[1];

	memset(buf, 'x', sizeof(buf));
	/* As far as it goes, then nothing more */
	EXPECT_EQ(40, pwrite(fd, buf, 100, size - 40));
	EXPECT_EQ(40, pread(self->fd[0], buf, 100, size - 40));
	EXPECT_EQ(0, pread(fd, buf, 100, size));
	EXPECT_EQ(-1, pwrite(fd, buf, 100, size));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(size, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, read(fd, buf, 100));
	EXPECT_EQ(size, lseek(fd, 0, SEEK_END));
}

TEST_F(file, vectors)
{
	uint64_t at = fresh_range(&self->c, 4) + PAGE - 3;
	char a[10] = "abcdefghi", b[PAGE], c[10], d[PAGE];
	struct iovec out[] = { { a, 10 }, { b, PAGE } };
	struct iovec in[] = { { c, 10 }, { d, PAGE } };

	pattern(b, PAGE, 1);
	ASSERT_EQ(PAGE + 10, pwritev(self->fd[0], out, 2, at));
	ASSERT_EQ(PAGE + 10, preadv(self->fd[1], in, 2, at));
	EXPECT_STREQ(a, c);
	EXPECT_EQ(0, memcmp(b, d, PAGE));
}

TEST_F(file, vectors_with_flags)
{
	uint64_t at = fresh_at(&self->c, 1);
	char out[PAGE], in[PAGE];
	struct iovec from = { out, PAGE }, to = { in, PAGE };

	pattern(out, PAGE, 2);
	ASSERT_EQ(PAGE, pwritev2(self->fd[0], &from, 1, at,
				 RWF_SYNC | RWF_HIPRI));
	ASSERT_EQ(PAGE, preadv2(self->fd[1], &to, 1, at, RWF_HIPRI));
	EXPECT_EQ(0, memcmp(in, out, PAGE));
	/* -1: where the file is */
	ASSERT_EQ((off_t)at + 1, lseek(self->fd[2], at + 1, SEEK_SET));
	ASSERT_EQ(PAGE, preadv2(self->fd[2], &to, 1, -1, 0));
	EXPECT_EQ(0, memcmp(in, out + 1, PAGE - 1));
	EXPECT_EQ((off_t)at + 1 + PAGE, lseek(self->fd[2], 0, SEEK_CUR));
	EXPECT_EQ(-1, pwritev2(self->fd[0], &from, 1, at, RWF_APPEND));
	EXPECT_EQ(ENOSPC, errno);
}

/* Not to wait cannot be asked for, wherever the page is. */
TEST_F(file, nowait)
{
	uint64_t at = fresh_at(&self->c, 1), value = 3;
	struct iovec iov = { &value, 8 };
	unsigned int i;

	*word(&self->c, 1, at) = 5;
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, preadv2(self->fd[i], &iov, 1, at, RWF_NOWAIT));
		EXPECT_EQ(EOPNOTSUPP, errno);
		EXPECT_EQ(-1, pwritev2(self->fd[i], &iov, 1, at, RWF_NOWAIT));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	EXPECT_EQ(3, value);
	EXPECT_EQ(5, *word(&self->c, 0, at));
}

/* Flags of open() that change nothing here */
TEST_F(file, open_flags)
{
	static const int flags[] = {
		O_DIRECT, O_NONBLOCK, O_SYNC, O_TRUNC, O_CREAT,
	};
	uint64_t at = fresh_at(&self->c, 1) + 3, value;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		*word(&self->c, 1, at) = i + 1;
		fd = open("/dev/dsm", O_RDWR | flags[i], 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(8, pread(fd, &value, 8, at));
		EXPECT_EQ(i + 1, value);
		value += 100;
		ASSERT_EQ(8, pwrite(fd, &value, 8, at));
		EXPECT_EQ(i + 101, *word(&self->c, 2, at));
		close(fd);
	}
}

TEST_F(file, sync_and_truncate)
{
	EXPECT_EQ(0, fsync(self->fd[0]));
	EXPECT_EQ(0, fdatasync(self->fd[0]));
	EXPECT_EQ(0, msync(self->c.node[0].map, PAGE, MS_SYNC));
	EXPECT_EQ(-1, ftruncate(self->fd[0], 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ftruncate(self->fd[0], 2 * self->c.size));
	EXPECT_EQ((off_t)self->c.size, lseek(self->fd[0], 0, SEEK_END));
}

TEST_F(file, access_modes)
{
	int ro = open("/dev/dsm", O_RDONLY), wo = open("/dev/dsm", O_WRONLY);
	uint64_t at = fresh_at(&self->c, 0);
	char c = 'c';

	ASSERT_LE(0, ro);
	ASSERT_LE(0, wo);
	EXPECT_EQ(-1, pwrite(ro, &c, 1, at));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pread(wo, &c, 1, at));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(1, pwrite(wo, &c, 1, at));
	EXPECT_EQ(1, pread(ro, &c, 1, at));
	EXPECT_EQ('c', c);
	close(ro);
	close(wo);
}

TEST_F(file, bad_buffer)
{
	uint64_t at = fresh_at(&self->c, 1);
	char *hole = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_NE(MAP_FAILED, hole);
	*word(&self->c, 1, at) = 5;
	EXPECT_EQ(-1, pread(self->fd[0], hole, 8, at));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->fd[0], hole, 8, at));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(5, *word(&self->c, 0, at));
}

/* What fits counts, at both ends. */
TEST_F(file, bad_half)
{
	uint64_t at = fresh_at(&self->c, 1);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	munmap(p + PAGE, PAGE);
	memset(self->c.node[1].map + at, 6, 2 * PAGE);
	EXPECT_EQ(PAGE - 9, pread(self->fd[0], p + 9, 2 * PAGE, at));
	EXPECT_EQ(6, p[PAGE - 1]);
	memset(p, 7, PAGE);
	EXPECT_EQ(PAGE - 9, pwrite(self->fd[0], p + 9, 2 * PAGE, at));
	EXPECT_EQ(7, self->c.node[2].map[at + PAGE - 10]);
	EXPECT_EQ(6, self->c.node[2].map[at + PAGE - 9]);
}

/* The buffer is a mapping of the very page that is read or written. */
TEST_F(file, buffer_is_same_page)
{
	uint64_t at = fresh_at(&self->c, 2);
	char *own = self->c.node[0].map + at;
	char *other = self->c.node[1].map + at;
	char copy[512];

	/* Each round finds the page at another node. */
	pattern(copy, sizeof(copy), 3);
	memcpy(other, copy, sizeof(copy));
	ASSERT_EQ(512, pread(self->fd[0], own + 2048, 512, at));
	EXPECT_EQ(0, memcmp(other + 2048, copy, 512));

	memcpy(other + 512, copy, 512);
	ASSERT_EQ(512, pwrite(self->fd[0], own + 512, 512, at + 1024));
	EXPECT_EQ(0, memcmp(other + 1024, copy, 512));

	/* Onto itself */
	ASSERT_EQ(PAGE, pread(self->fd[1], other, PAGE, at));
	ASSERT_EQ(PAGE, pwrite(self->fd[0], own, PAGE, at));
	EXPECT_EQ(0, memcmp(own, copy, 512));
}

/* One node's file with another node's mapping of the same page */
TEST_F(file, buffer_is_same_page_elsewhere)
{
	uint64_t at = fresh_at(&self->c, 2);
	char *own = self->c.node[0].map + at;
	char *other = self->c.node[1].map + at;
	char copy[512];

	pattern(copy, sizeof(copy), 3);
	memcpy(own, copy, sizeof(copy));
	ASSERT_EQ(512, pread(self->fd[0], other + 1536, 512, at));
	EXPECT_EQ(0, memcmp(own + 1536, copy, 512));
	ASSERT_EQ(512, pwrite(self->fd[0], other, 512, at + 3072));
	EXPECT_EQ(0, memcmp(own + 3072, copy, 512));
}

TEST_F(file, buffer_is_far_away)
{
	uint64_t from = fresh_at(&self->c, 1), to = fresh_at(&self->c, 2);
	char copy[3 * PAGE];

	/* Neither the source nor the destination is here. */
	pattern(copy, sizeof(copy), 4);
	memcpy(self->c.node[1].map + from, copy, sizeof(copy));
	memset(self->c.node[2].map + to, 1, sizeof(copy));
	ASSERT_EQ(sizeof(copy), pwrite(self->fd[0],
				       self->c.node[0].map + from,
				       sizeof(copy), to));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + to, copy, sizeof(copy)));
}

/* A system call that has nothing to do with the device */
TEST_F(file, pipe)
{
	uint64_t from = fresh_at(&self->c, 1), to = fresh_at(&self->c, 2);
	char copy[PAGE];
	int fds[2];

	pattern(copy, PAGE, 5);
	memcpy(self->c.node[1].map + from, copy, PAGE);
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(PAGE, write(fds[1], self->c.node[0].map + from, PAGE));
	ASSERT_EQ(PAGE, read(fds[0], self->c.node[0].map + to, PAGE));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + to, copy, PAGE));
}

/* Another process reaches into the mapping without faulting itself. */
TEST_F(file, remote_access)
{
	uint64_t at = fresh_at(&self->c, 1), value = 0;
	struct iovec here = { &value, 8 };
	struct iovec there = { (void *)word(&self->c, 0, at), 8 };
	int mem = open("/proc/self/mem", O_RDWR);

	*word(&self->c, 1, at) = 11;
	ASSERT_EQ(8, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(11, value);
	value = 12;
	ASSERT_EQ(8, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(12, *word(&self->c, 1, at));

	ASSERT_LE(0, mem);
	*word(&self->c, 2, at) = 13;
	ASSERT_EQ(8, pread(mem, &value, 8, (uintptr_t)there.iov_base));
	EXPECT_EQ(13, value);
	value = 14;
	ASSERT_EQ(8, pwrite(mem, &value, 8, (uintptr_t)there.iov_base));
	EXPECT_EQ(14, *word(&self->c, 2, at));
	close(mem);
}

/* What glibc does not forgive: a futex that fails where a load would not */
TEST_F(file, futex)
{
	uint64_t at = fresh_at(&self->c, 1);
	volatile void *p = word(&self->c, 0, at);

	EXPECT_EQ(0, syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	*word(&self->c, 0, at) = 1;
	EXPECT_EQ(0, syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	*word(&self->c, 1, at) = 2;
	EXPECT_EQ(0, syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	EXPECT_EQ(-1, syscall(SYS_futex, p, FUTEX_WAIT, 1, NULL, NULL, 0));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(file, write_from_all)
{
	uint64_t at = fresh_at(&self->c, 1);
	enum { ROUNDS = 20 };
	unsigned int i, round;
	uint64_t value;
	int status;

	/* Words of one page, by write() from all nodes at once */
	for (i = 0; i < self->c.nr; i++) {
		if (fork())
			continue;
		for (round = 1; round <= ROUNDS; round++) {
			value = round;
			if (pwrite(self->fd[i], &value, 8, at + 8 * i) != 8 ||
			    pread(self->fd[i], &value, 8, at + 8 * i) != 8 ||
			    value != round)
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < self->c.nr; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	for (i = 0; i < self->c.nr; i++)
		EXPECT_EQ(ROUNDS, *word(&self->c, 0, at + 8 * i));
}

TEST_HARNESS_MAIN
