// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and io_uring that reach into a mapping of the region past its page
 * tables: what they pin is not given away while they write to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Calls are tried with the machine's pages, however large the region's are. */
#define PAGE MACHINE_PAGE

#include "kselftest_harness.h"

#include "disk.h"
#include "dsmtest.h"
#include "uring.h"

#define SECTOR		512UL
#define DISK_SIZE	(64 * PAGE)

/*
 * What says to the harness that a test was skipped. To return from where a
 * test is set up would run it all the same.
 */
#define EXIT_SKIPPED	255

/* How long a page stays for a user that took a mere reference, at least */
#define BARE_MS		900

/* Old kernels' O_DIRECT does not say that it pins, and they let others pin. */
static bool pins_are_seen(void)
{
	return !kernel_is_before(6, 5);
}

/* Whether a page may have gone from under a read that began at @start */
static bool is_too_late(uint64_t start)
{
	return !pins_are_seen() && now_ms() - start > BARE_MS;
}

static int set_patience(const struct cluster *c, unsigned int node,
			const char *ms)
{
	return dsm_attr_write(c->node[node].name, "fault_timeout_ms", ms);
}

static bool is_pending(const struct cluster *c, unsigned int node, uint64_t at)
{
	return page_is_pending(c->node[node].fd, at);
}

/**
 * struct transfer - a read from a disk into memory, by a thread that waits
 * @fd:		the disk
 * @to:		the memory
 * @size:	bytes
 * @from:	where on the disk
 * @result:	of the read
 */
struct transfer {
	int fd;
	char *to;
	size_t size;
	off_t from;
	ssize_t result;
	pthread_t thread;
};

static void *transfer_run(void *arg)
{
	struct transfer *t = arg;

	t->result = pread(t->fd, t->to, t->size, t->from);
	return NULL;
}

static int transfer_start(struct transfer *t)
{
	return pthread_create(&t->thread, NULL, transfer_run, t);
}

static ssize_t transfer_end(struct transfer *t)
{
	pthread_join(t->thread, NULL);
	return t->result;
}

/**
 * struct counter - a thread that counts in a word of the region
 * @word:	where
 * @stop:	it is to end
 * @count:	how far it came
 */
struct counter {
	volatile uint64_t *word;
	bool stop;
	uint64_t count;
	pthread_t thread;
};

static void *counter_run(void *arg)
{
	struct counter *n = arg;

	while (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED)) {
		n->count++;
		*n->word += 1;
	}
	return NULL;
}

static int counter_start(struct counter *n, volatile uint64_t *word)
{
	memset(n, 0, sizeof(*n));
	n->word = word;
	return pthread_create(&n->thread, NULL, counter_run, n);
}

static uint64_t counter_end(struct counter *n)
{
	__atomic_store_n(&n->stop, true, __ATOMIC_RELAXED);
	pthread_join(n->thread, NULL);
	return n->count;
}

FIXTURE(disk)
{
	struct cluster c;
	struct disk disk;
};

FIXTURE_SETUP(disk)
{
	if (!disk_exists())
		SKIP_IF_GOOD(_exit(EXIT_SKIPPED), "no network block device: modprobe nbd");
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	ASSERT_EQ(0, disk_open(&self->disk, DISK_SIZE));
	pattern(self->disk.bytes, DISK_SIZE, 1);
}

FIXTURE_TEARDOWN(disk)
{
	unsigned int i;

	disk_close(&self->disk);
	for (i = 0; i < self->c.nr; i++)
		EXPECT_EQ(0, set_patience(&self->c, i, "30000"));
	cluster_close(&self->c);
}

TEST_F(disk, read)
{
	uint64_t at = fresh_at(&self->c, 1);
	size_t size = 5 * PAGE;

	/* All of it is elsewhere, and one page was never used. */
	memset(self->c.node[1].map + at, 1, 4 * PAGE);
	ASSERT_EQ(size, pread(self->disk.fd, self->c.node[0].map + at, size,
			      PAGE));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + at, self->disk.bytes + PAGE,
			    size));
	EXPECT_EQ(0, memcmp(self->c.node[0].map + at, self->disk.bytes + PAGE,
			    size));
}

