// SPDX-License-Identifier: GPL-2.0-only
/*
 * Litmus tests across nodes: does memory ever show what it must not?
 *
 *	dsmlitmus [-d INSTANCE]... [-f FIRST] [-n PROCESSES] [-t TOTAL]
 *		  [-r ROUNDS] [-S SEED] OFFSET
 *
 * Starts PROCESSES, with the numbers FIRST and up, in turns on the INSTANCEs.
 * TOTAL of them take part on all machines, and all need the same SEED. The
 * region has to be zero from OFFSET on, for a megabyte. Process 0 prints the
 * results, as KTAP.
 *
 * Each thread of a test is a process. A batch is many rounds of one test, each
 * with locations of its own, between two meetings. The processes do the rounds
 * at their own pace, and some in an order of their own, while pages travel
 * between them. What a location held before a batch stands for 0.
 *
 * A store may wait in its processor's store buffer, but a page leaves its node
 * only after its TLB entries are flushed, and that drains the buffer. So with
 * each thread on a node of its own nothing but sequential consistency shows;
 * threads that share a node may show x86-TSO. ROUNDS of each test and variant
 * have their threads on as many nodes as can be, with locations on all kinds of
 * pages in turn. Then an eighth as many have threads that share a node.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dsmtest.h"
#include "litmus.h"

enum {
	PROCESSES_MAX	= 8,
	BATCH		= 2048,		/* rounds at most */
	BATCH_PAGES	= 4,		/* that two locations of each fill */
	KEPT		= 4,		/* batches between two collections */
	SLOW		= 32,		/* rounds of a batch that take longer */
	SHOWN_MAX	= 5,		/* bad rounds that are told in full */
	STRIPE_PAGES	= 16,
	LOST_MS		= 60000,	/* that others may come late */
};

/**
 * struct control - what all processes share, but for the locations
 * @failed:	somebody gave up
 * @node:	the node of each process
 * @open:	how many meetings are over
 * @arrived:	to how many each process came
 * @result:	what each process saw in each round of the last batches
 */
struct control {
	uint64_t failed;
	uint64_t node[PROCESSES_MAX];
	uint8_t unused[MACHINE_PAGE - 8 - 8 * PROCESSES_MAX];
	struct {
		uint64_t count;
		uint8_t unused[MACHINE_PAGE - 8];
	} open, arrived[PROCESSES_MAX];
	uint32_t result[PROCESSES_MAX][KEPT][BATCH];
};

/**
 * struct batch - what all processes agree on
 * @number:	1 and up
 * @place:	of enum litmus_place
 * @page:	of each location in the first round, from the first page of
 *		locations
 * @process:	which process is each thread
 * @buffered:	threads that share a node with another one, a bit each
 */
struct batch {
	uint64_t number;
	unsigned int place;
	unsigned int page[LITMUS_LOCS];
	unsigned int process[PROCESSES_MAX];
	unsigned int buffered;
};

/**
 * struct pace - how a thread spends time between instructions
 * @odds:	before each of them, once in so many times
 * @naps:	with a nap, once in so many times; else with some loops
 * @nap_ns:	how long a nap may be
 * @loops:	how many loops there may be
 */
struct pace {
	unsigned int odds;
	unsigned int naps;
	unsigned int nap_ns;
	unsigned int loops;
};

/**
 * struct litmus - one process
 * @control:	shared
 * @data:	the locations, shared: a stripe of each member
 * @me:		number of this process
 * @total:	processes on all machines
 * @members:	nodes in the cluster
 * @nodes:	those that have processes
 * @node:	the node of each process
 * @common:	random numbers that are the same for all
 * @own:	random numbers that are not
 * @meetings:	how many there were
 * @batch:	rounds of each
 * @batches:	how many were started
 * @kept:	the last of these, by number
 * @waiting:	how many of them process 0 has not judged
 * @before:	what each word of @data held after the last batch there
 * @test:	the test that is being done
 * @results:	of this test; process 0 only
 */
struct litmus {
	volatile struct control *control;
	volatile uint32_t *data;
	unsigned int me;
	unsigned int total;
	unsigned int members;
	unsigned int nodes;
	uint64_t node[PROCESSES_MAX];
	uint64_t common;
	uint64_t own;
	uint64_t meetings;
	unsigned int batch;
	uint64_t batches;
	struct batch kept[KEPT];
	unsigned int waiting;
	uint32_t *before;
	struct litmus_test test;
	struct litmus_results results;
};

static void __attribute__((noreturn)) give_up(struct litmus *l,
					      const char *why)
{
	fprintf(stderr, "# process %u, batch %" PRIu64 ": %s\n", l->me,
		l->batches, why);
	l->control->failed = 1;
	_exit(1);
}

static void on_sigbus(int sig)
{
	(void)sig;
	_exit(EXIT_SIGBUS);
}

