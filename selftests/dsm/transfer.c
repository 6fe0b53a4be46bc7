// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel moves without the program's loads and stores: between the
 * device and pipes, sockets and files; and pages that pipes and sockets borrow
 * from a mapping of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Calls are tried with the machine's pages, however large the region's are. */
#define PAGE MACHINE_PAGE

#include "kselftest_harness.h"

#include "dsmtest.h"

#define SIZE	(3 * PAGE + 100)	/* bytes that most tests move */

FIXTURE(transfer)
{
	struct cluster c;
	int fd[NODES_MAX];
	int pipe[2];
	int file;
	char out[SIZE];
	char in[SIZE];
};

FIXTURE_SETUP(transfer)
{
	unsigned int i;

	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	for (i = 0; i < self->c.nr; i++)
		self->fd[i] = self->c.node[i].fd;
	ASSERT_EQ(0, pipe(self->pipe));
	self->file = memfd_create("transfer", 0);
	ASSERT_LE(0, self->file);
	pattern(self->out, SIZE, 1);
}

FIXTURE_TEARDOWN(transfer)
{
	cluster_close(&self->c);
}

/* Pages that node 1 alone has, with what is to be moved */
static uint64_t source(const struct cluster *c, const char *bytes)
{
	uint64_t at = fresh_at(c, 1) + 50;

	memcpy(c->node[1].map + at, bytes, SIZE);
	return at;
}

/* Pages that node 2 alone has, with something else */
static uint64_t destination(const struct cluster *c)
{
	uint64_t at = fresh_at(c, 2) + 70;

	memset(c->node[2].map + at, 'x', SIZE);
	return at;
}

/* All nodes see what was moved. */
static bool has_come(const struct cluster *c, uint64_t at, const char *bytes)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (memcmp(c->node[i].map + at, bytes, SIZE))
			return false;
	return true;
}

/* Read all; how much came before the end or an error. */
static size_t read_all(int fd, char *to, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, to + done, size - done);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

static size_t sendfile_all(int to, int from, off_t at, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = sendfile(to, from, &at, size - done);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Offsets are negative for ends that have none. */
static size_t splice_all(int from, off_t from_at, int to, off_t to_at,
			 size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = splice(from, from_at < 0 ? NULL : &from_at, to,
			   to_at < 0 ? NULL : &to_at, size - done,
			   SPLICE_F_MOVE);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Two ends of a TCP connection, the first with @room for what is not read */
static int tcp_pair(int ends[2], int room)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *a = (struct sockaddr *)&address;
	int listener = socket(AF_INET, SOCK_STREAM, 0), little = 4096;
	socklen_t size = sizeof(address);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little,
		       sizeof(little)) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &room,
		       sizeof(room)) ||
	    bind(listener, a, size) || listen(listener, 1) ||
	    getsockname(listener, a, &size) || connect(ends[0], a, size))
		return -1;
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
	return ends[1] < 0 ? -1 : 0;
}

TEST_F(transfer, sendfile_to_pipe)
{
	uint64_t from = source(&self->c, self->out);

	ASSERT_EQ(SIZE, sendfile_all(self->pipe[1], self->fd[0], from, SIZE));
	ASSERT_EQ(SIZE, read_all(self->pipe[0], self->in, SIZE));
	EXPECT_EQ(0, memcmp(self->in, self->out, SIZE));
}

TEST_F(transfer, sendfile_to_file)
{
	uint64_t from = source(&self->c, self->out);

	ASSERT_EQ(SIZE, sendfile_all(self->file, self->fd[0], from, SIZE));
	ASSERT_EQ(SIZE, pread(self->file, self->in, SIZE, 0));
	EXPECT_EQ(0, memcmp(self->in, self->out, SIZE));
}

TEST_F(transfer, sendfile_to_socket)
{
	uint64_t from = source(&self->c, self->out);
	int ends[2];

	ASSERT_EQ(0, tcp_pair(ends, 64 * PAGE));
	ASSERT_EQ(SIZE, sendfile_all(ends[0], self->fd[0], from, SIZE));
	ASSERT_EQ(SIZE, read_all(ends[1], self->in, SIZE));
	EXPECT_EQ(0, memcmp(self->in, self->out, SIZE));
}

/* From a file into the region, and from one node's region to another's */
TEST_F(transfer, sendfile_into)
{
	uint64_t to = destination(&self->c), further = destination(&self->c);

	ASSERT_EQ(SIZE, pwrite(self->file, self->out, SIZE, 0));
	ASSERT_EQ(to, lseek(self->fd[0], to, SEEK_SET));
	ASSERT_EQ(SIZE, sendfile_all(self->fd[0], self->file, 0, SIZE));
	EXPECT_EQ(to + SIZE, lseek(self->fd[0], 0, SEEK_CUR));
	EXPECT_TRUE(has_come(&self->c, to, self->out));

	ASSERT_EQ(further, lseek(self->fd[1], further, SEEK_SET));
	ASSERT_EQ(SIZE, sendfile_all(self->fd[1], self->fd[0], to, SIZE));
	EXPECT_TRUE(has_come(&self->c, further, self->out));
}

