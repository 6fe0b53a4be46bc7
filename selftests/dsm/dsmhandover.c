// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hands a turn round the nodes, with a mutex and a condition variable of the C
 * library in the region:
 *
 *	dsmhandover [-d INSTANCE] -i NODE -n NODES -l LAPS OFFSET
 *
 * NODE 0 makes them, on a page of zeros at OFFSET. Everybody but who has the
 * turn sleeps. A lap is as long as the longest sleep in it at least, so the
 * longest lap bounds how long anybody slept past the change. Prints it, and the
 * mean of a hand-over, in microseconds.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dsmtest.h"

struct turns {
	unsigned int ready;
	unsigned int turn;
	uint64_t handed;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
};

static void turns_init(struct turns *t)
{
	monitor_init(&t->mutex, &t->cond);
	__atomic_store_n(&t->ready, 1, __ATOMIC_RELEASE);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* Wait for the turn and hand it on. */
static void take_turn(struct turns *t, unsigned int me, unsigned int nodes)
{
	pthread_mutex_lock(&t->mutex);
	while (t->turn != me)
		pthread_cond_wait(&t->cond, &t->mutex);
	t->turn = (me + 1) % nodes;
	t->handed++;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->mutex);
}

static void run(struct turns *t, unsigned int me, unsigned int nodes,
		uint64_t laps)
{
	uint64_t begin = 0, last = 0, longest = 0, i;

	for (i = 0; i < laps; i++) {
		uint64_t now;

		take_turn(t, me, nodes);
		now = now_us();
		if (!i)
			begin = now;
		else if (now - last > longest)
			longest = now - last;
		last = now;
	}
	printf("longest %" PRIu64 " mean %" PRIu64 "\n", longest,
	       (last - begin) / ((laps - 1) * nodes));
}

int main(int argc, char **argv)
{
	uint64_t me = 0, nodes = 0, laps = 0, offset;
	const char *instance = NULL;
	struct turns *t;
	int opt, fd;

	while ((opt = getopt(argc, argv, "d:i:n:l:")) != -1) {
		switch (opt) {
		case 'd':
			instance = optarg;
			break;
		case 'i':
			me = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			nodes = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			laps = strtoull(optarg, NULL, 0);
			break;
		default:
			nodes = 0;
			optind = argc;
		}
	}
	if (optind != argc - 1 || !nodes || me >= nodes || laps < 2) {
		fprintf(stderr, "usage: dsmhandover [-d INSTANCE] -i NODE -n NODES -l LAPS OFFSET\n");
		return 2;
	}
	offset = strtoull(argv[optind], NULL, 0);

	fd = dsm_open(instance);
	t = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED, fd, offset);
	if (t == MAP_FAILED) {
		perror("dsmhandover");
		return 1;
	}
	if (!me)
		turns_init(t);
	if (!wait_for(__atomic_load_n(&t->ready, __ATOMIC_ACQUIRE))) {
		fprintf(stderr, "dsmhandover: node 0 does not come\n");
		return 1;
	}
	run(t, me, nodes, laps);
	return 0;
}
