// SPDX-License-Identifier: GPL-2.0-only
/*
 * Anything at all comes to the nodes' ports while they work: they go on, lose
 * nothing, and do not flood the log. Configures the first three instances,
 * which have to be down; a fourth node, which they expect, is this program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "dsmtest.h"
#include "wire.h"

enum {
	NODES = 3,
	/*
	 * The id under which this program is known. It takes more flipped bits
	 * than are tried to make it another's: who can forge a hello without a
	 * flaw is a node, as nothing is signed.
	 */
	IMPOSTOR = 63,
	HELLO_MAX = 4096,	/* more than a node says unanswered */
};

/**
 * struct work - what the workers share
 * @stop:	set when they may end
 * @wrong:	how often they found what cannot be
 * @done:	additions, by each
 */
struct work {
	bool stop;
	unsigned int wrong;
	uint64_t done[NODES];
};

FIXTURE(hostile)
{
	struct cluster c;
	struct work *work;
	pid_t pid[NODES];
	uint64_t counter;
	uint64_t block;
	int listener;
	uint64_t seed;
};

static struct sockaddr_in loopback(unsigned int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return a;
}

static int listen_at(unsigned int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		return -1;
	return fd;
}

/* Call a node from an address of this machine */
static int call_from(in_addr_t address, unsigned int node)
{
	struct sockaddr_in to = loopback(PORT + node), from = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	from.sin_addr.s_addr = htonl(address);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&from, sizeof(from)) &&
	    !connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -1;
}

static int call(unsigned int node)
{
	return call_from(INADDR_LOOPBACK, node);
}

/* Say something to a node; -1 if it does not listen any more */
static int tell(unsigned int node, const void *bytes, size_t size)
{
	int fd = call(node);

	if (fd >= 0)
		send(fd, bytes, size, MSG_NOSIGNAL);
	return fd;
}

/* Wait until a node hangs up. Whatever it says before that is of no interest */
static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[HELLO_MAX];
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, PATIENCE_MS) != 1)
			return false;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (!n || (n < 0 && errno == ECONNRESET))
			return true;
	}
}

static void fill(void *buf, size_t size, uint64_t *state)
{
	unsigned char *p = buf;

	while (size--)
		*p++ = random_next(state) >> 32;
}

/* Say something to a node, which then has to hang up */
static void refused(struct __test_metadata *_metadata, unsigned int node,
		    const void *bytes, size_t size)
{
	int fd = tell(node, bytes, size);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(hung_up(fd));
	close(fd);
}

static bool all_joined(void)
{
	char attr[64];
	unsigned int i, j;

	for (i = 0; i < NODES; i++) {
		for (j = 0; j < NODES; j++) {
			snprintf(attr, sizeof(attr), "nodes/%u/state", j);
			if (i != j && !instance_reads(i, attr, "up"))
				return false;
		}
	}
	return true;
}

/*
 * Until told to stop, add to a counter that all share, and keep a block whole
 * that one changes and the others look at.
 */
static void worker(FIXTURE_DATA(hostile) *self, unsigned int me)
{
	volatile uint64_t *counter = word(&self->c, me, self->counter);
	volatile uint64_t *block = word(&self->c, me, self->block);
	uint64_t last = 0, first, i;

	while (!__atomic_load_n(&self->work->stop, __ATOMIC_RELAXED)) {
		atomic_inc64(counter);
		self->work->done[me]++;
		if (!me) {
			for (i = PAGE / 8; i--; )
				block[i]++;
			continue;
		}
		/* Written from the end: what follows is never behind. */
		first = block[0];
		for (i = 1; i < PAGE / 8; i++)
			self->work->wrong += block[i] < first;
		self->work->wrong += first < last;
		last = first;
	}
}