TEST_F(transfer, sendfile_to_the_end)
{
	off_t size = self->c.size;

	/* Out of it no more than there is; into it neither */
	EXPECT_EQ(100, sendfile_all(self->pipe[1], self->fd[0], size - 100,
				    SIZE));
	ASSERT_EQ(SIZE, pwrite(self->file, self->out, SIZE, 0));
	ASSERT_EQ(size - 100, lseek(self->fd[0], size - 100, SEEK_SET));
	EXPECT_EQ(100, sendfile_all(self->fd[0], self->file, 0, SIZE));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(100, pread(self->fd[1], self->in, SIZE, size - 100));
	EXPECT_EQ(0, memcmp(self->in, self->out, 100));
}

TEST_F(transfer, splice)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c);

	ASSERT_EQ(SIZE, splice_all(self->fd[0], from, self->pipe[1], -1, SIZE));
	/* The pipe has a copy: what happens to the page is not seen there. */
	memset(self->c.node[2].map + from, 0, SIZE);
	memset(self->c.node[0].map + from, 1, SIZE);
	ASSERT_EQ(SIZE, splice_all(self->pipe[0], -1, self->fd[0], to, SIZE));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
}

TEST_F(transfer, splice_position)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c);

	ASSERT_EQ(from, lseek(self->fd[0], from, SEEK_SET));
	ASSERT_EQ(SIZE, splice_all(self->fd[0], -1, self->pipe[1], -1, SIZE));
	EXPECT_EQ(from + SIZE, lseek(self->fd[0], 0, SEEK_CUR));
	ASSERT_EQ(to, lseek(self->fd[0], to, SEEK_SET));
	ASSERT_EQ(SIZE, splice_all(self->pipe[0], -1, self->fd[0], -1, SIZE));
	EXPECT_EQ(to + SIZE, lseek(self->fd[0], 0, SEEK_CUR));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
}

/* Pages of a file's cache, and of a socket, that the pipe refers to */
TEST_F(transfer, splice_from_others)
{
	uint64_t to = destination(&self->c), further = destination(&self->c);
	int ends[2];

	ASSERT_EQ(SIZE, pwrite(self->file, self->out, SIZE, 0));
	ASSERT_EQ(SIZE, splice_all(self->file, 0, self->pipe[1], -1, SIZE));
	ASSERT_EQ(SIZE, splice_all(self->pipe[0], -1, self->fd[0], to, SIZE));
	EXPECT_TRUE(has_come(&self->c, to, self->out));

	ASSERT_EQ(0, tcp_pair(ends, 64 * PAGE));
	ASSERT_EQ(SIZE, write(ends[0], self->out, SIZE));
	ASSERT_EQ(SIZE, splice_all(ends[1], -1, self->pipe[1], -1, SIZE));
	ASSERT_EQ(SIZE, splice_all(self->pipe[0], -1, self->fd[0], further,
				   SIZE));
	EXPECT_TRUE(has_come(&self->c, further, self->out));
}

TEST_F(transfer, splice_full_pipe)
{
	uint64_t from = source(&self->c, self->out);
	off_t at = from;

	ASSERT_EQ(PAGE, fcntl(self->pipe[1], F_SETPIPE_SZ, PAGE));
	EXPECT_LT(0, splice(self->fd[0], &at, self->pipe[1], NULL, SIZE,
			    SPLICE_F_NONBLOCK));
	EXPECT_EQ(-1, splice(self->fd[0], &at, self->pipe[1], NULL, SIZE,
			     SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(at - from, read_all(self->pipe[0], self->in, at - from));
	EXPECT_EQ(0, memcmp(self->in, self->out, at - from));
}

TEST_F(transfer, tee)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c), further = destination(&self->c);
	int second[2];

	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(SIZE, splice_all(self->fd[0], from, self->pipe[1], -1, SIZE));
	ASSERT_EQ(SIZE, tee(self->pipe[0], second[1], SIZE, 0));
	ASSERT_EQ(SIZE, splice_all(self->pipe[0], -1, self->fd[1], to, SIZE));
	ASSERT_EQ(SIZE, splice_all(second[0], -1, self->fd[2], further, SIZE));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
	EXPECT_TRUE(has_come(&self->c, further, self->out));
}