TEST_F(disk, write)
{
	uint64_t at = fresh_at(&self->c, 1);
	static char copy[5 * PAGE];

	pattern(copy, sizeof(copy), 2);
	memcpy(self->c.node[1].map + at, copy, sizeof(copy));
	ASSERT_EQ(sizeof(copy), pwrite(self->disk.fd,
				       self->c.node[0].map + at, sizeof(copy),
				       8 * PAGE));
	EXPECT_EQ(0, memcmp(self->disk.bytes + 8 * PAGE, copy, sizeof(copy)));
	/* From a mapping that only reads, what another node changed since */
	pattern(copy, PAGE, 3);
	memcpy(self->c.node[2].map + at, copy, PAGE);
	ASSERT_EQ(0, mprotect(self->c.node[0].map + at, PAGE, PROT_READ));
	ASSERT_EQ(PAGE, pwrite(self->disk.fd, self->c.node[0].map + at, PAGE,
			       0));
	EXPECT_EQ(0, memcmp(self->disk.bytes, copy, PAGE));
}

/* A part of a page from the disk, another from nodes that keep writing to it */
TEST_F_TIMEOUT(disk, writers_elsewhere, 120)
{
	uint64_t at = fresh_at(&self->c, 1), start;
	struct counter counter[2];
	struct transfer t = { .fd = self->disk.fd, .size = SECTOR };
	unsigned int i, part;
	bool late = false;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, counter_start(&counter[i],
					   word(&self->c, i + 1, at + 8 * i)));
	for (part = 1; part < PAGE / SECTOR; part++) {
		t.to = self->c.node[0].map + at + part * SECTOR;
		t.from = part * SECTOR;
		start = now_ms();
		disk_hold(&self->disk);
		ASSERT_EQ(0, transfer_start(&t));
		ASSERT_TRUE(wait_for(disk_holds(&self->disk)));
		/* The page is here, and one of them wants it. */
		ASSERT_TRUE(wait_for(is_pending(&self->c, 1, at) ||
				     is_pending(&self->c, 2, at)));
		disk_release(&self->disk);
		ASSERT_EQ(SECTOR, transfer_end(&t));
		late |= is_too_late(start);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(counter_end(&counter[i]),
			  *word(&self->c, 0, at + 8 * i));
	if (late)
		SKIP_IF_GOOD(return, "this kernel let the page go: a read took too long");
	EXPECT_EQ(0, memcmp(self->c.node[2].map + at + SECTOR,
			    self->disk.bytes + SECTOR, PAGE - SECTOR));
}

/* However long it takes: who cannot wait any longer is told so. */
TEST_F_TIMEOUT(disk, outlasts_patience, 60)
{
	uint64_t at = fresh_at(&self->c, 1), value = 7;
	struct transfer t = {
		.fd = self->disk.fd,
		.to = self->c.node[0].map + at + SECTOR,
		.size = SECTOR,
	};

	if (!pins_are_seen())
		SKIP_IF_GOOD(return, "O_DIRECT of this kernel takes a mere reference");
	ASSERT_EQ(0, set_patience(&self->c, 1, "300"));
	disk_hold(&self->disk);
	ASSERT_EQ(0, transfer_start(&t));
	ASSERT_TRUE(wait_for(disk_holds(&self->disk)));

	EXPECT_EQ(-1, pwrite(self->c.node[1].fd, &value, 8, at));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(SIGBUS, fault_of(word(&self->c, 1, at), true, NULL));
	/* Here it can be used. */
	*word(&self->c, 0, at + 8) = 8;

	disk_release(&self->disk);
	EXPECT_EQ(SECTOR, transfer_end(&t));
	ASSERT_EQ(0, set_patience(&self->c, 1, "30000"));
	EXPECT_EQ(8, pwrite(self->c.node[1].fd, &value, 8, at));
	EXPECT_EQ(7, *word(&self->c, 2, at));
	EXPECT_EQ(8, *word(&self->c, 2, at + 8));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + at + SECTOR,
			    self->disk.bytes, SECTOR));
}

/* What such a kernel's disk takes too long for is not waited for. */
TEST_F_TIMEOUT(disk, bare_reference, 60)
{
	uint64_t at = fresh_at(&self->c, 1);
	struct transfer t = {
		.fd = self->disk.fd,
		.to = self->c.node[0].map + at + SECTOR,
		.size = SECTOR,
	};

	if (pins_are_seen())
		SKIP_IF_GOOD(return, "O_DIRECT of this kernel pins");
	disk_hold(&self->disk);
	ASSERT_EQ(0, transfer_start(&t));
	ASSERT_TRUE(wait_for(disk_holds(&self->disk)));
	*word(&self->c, 1, at) = 7;
	EXPECT_TRUE(disk_holds(&self->disk));
	disk_release(&self->disk);
	EXPECT_EQ(SECTOR, transfer_end(&t));
	EXPECT_EQ(7, *word(&self->c, 2, at));
}