/* Returns where the impostor listens, or -1 */
static int start_cluster(void)
{
	int listener = listen_at(PORT + IMPOSTOR);
	unsigned int i;

	for (i = 0; i < NODES; i++)
		if (instance_reset(i) || instance_setup(i, i, NODES) ||
		    instance_add(i, IMPOSTOR, PORT + IMPOSTOR))
			return -1;
	for (i = 0; i < NODES; i++)
		if (instance_set(i, "state", "up"))
			return -1;
	return wait_for(all_joined()) ? listener : -1;
}

FIXTURE_SETUP(hostile)
{
	unsigned int i;

	self->seed = random_seed();
	TH_LOG("DSM_SEED=%" PRIu64, self->seed);
	self->listener = start_cluster();
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_EQ(NODES, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->counter = fresh_at(&self->c, 0);
	self->block = fresh_at(&self->c, 1);

	self->work = shared_alloc(sizeof(*self->work));
	for (i = 0; i < NODES; i++) {
		self->pid[i] = fork();
		ASSERT_LE(0, self->pid[i]);
		if (!self->pid[i]) {
			worker(self, i);
			_exit(0);
		}
	}
	ASSERT_TRUE(wait_for(self->work->done[0] && self->work->done[1] &&
			     self->work->done[2]));
}

/* Nothing was lost, and the nodes still know each other. */
FIXTURE_TEARDOWN(hostile)
{
	uint64_t sum = 0, before[NODES];
	unsigned int i;
	int status;

	for (i = 0; i < NODES; i++)
		before[i] = self->work->done[i];
	for (i = 0; i < NODES; i++)
		EXPECT_TRUE(wait_for(self->work->done[i] > before[i]));
	__atomic_store_n(&self->work->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < NODES; i++) {
		EXPECT_EQ(self->pid[i], waitpid(self->pid[i], &status, 0));
		EXPECT_EQ(0, status);
		sum += self->work->done[i];
	}
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(sum, *word(&self->c, i, self->counter));
	EXPECT_EQ(0, self->work->wrong);
	EXPECT_TRUE(all_joined());

	cluster_close(&self->c);
	close(self->listener);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, instance_reset(i));
}

TEST_F_TIMEOUT(hostile, random_bytes, 60)
{
	unsigned int i;
	char buf[512];

	for (i = 0; i < 60; i++) {
		fill(buf, sizeof(buf), &self->seed);
		refused(_metadata, i % NODES, buf, sizeof(buf));
	}
}

TEST_F_TIMEOUT(hostile, huge_numbers, 60)
{
	unsigned int i;
	char buf[512];

	memset(buf, 0xff, sizeof(buf));
	for (i = 0; i < 2 * NODES; i++)
		refused(_metadata, i % NODES, buf, sizeof(buf));
}

TEST_F_TIMEOUT(hostile, half_a_header, 60)
{
	unsigned int i;
	char buf[64];
	int fd;

	for (i = 1; i < 63; i++) {
		fill(buf, sizeof(buf), &self->seed);
		fd = tell(i % NODES, buf, i);
		ASSERT_LE(0, fd);
		shutdown(fd, SHUT_WR);
		EXPECT_TRUE(hung_up(fd));
		close(fd);
	}
}

/* Cut the connections that nodes have made to one; returns how many it had */
static unsigned int cut_calls(unsigned int node)
{
	char line[256], command[64];
	unsigned int nr = 0;
	FILE *closed;

	snprintf(command, sizeof(command), "ss -HKtn src 127.0.0.1 dport = :%u",
		 PORT + node);
	closed = popen(command, "r");
	while (closed && fgets(line, sizeof(line), closed))
		nr++;
	return closed && !pclose(closed) ? nr : 0;
}

/*
 * More callers than a node listens to say nothing, and nodes call it, too: they
 * get through when its patience with the others is over.
 */