/* The kernel has it for regular files alone; programs then read and write. */
TEST_F(transfer, copy_file_range)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c);
	off_t in = from, out = to, start = 0;
	struct {
		int in_fd;
		off_t *in;
		int out_fd;
		off_t *out;
	} ways[] = {
		{ self->fd[0], &in, self->file, &start },
		{ self->file, &start, self->fd[0], &out },
		{ self->fd[0], &in, self->fd[0], &out },
		{ self->fd[0], &in, self->fd[1], &out },
	};
	unsigned int i;

	ASSERT_EQ(SIZE, pwrite(self->file, self->out, SIZE, 0));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		EXPECT_EQ(-1, copy_file_range(ways[i].in_fd, ways[i].in,
					      ways[i].out_fd, ways[i].out,
					      SIZE, 0));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(from, in);
	EXPECT_EQ(to, out);
	EXPECT_EQ(0, start);
	EXPECT_EQ(SIZE, lseek(self->file, 0, SEEK_END));
	EXPECT_EQ('x', self->c.node[1].map[to]);
	EXPECT_TRUE(has_come(&self->c, from, self->out));
}

TEST_F(transfer, socket)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c);
	int ends[2];

	ASSERT_EQ(0, tcp_pair(ends, 64 * PAGE));
	ASSERT_EQ(SIZE, send(ends[0], self->c.node[0].map + from, SIZE, 0));
	ASSERT_EQ(SIZE, recv(ends[1], self->c.node[0].map + to, SIZE,
			     MSG_WAITALL));
	EXPECT_TRUE(has_come(&self->c, to, self->out));

	to = destination(&self->c);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(SIZE, send(ends[0], self->c.node[2].map + from, SIZE, 0));
	ASSERT_EQ(SIZE, recv(ends[1], self->c.node[1].map + to, SIZE,
			     MSG_WAITALL));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
}

