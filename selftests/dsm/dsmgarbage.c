// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends to other nodes' ports what no node would, as long as it is told:
 *
 *	dsmgarbage [-s SECONDS] [-S SEED] [-m ADDRESS] ADDRESS...
 *
 * First it overhears what this machine's node says to the one at -m ADDRESS: a
 * HELLO, so the connection between the two has to be broken meanwhile, and some
 * frames. Those are thrown at that node again, whole, cut off, altered and in
 * another order; to all of the others goes what can be made up without them.
 * Nobody may take any of it for a good greeting.
 *
 * Nothing is signed, so two greetings would be believed and are not tried: the
 * latest one, sent again before anything else was, and one that says that the
 * node has been restarted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dsmtest.h"
#include "wire.h"

enum {
	PACKET_MAX	= 65536,
	FRAMES		= 32,		/* that are overheard */
	TARGETS		= 8,
	CROWD		= 24,		/* connections that never say all */
	HELLO_FRAME	= DSM_WIRE_BYTES + DSM_HELLO_BYTES,
};

/* A thing that was said, with all that went out at once */
struct words {
	size_t size;
	uint8_t bytes[4 * DSM_WIRE_BYTES];
};

static uint8_t greeting[HELLO_FRAME];
static struct words frames[FRAMES];
static uint64_t seed;
static struct in_addr targets[TARGETS];
static unsigned int nr_targets;
static int crowd[CROWD];

static void die(const char *what)
{
	fprintf(stderr, "# dsmgarbage: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- overhearing ---- */

/* The payload of a packet to @to's port; NULL if it is none. */
static const uint8_t *payload_of(const uint8_t *packet, ssize_t size,
				 struct in_addr to, size_t *length)
{
	const struct iphdr *ip = (const void *)packet;
	const struct tcphdr *tcp;
	size_t headers;

	if (size < (ssize_t)sizeof(*ip) || ip->protocol != IPPROTO_TCP ||
	    ip->daddr != to.s_addr)
		return NULL;
	tcp = (const void *)(packet + 4 * ip->ihl);
	headers = 4 * ip->ihl + sizeof(*tcp);
	if (size < (ssize_t)headers || tcp->dest != htons(PORT))
		return NULL;
	headers = 4 * ip->ihl + 4 * tcp->doff;
	if (ntohs(ip->tot_len) <= headers || size <= (ssize_t)headers)
		return NULL;
	*length = size - headers;
	return packet + headers;
}

/*
 * Whether @bytes begin with a frame. A greeting is of use only when later
 * frames say that more was received since: then it is out of date.
 */
static bool take_note(const uint8_t *bytes, size_t size, unsigned int *nr)
{
	struct dsm_hello hello;
	struct dsm_frame f;

	if (size < DSM_WIRE_BYTES || dsm_wire_decode(bytes, PAGE, &f))
		return false;
	if (f.msg.type == DSM_MSG_HELLO && size >= HELLO_FRAME) {
		memcpy(greeting, bytes, HELLO_FRAME);
		*nr = 0;
		return false;
	}
	if (!*greeting || !dsm_msg_is_protocol(f.msg.type))
		return false;
	frames[*nr].size = size < sizeof(frames[0].bytes) ?
			   size : sizeof(frames[0].bytes);
	memcpy(frames[*nr].bytes, bytes, frames[*nr].size);
	if (*nr < FRAMES - 1)
		++*nr;
	return !dsm_hello_decode(greeting + DSM_WIRE_BYTES, &hello) &&
	       *nr == FRAMES - 1 && f.ack > hello.received;
}

static void overhear(struct in_addr to)
{
	static uint8_t packet[PACKET_MAX];
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	uint64_t end = now_ms() + 3 * PATIENCE_MS;
	const uint8_t *payload;
	unsigned int nr = 0;
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		die("cannot overhear");
	/* Now the connection can be broken. */
	printf("listening\n");
	fflush(stdout);
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (now_ms() > end || poll(&p, 1, PATIENCE_MS) != 1)
			die("no greeting is heard");
		n = recv(fd, packet, sizeof(packet), 0);
		payload = payload_of(packet, n, to, &length);
	} while (!payload || !take_note(payload, length, &nr));
	close(fd);
}

/* ---- throwing ---- */

static int call(struct in_addr to)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr = to,
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("a node does not listen any more");
	return fd;
}

static void say(int fd, const void *bytes, size_t size)
{
	send(fd, bytes, size, MSG_NOSIGNAL);
}

static void fill(uint8_t *bytes, size_t size)
{
	while (size--)
		*bytes++ = random_next(&seed) >> 32;
}

/* Wait until the node hangs up; what it may say before is that it refuses. */
static void has_to_refuse(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t answer[HELLO_FRAME];
	struct dsm_hello hello;
	size_t have = 0;
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, PATIENCE_MS) != 1)
			die(what);
		n = recv(fd, answer + have, sizeof(answer) - have, 0);
		if (n <= 0)
			break;
		have += n;
		if (have < sizeof(answer))
			continue;
		if (!dsm_hello_decode(answer + DSM_WIRE_BYTES, &hello) &&
		    hello.refusal)
			break;
		fprintf(stderr, "# taken for a node: %s\n", what);
		exit(1);
	}
	close(fd);
}

static void random_bytes(struct in_addr to)
{
	uint8_t bytes[1024];
	int fd = call(to);

	fill(bytes, sizeof(bytes));
	say(fd, bytes, sizeof(bytes));
	has_to_refuse(fd, "random bytes");
}