TEST_F_TIMEOUT(hostile, silence, 60)
{
	enum { CALLED = NODES - 1, CALLERS = 80 };
	int fd[CALLERS];
	uint64_t before;
	unsigned int i;

	for (i = 0; i < CALLERS; i++) {
		fd[i] = call_from(INADDR_LOOPBACK + 1, CALLED);
		ASSERT_LE(0, fd[i]);
	}
	EXPECT_EQ(NODES - 1, cut_calls(CALLED));
	before = self->work->done[CALLED];
	EXPECT_TRUE(wait_for(self->work->done[CALLED] > before + 1));
	EXPECT_TRUE(wait_for(all_joined()));
	for (i = 0; i < CALLERS; i++)
		close(fd[i]);
}

/* The hello of a node that calls; returns the connection, or -1 */
static int hear_hello(int listener, struct dsm_hello *hello)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	uint8_t bytes[DSM_WIRE_BYTES + DSM_HELLO_BYTES];
	int fd;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return -1;
	fd = accept(listener, NULL, NULL);
	if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == sizeof(bytes) &&
	    !dsm_hello_decode(bytes + DSM_WIRE_BYTES, hello))
		return fd;
	close(fd);
	return -1;
}

static void hello_frame(const struct dsm_hello *hello, uint8_t *bytes)
{
	struct dsm_frame frame = {
		.length = DSM_HELLO_BYTES,
		.epoch = hello->epoch,
		.session = hello->generation,
		.msg.type = DSM_MSG_HELLO,
	};

	dsm_wire_encode(&frame, bytes);
	dsm_hello_encode(hello, bytes + DSM_WIRE_BYTES);
}

/* A true first message, by somebody else, and with a few bits changed */
TEST_F_TIMEOUT(hostile, altered_hello, 60)
{
	uint8_t bytes[DSM_WIRE_BYTES + DSM_HELLO_BYTES], altered[sizeof(bytes)];
	struct dsm_hello hello;
	unsigned int i, flips;
	int fd;

	fd = hear_hello(self->listener, &hello);
	ASSERT_LE(0, fd);
	close(fd);
	hello_frame(&hello, bytes);
	for (i = 0; i < NODES; i++)
		refused(_metadata, i, bytes, sizeof(bytes));
	for (i = 0; i < 120; i++) {
		memcpy(altered, bytes, sizeof(bytes));
		for (flips = 1 + i % 4; flips; flips--) {
			uint64_t bit = random_next(&self->seed) %
				       (8 * sizeof(bytes));

			altered[bit / 8] ^= 1 << bit % 8;
		}
		refused(_metadata, i % NODES, altered, sizeof(altered));
	}
}

/* The one they call answers with anything, or with their own words. */
TEST_F_TIMEOUT(hostile, false_answer, 60)
{
	struct pollfd p = { .fd = self->listener, .events = POLLIN };
	char buf[HELLO_MAX];
	unsigned int i;
	ssize_t size;
	int fd;

	for (i = 0; i < 6; i++) {
		if (poll(&p, 1, PATIENCE_MS) != 1)
			break;
		fd = accept(self->listener, NULL, NULL);
		ASSERT_LE(0, fd);
		size = recv(fd, buf, sizeof(buf), 0);
		if (size > 0) {
			if (i % 2)
				fill(buf, size, &self->seed);
			send(fd, buf, size, MSG_NOSIGNAL);
		}
		close(fd);
	}
	EXPECT_LT(0, i);
}

/*
 * The one they call for the first time says that it has received what was never
 * sent. Believed, it would make them forget what they have to say to it.
 */
