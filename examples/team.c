// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "team.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

void job_parse(struct job *job, int argc, char **argv, const char *options,
	       const char *usage)
{
	unsigned long *value = job->value;
	char all[64];
	int opt;

	if (!value['p'])
		value['p'] = 4;
	value['l'] = ULONG_MAX;
	snprintf(all, sizeof(all), "p:f:l:o:%s", options);
	while ((opt = getopt(argc, argv, all)) != -1)
		value[opt] = optarg ? strtoul(optarg, NULL, 0) : 1;
	if (value['l'] == ULONG_MAX)
		value['l'] = value['p'] - 1;
	if (value['?'] || optind != argc - 1 || value['f'] > value['l'] ||
	    value['l'] >= value['p']) {
		fprintf(stderr, "usage: %s [-p PROCESSES] [-f FIRST] [-l LAST] [-o OFFSET] %s FILE\n",
			argv[0], usage);
		exit(2);
	}
	job->file = argv[optind];
}

/* ---- what is shared ---- */

static void team_make(struct team *t, unsigned int processes)
{
	pthread_barrierattr_t barrier;
	pthread_mutexattr_t mutex;

	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&t->barrier, &barrier, processes);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&t->mutex, &mutex);
	t->processes = processes;
	t->users = 0;
}

/* Wait until it is made, and map it at the address that it has there. */
static struct team *team_find(struct team *t, int fd, off_t offset, size_t size)
{
	struct team *self;

	/* There is nothing to sleep on yet. */
	while (!(self = __atomic_load_n(&t->self, __ATOMIC_ACQUIRE)))
		usleep(1000);
	if (self != t) {
		munmap(t, size);
		t = mmap(self, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);
		if (t == MAP_FAILED)
			fail("the address is taken");
	}
	return t;
}

struct team *team_join(const struct job *job, size_t size,
		       void (*make)(struct team *t, const struct job *job))
{
	int fd = open(job->file, O_RDWR);
	off_t offset = job->value['o'];
	struct team *t;

	if (fd < 0)
		fail(job->file);
	if (lseek(fd, 0, SEEK_END) < (off_t)(offset + size)) {
		fprintf(stderr, "%s is too small: %zu bytes are needed\n",
			job->file, size);
		exit(1);
	}
	t = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (t == MAP_FAILED)
		fail("mmap");
	if (job->value['f'] == 0) {
		team_make(t, job->value['p']);
		if (make)
			make(t, job);
		/* That it is set tells the others that all is made. */
		__atomic_store_n(&t->self, t, __ATOMIC_RELEASE);
	}
	t = team_find(t, fd, offset, size);
	pthread_mutex_lock(&t->mutex);
	t->users++;
	pthread_mutex_unlock(&t->mutex);
	return t;
}

void team_leave(struct team *t)
{
	bool last;

	pthread_mutex_lock(&t->mutex);
	last = !--t->users;
	pthread_mutex_unlock(&t->mutex);
	if (last)
		__atomic_store_n(&t->self, NULL, __ATOMIC_RELEASE);
}

/* ---- time ---- */

/* Of this process, in seconds: in all, and on the processor */
struct spent {
	double wall;
	double cpu;
};

static struct spent started, waited;

static struct spent spent(void)
{
	struct timespec wall, cpu;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (struct spent) {
		.wall = wall.tv_sec + wall.tv_nsec / 1e9,
		.cpu = cpu.tv_sec + cpu.tv_nsec / 1e9,
	};
}

_Bool team_wait(struct team *t)
{
	struct spent begin = spent(), end;
	int result = pthread_barrier_wait(&t->barrier);

	end = spent();
	waited.wall += end.wall - begin.wall;
	waited.cpu += end.cpu - begin.cpu;
	return result == PTHREAD_BARRIER_SERIAL_THREAD;
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static void time_report(unsigned int me)
{
	struct spent all = spent();
	struct rusage use;
	double away;

	all.wall -= started.wall;
	all.cpu -= started.cpu;
	/* The two clocks may differ by a tick. */
	away = all.wall - waited.wall - (all.cpu - waited.cpu);
	if (away < 0)
		away = 0;
	getrusage(RUSAGE_SELF, &use);
	fprintf(stderr, "process %u: wall %.3f user %.3f system %.3f away %.3f barrier %.3f minor %ld major %ld\n",
		me, all.wall, seconds(use.ru_utime), seconds(use.ru_stime),
		away, waited.wall, use.ru_minflt, use.ru_majflt);
}

/* ---- processes ---- */

int team_run(struct team *t, const struct job *job,
	     void (*compute)(struct team *t, unsigned int me))
{
	int status, worst = 0;
	unsigned long me;

	fprintf(stderr, "all is made\n");
	for (me = job->value['f']; me <= job->value['l']; me++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (!pid) {
			started = spent();
			compute(t, me);
			/* Whoever goes on finds all of the result. */
			team_wait(t);
			time_report(me);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		worst |= status;
	return worst != 0;
}

uint64_t checksum(uint64_t sum, const void *data, size_t size)
{
	const char *at = data, *end = at + size;
	uint64_t word;

	for (; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3;
	}
	word = 0;
	memcpy(&word, at, end - at);
	return (sum ^ word) * 0x100000001b3;
}