/* Wait until a counter of meetings is as far as this process is. */
static void await(struct litmus *l, volatile uint64_t *count)
{
	const struct timespec nap = { .tv_nsec = 200000 };
	uint64_t end = now_ms() + LOST_MS;

	while (*count < l->meetings) {
		if (l->control->failed)
			_exit(1);
		if (now_ms() > end)
			give_up(l, "the others do not come");
		nanosleep(&nap, NULL);
	}
}

/* Nobody but process 0 looks at who came: that would slow down who comes. */
static void meet(struct litmus *l)
{
	unsigned int i;

	l->meetings++;
	l->control->arrived[l->me].count = l->meetings;
	if (l->me) {
		await(l, &l->control->open.count);
		return;
	}
	for (i = 1; i < l->total; i++)
		await(l, &l->control->arrived[i].count);
	l->control->open.count = l->meetings;
}

static unsigned int pick(uint64_t *rng, unsigned int from)
{
	return (random_next(rng) >> 16) % from;
}

/* ---- what a batch is like ---- */

/* How many nodes the threads are on; sets the mask of those that share one */
static unsigned int spread(const struct litmus *l, struct batch *b)
{
	unsigned int i, j, nodes = 0;

	b->buffered = 0;
	for (i = 0; i < l->test.threads; i++) {
		bool first = true;

		for (j = 0; j < l->test.threads; j++) {
			if (i == j || l->node[b->process[i]] !=
				      l->node[b->process[j]])
				continue;
			b->buffered |= 1U << i;
			if (j < i)
				first = false;
		}
		nodes += first;
	}
	return nodes;
}

static unsigned int spread_max(const struct litmus *l)
{
	return l->test.threads < l->nodes ? l->test.threads : l->nodes;
}

/* Whether threads can share a node that could be on different ones */
static bool can_share(const struct litmus *l)
{
	return l->test.threads < l->total && l->nodes < l->total &&
	       l->nodes > 1;
}

/* At random: on as many nodes as can be, or on fewer */
static void arrange(struct litmus *l, struct batch *b, bool share)
{
	unsigned int i, j, swap;

	for (i = 0; i < l->total; i++)
		b->process[i] = i;
	do {
		for (i = l->total; i-- > 1;) {
			j = pick(&l->common, i + 1);
			swap = b->process[i];
			b->process[i] = b->process[j];
			b->process[j] = swap;
		}
	} while ((spread(l, b) < spread_max(l)) != share);
}

static void place(struct litmus *l, struct batch *b, enum litmus_place where)
{
	const unsigned int choices = STRIPE_PAGES / BATCH_PAGES;
	unsigned int home = pick(&l->common, l->members);
	unsigned int first = pick(&l->common, choices);
	unsigned int second = first + 1 + pick(&l->common, choices - 1);

	b->page[0] = home * STRIPE_PAGES + first * BATCH_PAGES;
	b->page[1] = b->page[0];
	if (where == LITMUS_STRIPED)
		home = (home + 1) % l->members;
	if (where != LITMUS_ONE_PAGE)
		b->page[1] = home * STRIPE_PAGES +
			     second % choices * BATCH_PAGES;
}

static struct batch *batch_next(struct litmus *l, unsigned int turn, bool share)
{
	struct batch *b = &l->kept[l->batches % KEPT];

	b->number = ++l->batches;
	b->place = share ? LITMUS_SHARED : turn % LITMUS_PLACES;
	arrange(l, b, share);
	place(l, b, turn % LITMUS_PLACES);
	return b;
}

/* The index in data of a location in a round */
static size_t at(const struct batch *b, unsigned int loc, unsigned int round)
{
	return b->page[loc] * (PAGE / 4) + 2 * round + loc;
}

/* ---- what a thread does ---- */

/* A nap, in which pages can go elsewhere; or loops, to be out of step */
static void dawdle(struct litmus *l, const struct pace *pace)
{
	struct timespec nap = { .tv_nsec = 0 };
	unsigned int loops;

	if (!pick(&l->own, pace->naps)) {
		nap.tv_nsec = pick(&l->own, pace->nap_ns);
		nanosleep(&nap, NULL);
	} else {
		for (loops = pick(&l->own, pace->loops); loops; loops--)
			asm volatile("");
	}
}

/* What a location's contents stand for */
static unsigned int value_of(const struct litmus *l, const struct batch *b,
			     size_t where, uint32_t word)
{
	if (word == l->before[where])
		return 0;
	if (word >> 2 == (uint32_t)b->number << 2 >> 2)
		return word & 3;
	return LITMUS_WILD;
}

/*
 * Where to dawdle, if anywhere, is settled first: what is between a store and a
 * load gives the store time to leave its buffer.
 */