TEST_F_TIMEOUT(hostile, received_what_was_not_sent, 60)
{
	uint8_t bytes[DSM_WIRE_BYTES + DSM_HELLO_BYTES];
	char attr[32], value[DSM_ATTR_MAX] = "", name[16];
	struct dsm_hello hello;
	int fd;

	fd = hear_hello(self->listener, &hello);
	ASSERT_LE(0, fd);
	instance_name(name, sizeof(name), hello.from);
	hello.to = hello.from;
	hello.from = IMPOSTOR;
	hello.peer_generation = hello.generation;
	hello.generation = 1;
	hello.received = 1ULL << 40;
	hello_frame(&hello, bytes);
	EXPECT_EQ(sizeof(bytes), send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL));
	EXPECT_TRUE(hung_up(fd));
	close(fd);
	snprintf(attr, sizeof(attr), "nodes/%u/state", IMPOSTOR);
	EXPECT_TRUE(wait_for(!dsm_attr_read(name, attr, value, sizeof(value)) &&
			     !strcmp(value, "refused: session")));
	TH_LOG("%s says %s", name, value);
}

/*
 * A second machine has been given the id of node 0, which is at work. It is
 * sent away, and does not make that node count as restarted, its memory lost.
 */
static void claim_id_of_0(struct __test_metadata *_metadata, int listener)
{
	uint8_t bytes[DSM_WIRE_BYTES + DSM_HELLO_BYTES];
	struct dsm_hello hello;
	unsigned int i;
	int fd;

	fd = hear_hello(listener, &hello);
	ASSERT_LE(0, fd);
	close(fd);
	hello.from = 0;
	hello.generation = 1;
	hello.peer_generation = 0;
	hello.received = 0;
	for (i = 1; i < NODES; i++) {
		hello.to = i;
		hello_frame(&hello, bytes);
		refused(_metadata, i, bytes, sizeof(bytes));
		EXPECT_TRUE(instance_reads(i, "nodes/0/state", "up"));
	}
}

TEST_F_TIMEOUT(hostile, id_of_another, 60)
{
	claim_id_of_0(_metadata, self->listener);
}

/* Nodes that have shared nothing yet: none of them has anything to lose. */
FIXTURE(idle)
{
	int listener;
};

FIXTURE_SETUP(idle)
{
	self->listener = start_cluster();
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(idle)
{
	unsigned int i;

	EXPECT_TRUE(all_joined());
	close(self->listener);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, instance_reset(i));
}

TEST_F_TIMEOUT(idle, id_of_another, 60)
{
	claim_id_of_0(_metadata, self->listener);
}

/* How many lines the module has added to the log */
static unsigned int count_lines(int kmsg)
{
	char line[8192];
	unsigned int lines = 0;
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (n < 0)
			continue;
		line[n] = '\0';
		lines += !!strstr(line, "dsm");
	}
	return lines;
}

/*
 * A greeting of somebody who is no member is worth a line, each of many is not;
 * and what is no greeting is worth none.
 */
TEST_F_TIMEOUT(hostile, log_is_not_flooded, 120)
{
	/* So many lines pass in such a time (include/linux/ratelimit.h). */
	enum { CALLS = 100, BURST = 10, BURST_MS = 5000 };
	uint8_t bytes[DSM_WIRE_BYTES + DSM_HELLO_BYTES], buf[216];
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	struct dsm_hello hello;
	unsigned int i, lines;
	uint64_t start;
	int fd;

	ASSERT_LE(0, kmsg);
	/* Lines that the tests before this one were worth count, too. */
	sleep_ms(BURST_MS);
	lseek(kmsg, 0, SEEK_END);
	fd = hear_hello(self->listener, &hello);
	ASSERT_LE(0, fd);
	close(fd);
	hello.from = IMPOSTOR - 1;
	hello_frame(&hello, bytes);
	start = now_ms();
	for (i = 0; i < CALLS; i++) {
		refused(_metadata, i % NODES, bytes, sizeof(bytes));
		fill(buf, sizeof(buf), &self->seed);
		refused(_metadata, i % NODES, buf, sizeof(buf));
	}
	lines = count_lines(kmsg);
	EXPECT_LE(1, lines);
	EXPECT_GE(BURST * (2 + (now_ms() - start) / BURST_MS), lines);
	close(kmsg);
}

TEST_HARNESS_MAIN
