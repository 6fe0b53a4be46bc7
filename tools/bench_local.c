// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: what costs no message, against a file in tmpfs; and memory
 */
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define RESIDENT_PAGES	256
#define PASSES		1000
/* From one access to the next */
#define STEP		64

#define FAULT_PAGES	1024
#define ROUNDS		8

/* So many that what the kernel keeps of free memory does not count */
#define METADATA_PAGES	65536
#define UNTOUCHED_PAGES	4096
/*
 * Longer than messages are kept until the other node has acknowledged them, and
 * than it takes pages to come to rest (rest_ms, twice) and RCU to free what
 * they had (5 s, in kernel/rcu/tree.c)
 */
#define QUIET_MS	10000

static int tmpfs_file(size_t length)
{
	int fd = memfd_create("dsmbench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, length))
		die("cannot make a file in memory: %m");
	return fd;
}

static volatile char *map(int fd, uint64_t offset, size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       offset);

	if (p == MAP_FAILED)
		die("cannot map %zu bytes: %m", length);
	return p;
}

static void unmap(volatile char *p, size_t length)
{
	munmap((void *)p, length);
}

/* ---- pages that are here and mapped ---- */

static uint64_t time_pass(volatile char *p, size_t length)
{
	uint64_t begun = now_ns();
	size_t i;

	for (i = 0; i < length; i += STEP)
		p[i] = p[i] + 1;
	return now_ns() - begun;
}

void measure_resident(struct bench *b, struct result *r)
{
	struct pages set = stage_row(b, RESIDENT_PAGES);
	size_t length = RESIDENT_PAGES * PAGE;
	volatile char *ours = b->mem.map + pages_offset(&set, 0);
	int fd = tmpfs_file(length);
	volatile char *yard = map(fd, 0, length);
	unsigned int i;

	time_pass(ours, length);
	time_pass(yard, length);
	stage_settle();
	for (i = 0; i < PASSES; i++) {
		samples_add(&r->yard, time_pass(yard, length));
		samples_add(&r->ours, time_pass(ours, length));
	}
	stage_expect(b, b->mem.info.node, &set, DSM_PAGE_READ_WRITE,
		     DSM_NODE_NONE);
	unmap(yard, length);
	close(fd);
	figure_add_percentile(r, 50, 1.02);
}

/* ---- pages that are here and not mapped ---- */

static void time_faults(int fd, uint64_t offset, enum touch how,
			struct samples *s)
{
	size_t length = FAULT_PAGES * PAGE, i;
	volatile char *p = map(fd, offset, length);
	uint64_t begun, now = now_ns();

	for (i = 0; i < length; i += PAGE) {
		begun = now;
		if (how == TOUCH_STORE)
			p[i] = 1;
		else
			(void)p[i];
		now = now_ns();
		samples_add(s, now - begun);
	}
	unmap(p, length);
}

static void measure_faults(struct bench *b, struct result *r, enum touch how)
{
	struct pages set = stage_row(b, FAULT_PAGES);
	int fd = tmpfs_file(FAULT_PAGES * PAGE);
	struct samples first = { .nr = 0 };
	unsigned int i;

	stage_touch(b, b->mem.info.node, &set, TOUCH_STORE);
	time_faults(fd, 0, TOUCH_STORE, &first);
	samples_free(&first);
	stage_settle();
	for (i = 0; i < ROUNDS; i++) {
		time_faults(fd, 0, how, &r->yard);
		time_faults(b->mem.fd, pages_offset(&set, 0), how, &r->ours);
	}
	stage_expect(b, b->mem.info.node, &set, DSM_PAGE_READ_WRITE,
		     DSM_NODE_NONE);
	close(fd);
}

/* Each store is a fault, here and there. */
void measure_local_store(struct bench *b, struct result *r)
{
	measure_faults(b, r, TOUCH_STORE);
	figure_add_percentile(r, 50, 1.3);
}

/* A fault for a load may map what is around it, so the mean counts. */
void measure_local_load(struct bench *b, struct result *r)
{
	measure_faults(b, r, TOUCH_LOAD);
	figure_add(r, "mean", samples_mean(&r->ours) / samples_mean(&r->yard),
		   1.3);
}

/* ---- memory beside the pages ---- */

/* The kernel's memory in slabs, while all pages rest; 0 if one does not */
uint64_t slab_bytes(const struct memory *m)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file;

	if (memory_counter(m, "awake_pages"))
		return 0;
	file = fopen("/proc/meminfo", "r");
	if (!file)
		die("cannot open /proc/meminfo: %m");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Slab: %lu kB", &kib) == 1)
			break;
	}
	fclose(file);
	return kib * 1024ULL;
}

/* That of all nodes, when nothing goes on */
static uint64_t slab_of_all(struct bench *b)
{
	const struct request rq = { .op = OP_SLAB };
	uint64_t sum;
	unsigned int i;

	pause_ms(QUIET_MS);
	sum = slab_bytes(&b->mem);
	for (i = 0; sum && i < b->nr_peers; i++) {
		uint64_t bytes = peer_call(&b->peers[i], &rq);

		sum = bytes ? sum + bytes : 0;
	}
	if (!sum)
		die("pages do not come to rest");
	return sum;
}

static void note_growth(struct bench *b, struct result *r, uint64_t before,
			uint32_t pages, double goal)
{
	uint64_t after = slab_of_all(b);
	double bytes = after > before ? (double)(after - before) / pages : 0;

	samples_add(&r->ours, bytes);
	figure_add(r, "bytes", bytes, goal);
}

/* What all nodes together need for a page that one of them touches */
void measure_metadata(struct bench *b, struct result *r)
{
	struct pages set = stage_row(b, METADATA_PAGES);
	uint64_t before = slab_of_all(b);

	stage_touch(b, b->mem.info.node, &set, TOUCH_STORE);
	note_growth(b, r, before, set.count, 64);
}

/* And for one that is only mapped and asked about; noise is below 1. */
void measure_untouched(struct bench *b, struct result *r)
{
	struct pages set = stage_row(b, UNTOUCHED_PAGES);
	uint64_t before = slab_of_all(b);
	volatile char *p = map(b->mem.fd, pages_offset(&set, 0),
			       UNTOUCHED_PAGES * PAGE);

	stage_expect(b, b->mem.info.node, &set, DSM_PAGE_NONE, DSM_NODE_NONE);
	note_growth(b, r, before, set.count, 1);
	unmap(p, UNTOUCHED_PAGES * PAGE);
}
