// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random reads and writes by many processes, in which any value that is stale,
 * lost, torn or out of order shows:
 *
 *	dsmstress [-d INSTANCE]... [-f FIRST] [-n PROCESSES] [-t TOTAL]
 *		  [-p PAGES] [-s SECONDS] [-S SEED] OFFSET
 *
 * Starts PROCESSES, with the numbers FIRST and up, in turns on the INSTANCEs.
 * TOTAL of them take part on all machines; the region has to be zero from
 * OFFSET on, for two pages and then PAGES more, an even number.
 *
 * What is in a page, in words:
 *
 *	0		second half of a counter that began in the page before
 *	1 - 63		one slot for each process, which alone writes it: its
 *			numbers only grow, and it is stored to the even page of
 *			a pair first, so whoever loads the odd one and then the
 *			even one finds the even one no older
 *	64		a counter, changed by compare-and-swap
 *	65		a lock, for
 *	66 - 510	a block of words that are all the same
 *	511		first half of a counter that crosses into the next page
 *
 * In the end all processes compare what they see, and their own books with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dsmtest.h"

enum {
	PROCESSES_MAX	= 63,
	COUNTER		= 64,
	LOCK		= 65,
	BLOCK		= 66,
	BLOCK_END	= 511,
	MARGIN_MS	= 60000,	/* that the slowest may lag behind */
	OPS_MIN		= 20,		/* of each process, in any case */
};

#define CROSSING	(PAGE - 4)	/* in bytes */

/**
 * struct report - what a process publishes, in a cache line
 * @added:	to counters
 * @crossed:	added to page-crossing counters
 * @blocks:	changed
 * @sum:	of all that it sees
 */
struct report {
	uint64_t added;
	uint64_t crossed;
	uint64_t blocks;
	uint64_t sum;
	uint64_t unused[4];
};

/**
 * struct control - begins the first two pages
 * @failed:	somebody found something wrong
 * @arrived:	how many are at each of the meetings
 * @report:	of each process
 */
struct control {
	uint64_t failed;
	uint64_t arrived[4];
	uint64_t unused[MACHINE_PAGE / 8 - 5];
	struct report report[MACHINE_PAGE / sizeof(struct report)];
};

enum meeting { START, WRITTEN, SEEN, END };

/**
 * struct stress - one process
 * @control:	shared
 * @data:	the pages, shared
 * @fd:		the device
 * @at:		offset of @data
 * @me:		number of this process
 * @total:	processes on all machines
 * @pages:	in @data
 * @rng:	state of the random numbers
 * @clock:	the last number that was stored in a slot
 * @deadline:	when to give up waiting for the others
 * @own:	what this process last stored in its slot of each page
 * @seen:	the newest number seen in each slot
 * @counter:	the newest number seen in each counter
 * @ops:	operations done
 */
struct stress {
	volatile struct control *control;
	char *data;
	int fd;
	uint64_t at;
	unsigned int me;
	unsigned int total;
	unsigned int pages;
	uint64_t rng;
	uint64_t clock;
	uint64_t deadline;
	uint64_t *own;
	uint64_t *seen;
	uint64_t *counter;
	uint64_t ops;
};

static volatile uint64_t *page_of(const struct stress *s, unsigned int page)
{
	return (volatile uint64_t *)(s->data + page * PAGE);
}

static volatile struct report *report_of(const struct stress *s)
{
	return &s->control->report[s->me];
}

static void __attribute__((noreturn, format(printf, 2, 3)))
wrong(const struct stress *s, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "# process %u, operation %" PRIu64 ": %s\n", s->me,
		s->ops, text);
	s->control->failed = 1;
	_exit(1);
}

static void meet(struct stress *s, enum meeting at)
{
	atomic_inc64(&s->control->arrived[at]);
	while (s->control->arrived[at] < s->total) {
		if (s->control->failed)
			_exit(1);
		if (now_ms() > s->deadline)
			wrong(s, "only %" PRIu64 " processes came",
			      s->control->arrived[at]);
		sleep_ms(1);
	}
}

static unsigned int pick(struct stress *s, unsigned int from)
{
	return (random_next(&s->rng) >> 16) % from;
}

/* A number says who stored it, and where. */
static uint64_t slot_value(unsigned int page, unsigned int who,
			   uint64_t number)
{
	return (uint64_t)page << 48 | (uint64_t)who << 40 | number;
}

static void slot_check(struct stress *s, unsigned int page, unsigned int who,
		       uint64_t value)
{
	uint64_t *seen = &s->seen[page * PROCESSES_MAX + who];
	uint64_t number = value & ((1ULL << 40) - 1);

	if (value && value != slot_value(page, who, number))
		wrong(s, "page %u, slot %u: %#" PRIx64 " does not belong there",
		      page, who, value);
	if (number < *seen)
		wrong(s, "page %u, slot %u: %" PRIu64 " after %" PRIu64,
		      page, who, number, *seen);
	if (who == s->me && value != s->own[page])
		wrong(s, "page %u: own slot reads %#" PRIx64 ", not %#" PRIx64,
		      page, value, s->own[page]);
	*seen = number;
}

