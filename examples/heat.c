// SPDX-License-Identifier: GPL-2.0-only
/*
 * How heat spreads over a plate: processes that compute in shared memory.
 *
 *	heat [-p PROCESSES] [-f FIRST] [-l LAST] [-r ROWS] [-s STEPS]
 *	     [-o OFFSET] [-v] FILE
 *
 * It is written as for one machine: it maps FILE and forks, and all the rest
 * is loads, stores and pointers, and a barrier, a mutex and a condition
 * variable of the C library in the mapping. On one machine, six processes:
 *
 *	truncate -s 64M /dev/shm/plate
 *	heat -p 6 /dev/shm/plate
 *
 * On three machines that share /dev/dsm, each of them starts its two:
 *
 *	heat -p 6 -f 0 -l 1 /dev/dsm
 *	heat -p 6 -f 2 -l 3 /dev/dsm
 *	heat -p 6 -f 4 -l 5 /dev/dsm
 *
 * It is the same program, with the same result to the last bit. FILE holds
 * zeros from OFFSET on when it is first used; it can be used again when all
 * are done.
 *
 * What counts on several machines, and does no harm on one, is which things are
 * on one page, for a page goes from machine to machine as a whole:
 *
 *   - What different machines write at the same time is on different pages. A
 *     row of the plate is a page, so no two processes write to one. Two plates
 *     take turns: nobody writes into the one that others read.
 *   - A mutex and what it guards are on one page: who gets the one has the
 *     other. The barrier, where others sleep meanwhile, is on another.
 *   - What is only read, once it is made, is on a page that all can keep.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096
#define COLUMNS		(PAGE / sizeof(double))
#define HOT		100.0	/* the plate's upper edge; all else is 0 */
#define REPORT_STEPS	10	/* from one report of progress to the next */

struct plate {
	/* Set by who starts process 0, and only read from then on */
	struct plate *self;	/* where it is mapped, once it is made */
	unsigned int processes;
	unsigned int rows;
	unsigned int steps;	/* to be taken */

	_Alignas(PAGE) pthread_barrier_t barrier;

	_Alignas(PAGE) pthread_mutex_t mutex;	/* guards this page */
	pthread_cond_t progress;
	unsigned int users;	/* starts of this program that are not done */
	double change;		/* the largest so far in this step */
	double last_change;	/* in the step before */
	unsigned int step;
	bool finished;
	double (*from)[COLUMNS];	/* one plate, in point[] */
	double (*to)[COLUMNS];		/* the other */

	_Alignas(PAGE) double point[][COLUMNS];
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Make what processes share. That self is set tells the others that it is. */
static void plate_make(struct plate *p, unsigned int processes,
		       unsigned int rows, unsigned int steps)
{
	pthread_barrierattr_t barrier;
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&p->barrier, &barrier, processes);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&p->mutex, &mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&p->progress, &cond);

	p->processes = processes;
	p->rows = rows;
	p->steps = steps;
	p->users = 0;
	p->change = 0;
	p->step = 0;
	p->finished = false;
	p->from = p->point;
	p->to = p->point + rows;
	__atomic_store_n(&p->self, p, __ATOMIC_RELEASE);
}

/* Wait until it is made, and join it at the address that it has there. */
static struct plate *plate_join(struct plate *p, int fd, off_t offset,
				size_t size)
{
	struct plate *self;

	/* There is nothing to sleep on yet. */
	while (!(self = __atomic_load_n(&p->self, __ATOMIC_ACQUIRE)))
		usleep(1000);
	if (self != p) {
		munmap(p, size);
		p = mmap(self, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);
		if (p == MAP_FAILED)
			fail("the address is taken");
	}
	pthread_mutex_lock(&p->mutex);
	p->users++;
	pthread_mutex_unlock(&p->mutex);
	return p;
}

/* The last one out leaves it to be made anew. */
static void plate_leave(struct plate *p)
{
	bool last;

	pthread_mutex_lock(&p->mutex);
	last = !--p->users;
	pthread_mutex_unlock(&p->mutex);
	if (last)
		__atomic_store_n(&p->self, NULL, __ATOMIC_RELEASE);
}

/* Each point becomes the mean of its neighbours; returns the largest change. */
static double relax(double (*to)[COLUMNS], double (*from)[COLUMNS],
		    unsigned int first, unsigned int end)
{
	double mean, largest = 0;
	unsigned int r, c;

	for (r = first; r < end; r++) {
		for (c = 1; c < COLUMNS - 1; c++) {
			mean = (from[r - 1][c] + from[r + 1][c] +
				from[r][c - 1] + from[r][c + 1]) / 4;
			/* Nothing cools down here. */
			if (mean - from[r][c] > largest)
				largest = mean - from[r][c];
			to[r][c] = mean;
		}
	}
	return largest;
}