/* A good beginning, then anything; or a payload larger than any */
static void random_header(struct in_addr to)
{
	struct dsm_frame f = {
		.length = random_next(&seed) % 2 ? 0xffffffff : PAGE + 1,
		.session = random_next(&seed),
		.seq = 1,
		.msg = {
			.type = 1 + random_next(&seed) % (DSM_MSG_END - 1),
			.page = random_next(&seed) % 4096,
		},
	};
	uint8_t bytes[DSM_WIRE_BYTES];
	int fd = call(to);

	dsm_wire_encode(&f, bytes);
	if (random_next(&seed) % 2)
		fill(bytes + 8, sizeof(bytes) - 8);
	say(fd, bytes, sizeof(bytes));
	/* It may wait for the rest of what is in bounds. */
	if (!dsm_wire_decode(bytes, PAGE, &f))
		shutdown(fd, SHUT_WR);
	has_to_refuse(fd, "a header");
}

static void cut_off(struct in_addr to)
{
	int fd = call(to);

	say(fd, greeting, 1 + random_next(&seed) % (HELLO_FRAME - 1));
	shutdown(fd, SHUT_WR);
	has_to_refuse(fd, "half a greeting");
}

/* One that never says all: byte after byte, until another takes its place. */
static void slowly(struct in_addr to)
{
	unsigned int i;

	for (i = 0; i < CROWD; i++)
		if (crowd[i] >= 0)
			say(crowd[i], greeting + i, 1);
	i = random_next(&seed) % CROWD;
	if (crowd[i] >= 0)
		close(crowd[i]);
	crowd[i] = call(to);
	say(crowd[i], greeting, random_next(&seed) % DSM_WIRE_BYTES);
}

/* A true greeting with a field that is wrong, and nothing else */
static void forged(struct in_addr to)
{
	uint8_t bytes[HELLO_FRAME];
	struct dsm_hello h;
	int fd = call(to);

	memcpy(bytes, greeting, sizeof(bytes));
	dsm_hello_decode(bytes + DSM_WIRE_BYTES, &h);
	switch (random_next(&seed) % 13) {
	case 0:
		h.version++;
		break;
	case 1:
		h.from |= DSM_NODE_LIMIT / 2;	/* no member */
		break;
	case 2:
		h.to |= DSM_NODE_LIMIT / 2;
		break;
	case 3:
		h.nodes++;
		break;
	case 4:
		h.page_size *= 2;
		break;
	case 5:
		h.block_size *= 2;
		break;
	case 6:
		h.epoch++;
		break;
	case 7:
		h.size += PAGE;
		break;
	case 8:
		h.base ^= 1ULL << 40;
		break;
	case 9:
		h.members ^= random_next(&seed) | 1;
		break;
	case 10:
		h.peer_generation ^= random_next(&seed) | 1;
		break;
	case 11:
		h.received += 1ULL << 40;
		break;
	case 12:
		h.cluster[0] ^= 1;
		break;
	}
	dsm_hello_encode(&h, bytes + DSM_WIRE_BYTES);
	say(fd, bytes, sizeof(bytes));
	has_to_refuse(fd, "a forged greeting");
}

/* What was said before, all over again, or in another order */
static void replayed(struct in_addr to)
{
	unsigned int first = random_next(&seed) % FRAMES, i;
	int fd = call(to);

	say(fd, greeting, sizeof(greeting));
	for (i = 0; i < FRAMES; i++) {
		const struct words *w = &frames[(first + 5 * i) % FRAMES];

		say(fd, w->bytes, w->size);
	}
	has_to_refuse(fd, "an old greeting");
}

static void without_greeting(struct in_addr to)
{
	const struct words *w = &frames[random_next(&seed) % (FRAMES - 1)];
	int fd = call(to);

	say(fd, w->bytes, w->size);
	has_to_refuse(fd, "a frame without a greeting");
}

enum { KINDS = 7 };

static const struct {
	const char *name;
	void (*throw)(struct in_addr to);
	bool overheard;		/* only to the one it was said to */
} kinds[KINDS] = {
	{ "random_bytes",	random_bytes, false },
	{ "random_header",	random_header, false },
	{ "slowly",		slowly, false },
	{ "cut_off",		cut_off, false },
	{ "forged",		forged, true },
	{ "replayed",		replayed, true },
	{ "without_greeting",	without_greeting, false },
};

int main(int argc, char **argv)
{
	unsigned int thrown[KINDS] = { 0 }, total, i;
	struct in_addr heard = { 0 };
	unsigned int seconds = 5;
	uint64_t end;
	int opt;

	seed = random_seed();
	while ((opt = getopt(argc, argv, "m:s:S:")) != -1) {
		if (opt == 's')
			seconds = atoi(optarg);
		else if (opt == 'S')
			seed = strtoull(optarg, NULL, 0) | 1;
		else if (opt != 'm' || !inet_aton(optarg, &heard))
			goto usage;
	}
	for (; optind < argc && nr_targets < TARGETS; optind++)
		if (!inet_aton(argv[optind], &targets[nr_targets++]))
			goto usage;
	if (!heard.s_addr || !nr_targets)
		goto usage;

	memset(crowd, 0xff, sizeof(crowd));
	overhear(heard);
	end = now_ms() + 1000 * seconds;
	/* Each kind once, however slow the host is, and then any. */
	for (total = 0; total < KINDS || now_ms() < end; total++) {
		i = total < KINDS ? total : random_next(&seed) % KINDS;
		kinds[i].throw(kinds[i].overheard ? heard :
			       targets[random_next(&seed) % nr_targets]);
		thrown[i]++;
	}
	for (i = 0; i < KINDS; i++)
		printf("%s %u\n", kinds[i].name, thrown[i]);
	return 0;
usage:
	fprintf(stderr, "usage: dsmgarbage [-s SECONDS] [-S SEED] -m ADDRESS ADDRESS...\n");
	return 2;
}