static uint16_t run_round(struct litmus *l, const struct batch *b,
			  const struct litmus_op *op, unsigned int round,
			  const struct pace *pace)
{
	unsigned int left = pick(&l->own, pace->odds);
	const uint32_t stamp = b->number << 2;
	uint16_t outcome = 0;
	uint32_t word = 0;
	size_t where;

	for (; op->kind != LITMUS_END; op++) {
		if (!left--)
			dawdle(l, pace);
		where = at(b, op->loc, round);
		switch (op->kind) {
		case LITMUS_LOAD:
			word = l->data[where];
			break;
		case LITMUS_STORE:
			l->data[where] = stamp | op->value;
			break;
		case LITMUS_XCHG:
			word = stamp | op->value;
			asm volatile("xchgl %0, %1"
				     : "+r" (word), "+m" (l->data[where])
				     : : "memory");
			break;
		case LITMUS_MFENCE:
			asm volatile("mfence" : : : "memory");
			break;
		}
		if (op->kind == LITMUS_LOAD || op->kind == LITMUS_XCHG)
			outcome |= litmus_reg(op->reg,
					      value_of(l, b, where, word));
	}
	return outcome;
}

/*
 * The first rounds go slowly: threads overtake each other, so that they are in
 * one round at one time, and pages come and go between two instructions. The
 * others go fast, and backwards for some threads: what one does late, another
 * does early.
 */
static void run_batch(struct litmus *l, const struct batch *b,
		      const struct litmus_op *op, uint16_t *outcome)
{
	const struct pace slow = { .odds = 4, .naps = 1, .nap_ns = 6000000 };
	const struct pace fast = {
		.odds = 16, .naps = 16, .nap_ns = 2000000,
		.loops = 1U << pick(&l->own, 14),
	};
	bool backwards = pick(&l->own, 2);
	unsigned int i, round;

	for (i = 0; i < l->batch; i++) {
		round = backwards && i >= SLOW ? l->batch - 1 + SLOW - i : i;
		outcome[round] = run_round(l, b, op, round,
					   i < SLOW ? &slow : &fast);
	}
}

/* After all have done their rounds: what everybody should see now */
static uint16_t finals(struct litmus *l, const struct batch *b,
		       unsigned int round)
{
	uint16_t outcome = 0;
	unsigned int loc;

	for (loc = 0; loc < l->test.locs; loc++) {
		size_t where = at(b, loc, round);
		uint32_t word = l->data[where];

		outcome |= litmus_final(loc, value_of(l, b, where, word));
		l->before[where] = word;
	}
	return outcome;
}

static void do_batch(struct litmus *l, const struct batch *b)
{
	volatile uint32_t *result = l->control->result[l->me][b->number % KEPT];
	uint16_t outcome[BATCH] = { 0 };
	unsigned int t, i;

	meet(l);
	for (t = 0; t < l->test.threads; t++)
		if (b->process[t] == l->me)
			run_batch(l, b, l->test.op[t], outcome);
	meet(l);
	for (i = 0; i < l->batch; i++)
		result[i] = (uint32_t)b->number << 16 | outcome[i] |
			    finals(l, b, i);
}

/* ---- what process 0 makes of it ---- */

/* A round that went wrong, in full */
static void tell(const struct litmus *l, const struct batch *b,
		 unsigned int round, uint16_t outcome, const char *what)
{
	char text[LITMUS_TEXT];
	unsigned int t;

	if (l->results.forbidden + l->results.disagreed > SHOWN_MAX)
		return;
	litmus_show(&l->test, outcome, text, sizeof(text));
	printf("# %s: batch %" PRIu64 ", round %u, %s, nodes", l->test.name,
	       b->number, round, litmus_place_name[b->place]);
	for (t = 0; t < l->test.threads; t++)
		printf(" %" PRIu64, l->node[b->process[t]]);
	printf(": %s %s\n", text, what);
}

static void judge(struct litmus *l, const struct batch *b, unsigned int round)
{
	const uint16_t final = litmus_final(0, 3) | litmus_final(1, 3);
	uint16_t outcome = 0, seen[PROCESSES_MAX] = { 0 };
	bool agreed = true;
	unsigned int i;

	for (i = 0; i < l->total; i++) {
		uint32_t result = l->control->result[i][b->number % KEPT]
						    [round];

		seen[i] = result;
		/* An old result is not what that process said last. */
		if (result >> 16 != (uint16_t)b->number ||
		    (seen[i] ^ seen[0]) & final)
			agreed = false;
		outcome |= seen[i] & ~final;
	}
	outcome |= seen[0] & final;

	if (!litmus_results_add(&l->results, b->place, b->buffered, outcome))
		tell(l, b, round, outcome, "is FORBIDDEN");
	if (!agreed) {
		l->results.disagreed++;
		tell(l, b, round, outcome, "is not what all nodes see");
	}
}