/* What one of the processes does while the others are at the barrier */
static void next_step(struct plate *p)
{
	double (*done)[COLUMNS] = p->to;

	pthread_mutex_lock(&p->mutex);
	p->to = p->from;
	p->from = done;
	p->last_change = p->change;
	p->change = 0;
	p->step++;
	p->finished = p->step == p->steps;
	if (p->finished || p->step % REPORT_STEPS == 0)
		pthread_cond_broadcast(&p->progress);
	pthread_mutex_unlock(&p->mutex);
}

static void compute(struct plate *p, unsigned int me)
{
	unsigned int first = p->rows * me / p->processes;
	unsigned int end = p->rows * (me + 1) / p->processes;
	unsigned int r, c;

	for (r = first; r < end; r++) {
		for (c = 0; c < COLUMNS; c++) {
			p->from[r][c] = r ? 0 : HOT;
			p->to[r][c] = p->from[r][c];
		}
	}
	pthread_barrier_wait(&p->barrier);

	/* The edges of the plate stay as they are. */
	first += first == 0;
	end -= end == p->rows;
	while (!p->finished) {
		double change = relax(p->to, p->from, first, end);

		/* A sum would depend on who comes first; a maximum does not. */
		pthread_mutex_lock(&p->mutex);
		if (change > p->change)
			p->change = change;
		pthread_mutex_unlock(&p->mutex);

		if (pthread_barrier_wait(&p->barrier) ==
		    PTHREAD_BARRIER_SERIAL_THREAD)
			next_step(p);
		pthread_barrier_wait(&p->barrier);
	}
}

static void watch(struct plate *p, bool verbose)
{
	pthread_mutex_lock(&p->mutex);
	while (!p->finished) {
		pthread_cond_wait(&p->progress, &p->mutex);
		if (verbose)
			fprintf(stderr, "step %u: %g\n", p->step,
				p->last_change);
	}
	pthread_mutex_unlock(&p->mutex);
}

/* Of all bits of the plate: FNV-1a, a word at a time */
static uint64_t checksum(const struct plate *p)
{
	uint64_t sum = 0xcbf29ce484222325, word;
	unsigned int r, c;

	for (r = 0; r < p->rows; r++) {
		for (c = 0; c < COLUMNS; c++) {
			memcpy(&word, &p->from[r][c], sizeof(word));
			sum = (sum ^ word) * 0x100000001b3;
		}
	}
	return sum;
}

/* Start these processes and wait for the end of all. */
static int run(struct plate *p, unsigned int first, unsigned int last,
	       bool verbose)
{
	int status, worst = 0;
	unsigned int me;

	for (me = first; me <= last; me++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (!pid) {
			compute(p, me);
			_exit(0);
		}
	}
	watch(p, verbose);
	while (wait(&status) > 0)
		worst |= status;
	printf("%u steps, last change %a, checksum %016llx\n", p->step,
	       p->last_change, (unsigned long long)checksum(p));
	return worst != 0;
}

int main(int argc, char **argv)
{
	unsigned long value[CHAR_MAX + 1] = {
		['p'] = 4, ['l'] = ULONG_MAX, ['r'] = 512, ['s'] = 500,
	};
	struct plate *p;
	int opt, fd, result;
	size_t size;

	while ((opt = getopt(argc, argv, "p:f:l:r:s:o:v")) != -1)
		value[opt] = optarg ? strtoul(optarg, NULL, 0) : 1;
	if (value['l'] == ULONG_MAX)
		value['l'] = value['p'] - 1;
	if (value['?'] || optind != argc - 1 || value['f'] > value['l'] ||
	    value['l'] >= value['p'] || value['r'] < 3 || !value['s']) {
		fprintf(stderr, "usage: heat [-p PROCESSES] [-f FIRST] [-l LAST] [-r ROWS] [-s STEPS] [-o OFFSET] [-v] FILE\n");
		return 2;
	}

	size = sizeof(*p) + 2 * value['r'] * sizeof(p->point[0]);
	fd = open(argv[optind], O_RDWR);
	if (fd < 0)
		fail(argv[optind]);
	if (lseek(fd, 0, SEEK_END) < (off_t)(value['o'] + size)) {
		fprintf(stderr, "heat: %s is too small\n", argv[optind]);
		return 1;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 value['o']);
	if (p == MAP_FAILED)
		fail("mmap");
	if (value['f'] == 0)
		plate_make(p, value['p'], value['r'], value['s']);
	p = plate_join(p, fd, value['o'], size);
	result = run(p, value['f'], value['l'], value['v']);
	plate_leave(p);
	return result;
}