/* A process gone, its read still under way */
TEST_F_TIMEOUT(disk, exit_in_flight, 60)
{
	static const bool killed[] = { false, true };
	uint64_t at = fresh_at(&self->c, 1), start;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(killed); i++) {
		uint64_t where = at + i * PAGE;
		struct io_uring_sqe sqe;
		struct counter counter;
		struct uring ring;
		pid_t pid;

		if (uring_open(&ring))
			SKIP_IF_GOOD(return, "no io_uring");
		sqe = uring_request(IORING_OP_READ, self->disk.fd,
				    self->c.node[0].map + where + SECTOR,
				    SECTOR, i * SECTOR);
		start = now_ms();
		disk_hold(&self->disk);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (uring_submit(&ring, &sqe))
				_exit(1);
			while (killed[i])
				pause();
			_exit(0);
		}
		uring_close(&ring);
		ASSERT_TRUE(wait_for(disk_holds(&self->disk)));
		if (killed[i])
			ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		ASSERT_EQ(0, counter_start(&counter,
					   word(&self->c, 1, where)));
		ASSERT_TRUE(wait_for(is_pending(&self->c, 1, where)));
		disk_release(&self->disk);
		/* It got the page with what the disk had for it. */
		ASSERT_TRUE(wait_for(*word(&self->c, 1, where)));
		EXPECT_EQ(counter_end(&counter), *word(&self->c, 2, where));
		if (is_too_late(start))
			SKIP_IF_GOOD(return, "this kernel let the page go: the read took too long");
		EXPECT_EQ(0, memcmp(self->c.node[2].map + where + SECTOR,
				    self->disk.bytes + i * SECTOR, SECTOR));
	}
}

TEST_F(disk, uring)
{
	uint64_t at = fresh_at(&self->c, 1);
	static char copy[4 * PAGE];
	struct uring ring;

	if (uring_open(&ring))
		SKIP_IF_GOOD(return, "no io_uring");
	memset(self->c.node[1].map + at, 1, PAGE);
	ASSERT_EQ(sizeof(copy),
		  uring_rw(&ring, IORING_OP_READ, self->disk.fd,
			   self->c.node[0].map + at, sizeof(copy), 0))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + at, self->disk.bytes,
			    sizeof(copy)));
	pattern(copy, sizeof(copy), 4);
	memcpy(self->c.node[2].map + at, copy, sizeof(copy));
	ASSERT_EQ(sizeof(copy),
		  uring_rw(&ring, IORING_OP_WRITE, self->disk.fd,
			   self->c.node[0].map + at, sizeof(copy), 0))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(0, memcmp(self->disk.bytes, copy, sizeof(copy)));
	uring_close(&ring);
}

FIXTURE(uring)
{
	struct cluster c;
	struct uring ring;
};

FIXTURE_SETUP(uring)
{
	if (uring_open(&self->ring))
		SKIP_IF_GOOD(_exit(EXIT_SKIPPED), "no io_uring");
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
}

FIXTURE_TEARDOWN(uring)
{
	cluster_close(&self->c);
	uring_close(&self->ring);
}

/* The device itself, the pages of which are far; also where it is O_NONBLOCK */
TEST_F(uring, device)
{
	static const int flags[] = { 0, O_NONBLOCK, O_DIRECT };
	static char in[3 * PAGE], out[3 * PAGE];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t at = fresh_at(&self->c, 1) + 100;
		int fd = open("/dev/dsm", O_RDWR | flags[i]);

		ASSERT_LE(0, fd);
		pattern(out, sizeof(out), i + 1);
		memcpy(self->c.node[1].map + at, out, sizeof(out));
		/* One page in the middle is here already. */
		ASSERT_EQ(out[PAGE], self->c.node[0].map[at + PAGE]);
		ASSERT_EQ(sizeof(in), uring_rw(&self->ring, IORING_OP_READ, fd,
					       in, sizeof(in), at));
		EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
		pattern(out, sizeof(out), i + 10);
		ASSERT_EQ(sizeof(out), uring_rw(&self->ring, IORING_OP_WRITE,
						fd, out, sizeof(out), at));
		EXPECT_EQ(0, memcmp(self->c.node[2].map + at, out,
				    sizeof(out)));
		close(fd);
	}
}