static int zerocopy_pair(int ends[2], int room)
{
	int one = 1;

	if (tcp_pair(ends, room))
		return -1;
	return setsockopt(ends[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
}

/* Wait until the kernel says that it has done with the first @sends of them */
static bool zerocopy_ends(int fd, unsigned int sends)
{
	struct pollfd p = { .fd = fd };
	struct sock_extended_err e;
	struct cmsghdr *cmsg;
	unsigned int done = 0;
	char control[128];

	while (done < sends && poll(&p, 1, PATIENCE_MS) == 1) {
		struct msghdr m = {
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};

		if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
			return false;
		cmsg = CMSG_FIRSTHDR(&m);
		if (!cmsg)
			return false;
		memcpy(&e, CMSG_DATA(cmsg), sizeof(e));
		if (e.ee_origin != SO_EE_ORIGIN_ZEROCOPY || e.ee_errno)
			return false;
		done += e.ee_data - e.ee_info + 1;
	}
	return done == sends;
}

TEST_F(transfer, zerocopy)
{
	uint64_t from = source(&self->c, self->out);
	uint64_t to = destination(&self->c);
	int ends[2];

	ASSERT_EQ(0, zerocopy_pair(ends, 64 * PAGE));
	ASSERT_EQ(SIZE, send(ends[0], self->c.node[0].map + from, SIZE,
			     MSG_ZEROCOPY));
	ASSERT_EQ(SIZE, recv(ends[1], self->c.node[0].map + to, SIZE,
			     MSG_WAITALL));
	EXPECT_TRUE(zerocopy_ends(ends[0], 1));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
}

/*
 * A part of a page lies in a socket's queue while other nodes write to the
 * rest. They get it before long, and the part goes out as it was.
 */
TEST_F_TIMEOUT(transfer, zerocopy_in_flight, 60)
{
	uint64_t at = fresh_at(&self->c, 1);
	static char plug[64 * PAGE];
	size_t half = PAGE / 2;
	int ends[2];

	memcpy(self->c.node[1].map + at + half, self->out, half);
	ASSERT_EQ(0, zerocopy_pair(ends, 4 * sizeof(plug)));
	/* More than the other end takes without reading */
	ASSERT_EQ(sizeof(plug), send(ends[0], plug, sizeof(plug), 0));
	ASSERT_EQ(half, send(ends[0], self->c.node[0].map + at + half, half,
			     MSG_ZEROCOPY));
	*word(&self->c, 1, at) = 1;
	*word(&self->c, 2, at + 8) = 2;

	ASSERT_EQ(sizeof(plug), read_all(ends[1], plug, sizeof(plug)));
	ASSERT_EQ(half, read_all(ends[1], self->in, half));
	EXPECT_EQ(0, memcmp(self->in, self->out, half));
	EXPECT_TRUE(zerocopy_ends(ends[0], 1));
	EXPECT_EQ(0, memcmp(self->c.node[0].map + at + half, self->out, half));
	EXPECT_EQ(1, *word(&self->c, 0, at));
	EXPECT_EQ(2, *word(&self->c, 0, at + 8));
}

static ssize_t lend(const int fds[2], char *from, size_t size,
		    unsigned int flags)
{
	struct iovec iov = { from, size };

	return vmsplice(fds[1], &iov, 1, flags);
}

TEST_F(transfer, vmsplice)
{
	static const unsigned int flags[] = { 0, SPLICE_F_GIFT };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t from = fresh_at(&self->c, 1);
		uint64_t to = destination(&self->c);
		size_t size = 3 * PAGE;

		/* Whole pages, as a gift has to be */
		memcpy(self->c.node[1].map + from, self->out, size);
		ASSERT_EQ(size, lend(self->pipe, self->c.node[0].map + from,
				     size, flags[i]));
		ASSERT_EQ(size, splice_all(self->pipe[0], -1, self->fd[0], to,
					   size));
		EXPECT_EQ(0, memcmp(self->c.node[1].map + to, self->out,
				    size));
		/* Into a file's cache, where a page could be moved whole */
		ASSERT_EQ(size, lend(self->pipe, self->c.node[0].map + from,
				     size, flags[i]));
		ASSERT_EQ(size, splice_all(self->pipe[0], -1, self->file, 0,
					   size));
		ASSERT_EQ(size, pread(self->file, self->in, size, 0));
		EXPECT_EQ(0, memcmp(self->in, self->out, size));
		/* It is the region's still. */
		*word(&self->c, 2, from) = i + 1;
		EXPECT_EQ(i + 1, *word(&self->c, 0, from));
		ASSERT_EQ(size, pread(self->file, self->in, size, 0));
		EXPECT_EQ(0, memcmp(self->in, self->out, size));
	}
}

/* Out of a pipe into memory: the kernel copies. */
TEST_F(transfer, vmsplice_into)
{
	uint64_t to = destination(&self->c);
	struct iovec iov = { self->c.node[0].map + to, SIZE };

	ASSERT_EQ(SIZE, write(self->pipe[1], self->out, SIZE));
	ASSERT_EQ(SIZE, vmsplice(self->pipe[0], &iov, 1, 0));
	EXPECT_TRUE(has_come(&self->c, to, self->out));
}

/*
 * A page that a pipe has borrowed for good is given away before long. Its
 * borrower sees what was there, if only other parts of it change.
 */
TEST_F_TIMEOUT(transfer, vmsplice_keeps_nothing, 60)
{
	uint64_t at = fresh_at(&self->c, 1);
	size_t half = PAGE / 2;

	memcpy(self->c.node[1].map + at + half, self->out, half);
	ASSERT_EQ(half, lend(self->pipe, self->c.node[0].map + at + half, half,
			     0));
	*word(&self->c, 1, at) = 1;
	*word(&self->c, 2, at + 8) = 2;
	EXPECT_EQ(1, *word(&self->c, 0, at));
	*word(&self->c, 0, at) = 3;
	ASSERT_EQ(half, read_all(self->pipe[0], self->in, half));
	EXPECT_EQ(0, memcmp(self->in, self->out, half));
	EXPECT_EQ(3, *word(&self->c, 2, at));
	EXPECT_EQ(2, *word(&self->c, 0, at + 8));
}

/* A process gone, its pages in a pipe and a socket still */
TEST_F_TIMEOUT(transfer, exit_in_flight, 60)
{
	uint64_t at = fresh_at(&self->c, 1);
	static char plug[64 * PAGE];
	int ends[2];
	pid_t pid;

	memcpy(self->c.node[1].map + at, self->out, 2 * PAGE);
	ASSERT_EQ(0, zerocopy_pair(ends, 4 * sizeof(plug)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char *from = self->c.node[0].map + at;

		_exit(lend(self->pipe, from, PAGE, 0) != PAGE ||
		      send(ends[0], plug, sizeof(plug), 0) != sizeof(plug) ||
		      send(ends[0], from + PAGE, PAGE, MSG_ZEROCOPY) != PAGE);
	}
	ASSERT_EQ(0, child_status(pid));
	EXPECT_EQ(PAGE, read_all(self->pipe[0], self->in, PAGE));
	EXPECT_EQ(0, memcmp(self->in, self->out, PAGE));
	ASSERT_EQ(sizeof(plug), read_all(ends[1], plug, sizeof(plug)));
	EXPECT_EQ(PAGE, read_all(ends[1], self->in, PAGE));
	EXPECT_EQ(0, memcmp(self->in, self->out + PAGE, PAGE));
	EXPECT_TRUE(zerocopy_ends(ends[0], 1));
	/* What it borrowed is the region's. */
	memset(self->c.node[2].map + at, 5, 2 * PAGE);
	EXPECT_EQ(5, self->c.node[0].map[at + PAGE]);
}

TEST_HARNESS_MAIN
