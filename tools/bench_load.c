// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: misses while there is much else to do
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* ---- single misses, while another process reads in bulk ---- */

/* Pages of the bulk: enough for a while at the speed of the link */
#define SUPPLY		16384
/* What is asked for ahead of what is read, twice over, in pages */
#define WINDOW		256
/* Fewer samples tell nothing. */
#define URGENT_MIN	20

struct bulk {
	bool running;
	bool done;
};

static void ask_ahead(const struct memory *m, const struct pages *set,
		      uint32_t from)
{
	uint32_t i;

	for (i = from; i < from + WINDOW && i < set->count; i += set->run)
		madvise((void *)(m->map + pages_offset(set, i)),
			set->run * PAGE, MADV_WILLNEED);
}

static void read_in_bulk(const struct memory *m, const struct pages *set,
			 struct bulk *bulk)
{
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		if (i % WINDOW == 0)
			ask_ahead(m, set, i + WINDOW);
		page_touch(m, pages_offset(set, i), TOUCH_LOAD);
		if (i == WINDOW)
			__atomic_store_n(&bulk->running, true,
					 __ATOMIC_RELEASE);
	}
	__atomic_store_n(&bulk->done, true, __ATOMIC_RELEASE);
}

static pid_t start_bulk(const struct memory *m, const struct pages *set,
			struct bulk *bulk)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork: %m");
	if (!pid) {
		read_in_bulk(m, set, bulk);
		_exit(0);
	}
	while (!__atomic_load_n(&bulk->running, __ATOMIC_ACQUIRE))
		pause_ms(1);
	return pid;
}

/* Returns how many pages were read before the bulk was over. */
static uint32_t time_reads(struct bench *b, const struct pages *set,
			   const struct bulk *bulk, struct samples *s)
{
	uint32_t *order = pages_shuffle(set->count);
	uint64_t begun;
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		if (bulk && __atomic_load_n(&bulk->done, __ATOMIC_ACQUIRE))
			break;
		begun = now_ns();
		page_touch(&b->mem, pages_offset(set, order[i]), TOUCH_LOAD);
		samples_add(s, now_ns() - begun);
	}
	free(order);
	return i;
}

void measure_urgent(struct bench *b, struct result *r)
{
	uint32_t home = b->peers[0].node, reads;
	struct pages supply = stage_homed(b, home, SUPPLY);
	struct pages set = stage_owned(b, home, home, b->count);
	struct pages before = pages_part(&set, 0, 4);
	struct pages during = pages_part(&set, 1, 2);
	struct pages after = pages_part(&set, 1, 4);
	struct bulk *bulk = mmap(NULL, sizeof(*bulk), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (bulk == MAP_FAILED)
		die("no memory: %m");
	stage_touch(b, home, &supply, TOUCH_STORE);
	stage_settle();
	stage_expect(b, home, &supply, DSM_PAGE_READ_WRITE, home);

	time_reads(b, &before, NULL, &r->yard);
	pid = start_bulk(&b->mem, &supply, bulk);
	reads = time_reads(b, &during, bulk, &r->ours);
	waitpid(pid, NULL, 0);
	time_reads(b, &after, NULL, &r->yard);
	if (reads < URGENT_MIN)
		die("the bulk was over after %u reads", reads);
	munmap(bulk, sizeof(*bulk));
	figure_add_percentile(r, 99, 2.0);
}

/* ---- how many faults a home can serve ---- */

#define THREADS		4
#define BLOCKS		2

/* All other nodes at once; returns what the slowest took, in nanoseconds. */
static uint64_t call_all(struct bench *b, struct request *rq,
			 const struct pages *sets)
{
	uint64_t ns, slowest = 0;
	unsigned int i;

	for (i = 0; i < b->nr_peers; i++) {
		rq->pages = sets[i];
		peer_request(&b->peers[i], rq);
	}
	for (i = 0; i < b->nr_peers; i++) {
		ns = peer_reply(&b->peers[i]);
		if (ns > slowest)
			slowest = ns;
	}
	return slowest;
}

void measure_served(struct bench *b, struct result *r)
{
	struct request fault = {
		.op = OP_FAULT,
		.how = TOUCH_LOAD,
		.threads = THREADS,
	};
	struct request ask = {
		.op = OP_ASK,
		.node = b->mem.info.node,
		.threads = THREADS,
		.in = SMALL,
		.out = LARGE,
	};
	struct pages sets[NODES_MAX];
	unsigned int i, j;
	uint32_t all = 0;

	for (j = 0; j < BLOCKS; j++) {
		for (i = 0; i < b->nr_peers; i++) {
			sets[i] = stage_homed(b, b->mem.info.node, b->count);
			stage_touch(b, b->mem.info.node, &sets[i],
				    TOUCH_STORE);
		}
		stage_settle();
		ask.count = pages_part(&sets[0], 0, THREADS).count;
		all = ask.count * THREADS * b->nr_peers;
		samples_add(&r->yard, call_all(b, &ask, sets) / all);
		samples_add(&r->ours, call_all(b, &fault, sets) / all);
		samples_add(&r->yard, call_all(b, &ask, sets) / all);
	}
	figure_add_rate(r, 0.8);
}