/* With a buffer that the ring has pinned: not of the region */
TEST_F(uring, device_registered)
{
	uint64_t at = fresh_at(&self->c, 1) + 50;
	char *buf = shared_alloc(2 * PAGE);
	static char copy[2 * PAGE];

	ASSERT_EQ(0, uring_register(&self->ring, buf, 2 * PAGE));
	pattern(copy, sizeof(copy), 5);
	memcpy(self->c.node[1].map + at, copy, sizeof(copy));
	ASSERT_EQ(sizeof(copy),
		  uring_rw(&self->ring, IORING_OP_READ_FIXED,
			   self->c.node[0].fd, buf, sizeof(copy), at));
	EXPECT_EQ(0, memcmp(buf, copy, sizeof(copy)));
	pattern(buf, 2 * PAGE, 6);
	ASSERT_EQ(sizeof(copy),
		  uring_rw(&self->ring, IORING_OP_WRITE_FIXED,
			   self->c.node[0].fd, buf, sizeof(copy), at));
	EXPECT_EQ(0, memcmp(self->c.node[2].map + at, buf, sizeof(copy)));
}

/* To pin a page of the region for good is refused, and leaves it alone. */
TEST_F(uring, region_registered)
{
	uint64_t at = fresh_at(&self->c, 1);

	*word(&self->c, 0, at) = 4;
	EXPECT_EQ(-1, uring_register(&self->ring, self->c.node[0].map + at,
				     PAGE));
	EXPECT_EQ(pins_are_seen() ? EFAULT : EOPNOTSUPP, errno);
	EXPECT_EQ(0, fault_of(word(&self->c, 1, at + 8), true, NULL));
	EXPECT_EQ(4, *word(&self->c, 2, at));
}

FIXTURE(pin)
{
	struct cluster c;
	uint64_t at;
	int fd;
};

FIXTURE_SETUP(pin)
{
	self->fd = socket(AF_XDP, SOCK_RAW, 0);
	if (self->fd < 0)
		SKIP_IF_GOOD(_exit(EXIT_SKIPPED), "no AF_XDP, which pins for long");
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_at(&self->c, 1);
}

FIXTURE_TEARDOWN(pin)
{
	EXPECT_EQ(0, set_patience(&self->c, 1, "30000"));
	cluster_close(&self->c);
}

/* Memory for packets: writable, for as long as the socket lives */
static int lend_memory(int fd, char *memory)
{
	struct xdp_umem_reg umem = {
		.addr = (uintptr_t)memory,
		.len = PAGE,
		.chunk_size = PAGE,
	};

	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem));
}

TEST_F(pin, long_term_is_refused)
{
	if (!pins_are_seen())
		SKIP_IF_GOOD(return, "this kernel lets anybody pin");
	*word(&self->c, 0, self->at) = 4;
	EXPECT_EQ(-1, lend_memory(self->fd, self->c.node[0].map + self->at));
	EXPECT_EQ(EFAULT, errno);
	close(self->fd);
	EXPECT_EQ(0, fault_of(word(&self->c, 1, self->at + 8), true, NULL));
	EXPECT_EQ(4, *word(&self->c, 2, self->at));
}

TEST_F_TIMEOUT(pin, long_term_lasts, 60)
{
	uint64_t at = self->at;

	if (pins_are_seen())
		SKIP_IF_GOOD(return, "this kernel refuses long-term pins");
	*word(&self->c, 1, at) = 4;
	ASSERT_EQ(0, lend_memory(self->fd, self->c.node[0].map + at));
	ASSERT_EQ(0, set_patience(&self->c, 1, "300"));
	EXPECT_EQ(SIGBUS, fault_of(word(&self->c, 1, at + 8), true, NULL));
	EXPECT_EQ(4, *word(&self->c, 0, at));
	ASSERT_EQ(0, set_patience(&self->c, 1, "30000"));
	/* It waits until the pin is gone. */
	close(self->fd);
	*word(&self->c, 1, at + 8) = 5;
	EXPECT_EQ(4, *word(&self->c, 2, at));
	EXPECT_EQ(5, *word(&self->c, 0, at + 8));
}

TEST_HARNESS_MAIN