/* Judge what is waiting; the other processes wait at the next batch. */
static void collect(struct litmus *l)
{
	unsigned int round;

	meet(l);
	for (; l->waiting; l->waiting--)
		for (round = 0; !l->me && round < l->batch; round++)
			judge(l, &l->kept[(l->batches - l->waiting) % KEPT],
			      round);
}

/* ---- all of it ---- */

static void do_batches(struct litmus *l, unsigned int turn,
		       unsigned int batches, bool share)
{
	for (; batches; batches--) {
		do_batch(l, batch_next(l, turn++, share));
		if (++l->waiting == KEPT)
			collect(l);
	}
}

static bool do_test(struct litmus *l, unsigned int number, uint64_t rounds)
{
	unsigned int batches = (rounds + l->batch - 1) / l->batch;
	unsigned int shape = number / LITMUS_VARIANTS;
	unsigned int variant = number % LITMUS_VARIANTS;

	litmus_get(&l->test, shape, variant);
	litmus_results_init(&l->results, &l->test);
	/* A run of a batch each sees all kinds of pages, too. */
	do_batches(l, shape + variant, batches, false);
	if (can_share(l))
		do_batches(l, shape + variant, (batches + 7) / 8, true);
	collect(l);
	return l->me || litmus_results_print(&l->results, number + 1);
}

static void learn_nodes(struct litmus *l, uint32_t node)
{
	unsigned int i, j;

	l->control->node[l->me] = node;
	meet(l);
	for (i = 0; i < l->total; i++) {
		l->node[i] = l->control->node[i];
		for (j = 0; j < i && l->node[j] != l->node[i]; j++)
			;
		l->nodes += j == i;
	}
}

static void __attribute__((noreturn)) run(struct litmus *l, uint32_t node,
					  uint64_t rounds)
{
	unsigned int tests = LITMUS_TESTS * LITMUS_VARIANTS, i;
	bool good = true;

	signal(SIGBUS, on_sigbus);
	l->own = l->common ^ (l->me + 1) * 0x9e3779b97f4a7c15;
	learn_nodes(l, node);
	if (!l->me) {
		printf("KTAP version 1\n1..%u\n", tests);
		printf("# DSM_SEED=%" PRIu64 "\n", l->common);
	}
	for (i = 0; i < tests; i++)
		good &= do_test(l, i, rounds);
	/* Nobody leaves while others may want its pages. */
	meet(l);
	fflush(stdout);
	_exit(!good);
}

/* Open and map what one process needs; the locations begin a row of stripes */
static int attach(struct litmus *l, const char *instance, uint64_t offset,
		  struct dsm_info *info)
{
	size_t row, control, size;
	int fd = dsm_open(instance);
	char *map;

	if (fd < 0 || dsm_get_info(fd, info))
		goto fail;
	l->members = info->nodes;
	row = l->members * STRIPE;
	control = (sizeof(*l->control) + row - 1) / row * row;
	size = control + row;
	map = dsm_map(fd, offset, size, PROT_READ | PROT_WRITE);
	if (!map)
		goto fail;
	l->control = (volatile struct control *)map;
	l->data = (volatile uint32_t *)(map + control);
	l->before = calloc(1, row);
	return l->before ? 0 : -1;
fail:
	fprintf(stderr, "# %s\n", dsm_error());
	return -1;
}

static int usage(void)
{
	fprintf(stderr, "usage: dsmlitmus [-d INSTANCE]... [-f FIRST]\n"
		"	[-n PROCESSES] [-t TOTAL] [-r ROUNDS] [-S SEED]\n"
		"	OFFSET\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned int first = 0, processes = 1, total = 0, instances = 0, i;
	const char *instance[NODES_MAX] = { NULL };
	uint64_t rounds = BATCH, offset;
	static struct litmus l;
	int opt, status, failed = 0;
	struct dsm_info info;

	while ((opt = getopt(argc, argv, "d:f:n:r:S:t:")) != -1) {
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
		case 'r':
			rounds = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			l.common = strtoull(optarg, NULL, 0);
			break;
		case 't':
			total = strtoul(optarg, NULL, 0);
			break;
		default:
			return usage();
		}
	}
	l.total = total ?: processes;
	if (argc - optind != 1 || l.total < LITMUS_THREADS ||
	    l.total > PROCESSES_MAX || first + processes > l.total || !rounds)
		return usage();
	l.batch = rounds < BATCH ? rounds : BATCH;
	offset = strtoull(argv[optind], NULL, 0);
	if (!l.common)
		l.common = random_seed();

	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid)
			continue;
		l.me = first + i;
		if (attach(&l, instance[instances ? i % instances : 0], offset,
			   &info))
			_exit(1);
		run(&l, info.node, rounds);
	}
	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status);
	return failed;
}
