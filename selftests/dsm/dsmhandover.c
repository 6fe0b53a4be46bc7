// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hands a turn round the nodes, with a mutex and a condition variable of the C
 * library in the region:
 *
 *	dsmhandover [-d INSTANCE] -i NODE -n NODES -l LAPS [-m LIMIT_MS] OFFSET
 *
 * NODE 0 makes them, on a page of zeros at OFFSET. Everybody but who has the
 * turn sleeps until it is his.
 *
 * How long somebody slept past the change he waited for cannot be measured
 * with two machines' clocks. But it is part of an absence that one clock sees:
 * from the moment when a node hands the turn on until it notices that it has it
 * back. In between each node, itself the last, did nothing but sleep past its
 * change and wake up. So no sleep was longer than the longest absence, on
 * whichever node, and that is what is printed, with the mean of a hand-over.
 *
 * With -m, it fails if an absence was longer than that, unless the machines
 * are overloaded: the mean is near the limit, too. A mean above it fails in any
 * case, and so does a sleep that does not end within PATIENCE_S. Nobody looks
 * after the sleepers before: to look at their page, or to send them a signal,
 * would wake them up.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dsmtest.h"

/* Far longer than an absence on a machine that has hardly any time for it */
#define PATIENCE_S	120

/* Machines are overloaded if the mean lap takes more than limit / OVERLOAD. */
#define OVERLOAD	10

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

static void on_alarm(int sig)
{
	static const char text[] = "dsmhandover: the turn does not come back\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(4);
	_exit(3);
}

/**
 * take_turn() - Wait for the turn and hand it on
 * @t:		who has the turn
 * @me:		this node
 * @nodes:	how many there are
 * @came:	is set to when this node knew that it has the turn
 * @went:	is set to when it handed it on
 */
static void take_turn(struct turns *t, unsigned int me, unsigned int nodes,
		      uint64_t *came, uint64_t *went)
{
	pthread_mutex_lock(&t->mutex);
	while (t->turn != me)
		pthread_cond_wait(&t->cond, &t->mutex);
	*came = now_us();
	t->handed++;
	*went = now_us();
	t->turn = (me + 1) % nodes;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->mutex);
}

/* Take part in all laps; returns whether nobody slept too long. */
static bool run(struct turns *t, unsigned int me, unsigned int nodes,
		uint64_t laps, uint64_t limit)
{
	uint64_t begin, came, went, last, lap, longest = 0, i;

	signal(SIGALRM, on_alarm);
	alarm(PATIENCE_S);
	take_turn(t, me, nodes, &begin, &last);
	for (i = 1; i < laps; i++) {
		alarm(PATIENCE_S);
		take_turn(t, me, nodes, &came, &went);
		if (came - last > longest)
			longest = came - last;
		last = went;
	}
	alarm(0);
	lap = (came - begin) / (laps - 1);
	printf("longest %" PRIu64 " mean %" PRIu64 "\n", longest, lap / nodes);
	return !limit || (lap <= limit &&
			  (longest <= limit || lap > limit / OVERLOAD));
}

int main(int argc, char **argv)
{
	uint64_t me = 0, nodes = 0, laps = 0, limit_ms = 0, offset;
	const char *instance = NULL;
	struct turns *t;
	int opt, fd;

	while ((opt = getopt(argc, argv, "d:i:n:l:m:")) != -1) {
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
		case 'm':
			limit_ms = strtoull(optarg, NULL, 0);
			break;
		default:
			nodes = 0;
			optind = argc;
		}
	}
	if (optind != argc - 1 || !nodes || me >= nodes || laps < 2) {
		fprintf(stderr, "usage: dsmhandover [-d INSTANCE] -i NODE -n NODES -l LAPS [-m LIMIT_MS] OFFSET\n");
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
	if (!run(t, me, nodes, laps, limit_ms * 1000)) {
		fprintf(stderr, "dsmhandover: somebody slept too long\n");
		return 1;
	}
	return 0;
}