/*
 * Load a slot, by a system call now and then: eight bytes so aligned are copied
 * in one piece. Where memory is short on purpose, it is asked again.
 */
static uint64_t slot_load(struct stress *s, unsigned int page, unsigned int who)
{
	uint64_t value;

	if (pick(s, 8)) {
		value = page_of(s, page)[1 + who];
	} else {
		off_t at = s->at + page * PAGE + 8 * (1 + who);

		while (pread(s->fd, &value, 8, at) != 8)
			if (errno != ENOMEM)
				wrong(s, "page %u: cannot read", page);
	}
	slot_check(s, page, who, value);
	return value & ((1ULL << 40) - 1);
}

static void slot_store(struct stress *s, unsigned int page)
{
	uint64_t value = slot_value(page, s->me, s->clock);

	if (pick(s, 8)) {
		page_of(s, page)[1 + s->me] = value;
	} else {
		off_t at = s->at + page * PAGE + 8 * (1 + s->me);

		while (pwrite(s->fd, &value, 8, at) != 8)
			if (errno != ENOMEM)
				wrong(s, "page %u: cannot write", page);
	}
	s->own[page] = value;
}

static void do_store(struct stress *s)
{
	unsigned int page = pick(s, s->pages) & ~1U;

	s->clock++;
	slot_store(s, page);
	slot_store(s, page + 1);
}

static void do_load(struct stress *s)
{
	slot_load(s, pick(s, s->pages), pick(s, s->total));
}

static void do_load_pair(struct stress *s)
{
	unsigned int page = pick(s, s->pages) & ~1U, who = pick(s, s->total);
	uint64_t odd = slot_load(s, page + 1, who);
	uint64_t even = slot_load(s, page, who);

	if (even < odd)
		wrong(s, "page %u, slot %u: %" PRIu64 ", but already %" PRIu64
		      " in the next page", page, who, even, odd);
}

static void do_count(struct stress *s)
{
	unsigned int page = pick(s, s->pages);
	volatile uint64_t *p = &page_of(s, page)[COUNTER];
	uint64_t old = *p;

	if (old < s->counter[page])
		wrong(s, "page %u: counter %" PRIu64 " after %" PRIu64, page,
		      old, s->counter[page]);
	if (__atomic_compare_exchange_n(p, &old, old + 1, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		report_of(s)->added++;
		old++;
	}
	if (old < s->counter[page])
		wrong(s, "page %u: counter %" PRIu64 " after %" PRIu64, page,
		      old, s->counter[page]);
	s->counter[page] = old;
}

static void do_cross(struct stress *s)
{
	unsigned int page = pick(s, s->pages) & ~1U;

	atomic_inc64(s->data + page * PAGE + CROSSING);
	report_of(s)->crossed++;
}

static void do_block(struct stress *s)
{
	unsigned int page = pick(s, s->pages), i;
	volatile uint64_t *p = page_of(s, page);
	uint64_t version;

	if (__atomic_exchange_n(&p[LOCK], 1, __ATOMIC_SEQ_CST))
		return;
	version = p[BLOCK];
	for (i = BLOCK + 1; i < BLOCK_END; i++)
		if (p[i] != version)
			wrong(s, "page %u, word %u: %" PRIu64 ", not %" PRIu64,
			      page, i, p[i], version);
	for (i = BLOCK; i < BLOCK_END; i++)
		p[i] = version + 1;
	report_of(s)->blocks++;
	__atomic_store_n(&p[LOCK], 0, __ATOMIC_SEQ_CST);
}

/* The page tables forget the page; nothing else does. */
static void do_forget(struct stress *s)
{
	if (madvise(s->data + pick(s, s->pages) * PAGE, PAGE, MADV_DONTNEED))
		wrong(s, "madvise failed");
}

/* Each operation, with how often of a hundred it is done */
static const struct {
	void (*run)(struct stress *s);
	unsigned int weight;
} operations[] = {
	{ do_load, 35 },
	{ do_load_pair, 15 },
	{ do_store, 20 },
	{ do_count, 15 },
	{ do_block, 8 },
	{ do_forget, 5 },
	{ do_cross, 2 },
};

static void step(struct stress *s)
{
	unsigned int dice = pick(s, 100), i = 0;

	while (dice >= operations[i].weight)
		dice -= operations[i++].weight;
	operations[i].run(s);
	s->ops++;
}

/* After all have written: everything is what somebody last stored there. */
static void check_end(struct stress *s)
{
	uint64_t sum = 0, counted = 0, crossed = 0, blocks = 0, half;
	uint64_t added = 0, said_crossed = 0, said_blocks = 0;
	unsigned int page, who, i;

	for (page = 0; page < s->pages; page++) {
		volatile uint64_t *p = page_of(s, page);

		for (who = 0; who < s->total; who++)
			slot_check(s, page, who, p[1 + who]);
		for (i = 0; i < PAGE / 8; i++)
			sum = (sum ^ p[i]) * 0x100000001b3;
		counted += p[COUNTER];
		blocks += p[BLOCK];
		if (p[LOCK])
			wrong(s, "page %u: locked", page);
		if (page % 2)
			continue;
		memcpy(&half, s->data + page * PAGE + CROSSING, sizeof(half));
		crossed += half;
	}
	for (who = 0; who < s->total; who++) {
		added += s->control->report[who].added;
		said_crossed += s->control->report[who].crossed;
		said_blocks += s->control->report[who].blocks;
	}
	if (counted != added || crossed != said_crossed ||
	    blocks != said_blocks)
		wrong(s, "counted %" PRIu64 " of %" PRIu64 ", crossing %" PRIu64
		      " of %" PRIu64 ", blocks %" PRIu64 " of %" PRIu64,
		      counted, added, crossed, said_crossed, blocks,
		      said_blocks);

	report_of(s)->sum = sum;
	meet(s, SEEN);
	for (who = 0; who < s->total; who++)
		if (s->control->report[who].sum != sum)
			wrong(s, "process %u sees something else", who);
	meet(s, END);
}

static void run(struct stress *s, uint64_t seconds)
{
	uint64_t end;

	s->rng ^= (s->me + 1) * 0x9e3779b97f4a7c15;
	s->own = calloc(s->pages, sizeof(*s->own));
	s->seen = calloc(s->pages * PROCESSES_MAX, sizeof(*s->seen));
	s->counter = calloc(s->pages, sizeof(*s->counter));
	if (!s->own || !s->seen || !s->counter)
		wrong(s, "no memory");

	s->deadline = now_ms() + MARGIN_MS;
	meet(s, START);
	end = now_ms() + seconds * 1000;
	s->deadline = end + MARGIN_MS;
	while ((now_ms() < end || s->ops < OPS_MIN) && !s->control->failed)
		step(s);
	meet(s, WRITTEN);
	check_end(s);
	printf("# process %u: %" PRIu64 " operations\n", s->me, s->ops);
	fflush(stdout);
	_exit(0);
}

/* Open and map what one process needs */
static int attach(struct stress *s, const char *instance, uint64_t offset)
{
	size_t size = (2 + s->pages) * PAGE;
	char *map;

	s->fd = dsm_open(instance);
	map = s->fd < 0 ? NULL : dsm_map(s->fd, offset, size,
					 PROT_READ | PROT_WRITE);
	if (!map) {
		fprintf(stderr, "# %s\n", dsm_error());
		return -1;
	}
	s->control = (volatile struct control *)map;
	s->data = map + 2 * PAGE;
	s->at = offset + 2 * PAGE;
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: dsmstress [-d INSTANCE]... [-f FIRST]\n"
		"	[-n PROCESSES] [-t TOTAL] [-p PAGES] [-s SECONDS]\n"
		"	[-S SEED] OFFSET\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned int first = 0, processes = 1, total = 0, instances = 0, i;
	const char *instance[NODES_MAX] = { NULL };
	uint64_t seconds = 5, offset;
	struct stress s = { .pages = 32 };
	int opt, status, failed = 0;

	while ((opt = getopt(argc, argv, "d:f:n:p:s:S:t:")) != -1) {
		switch (opt) {
		case 'd':
			if (instances == NODES_MAX)
				return usage();
			instance[instances++] = optarg;
			break;
		case 'f':
			first = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			processes = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			s.pages = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seconds = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			s.rng = strtoull(optarg, NULL, 0);
			break;
		case 't':
			total = strtoul(optarg, NULL, 0);
			break;
		default:
			return usage();
		}
	}
	s.total = total ?: processes;
	if (argc - optind != 1 || s.total > PROCESSES_MAX ||
	    first + processes > s.total || !s.pages || s.pages % 2)
		return usage();
	offset = strtoull(argv[optind], NULL, 0);

	if (!s.rng)
		s.rng = random_seed();
	printf("# DSM_SEED=%" PRIu64 "\n", s.rng);
	fflush(stdout);

	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid)
			continue;
		s.me = first + i;
		if (attach(&s, instance[instances ? i % instances : 0], offset))
			_exit(1);
		run(&s, seconds);
	}
	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status);
	return failed;
}
