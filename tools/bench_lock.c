// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: process-shared mutexes of the C library, handed from node to node
 *
 * Two threads go round three mutexes. Each always holds one, locks the next,
 * and then unlocks the one it held. So each waits for what the other unlocks,
 * in turns, and never gets a mutex that was free. In what one clock sees from
 * one turn to the next there are two hand-overs.
 */
#include <pthread.h>

#include "bench.h"

#define MUTEXES		3
/* Neighbours count as one access that spans them. */
#define APART		(2 * PAGE)
#define BLOCKS		4
#define LAPS_PER_SAMPLE	2	/* hand-overs */

struct monitor {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int turn;
};

static pthread_mutex_t *mutex_at(const struct memory *m, uint64_t offset,
				 unsigned int number)
{
	return (void *)(m->map + offset + number % MUTEXES * APART);
}

static struct monitor *monitor_at(const struct memory *m, uint64_t offset)
{
	return (void *)(m->map + offset);
}

static void mutex_make(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attr);
}

static void turns_make(const struct memory *m, uint64_t offset,
		       enum turns kind)
{
	struct monitor *monitor = monitor_at(m, offset);
	pthread_condattr_t attr;
	unsigned int i;

	if (kind == TURNS_MUTEX) {
		for (i = 0; i < MUTEXES; i++)
			mutex_make(mutex_at(m, offset, i));
		return;
	}
	mutex_make(&monitor->mutex);
	pthread_condattr_init(&attr);
	pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&monitor->cond, &attr);
}

static void pass_mutex(const struct memory *m, uint64_t offset,
		       unsigned int held)
{
	pthread_mutex_lock(mutex_at(m, offset, held + 1));
	pthread_mutex_unlock(mutex_at(m, offset, held));
}

static void pass_turn(struct monitor *monitor, unsigned int me)
{
	pthread_mutex_lock(&monitor->mutex);
	while (monitor->turn != me)
		pthread_cond_wait(&monitor->cond, &monitor->mutex);
	monitor->turn = !me;
	pthread_cond_signal(&monitor->cond);
	pthread_mutex_unlock(&monitor->mutex);
}

static void turns_run(const struct memory *m, const struct request *rq,
		      unsigned int me, struct samples *s)
{
	uint64_t begun = now_ns(), now, i;

	for (i = 0; i < rq->count; i++) {
		if (rq->kind == TURNS_MUTEX)
			pass_mutex(m, rq->offset, me + i);
		else
			pass_turn(monitor_at(m, rq->offset), me);
		if (!s)
			continue;
		now = now_ns();
		samples_add(s, (now - begun) / LAPS_PER_SAMPLE);
		begun = now;
	}
	if (rq->kind == TURNS_MUTEX)
		pthread_mutex_unlock(mutex_at(m, rq->offset, me + i));
}

/* The part of the other node; a byte says when it has its first mutex. */
bool turns_follow(const struct memory *m, int fd, const struct request *rq)
{
	if (rq->kind == TURNS_MUTEX)
		pthread_mutex_lock(mutex_at(m, rq->offset, 1));
	if (!wire_send(fd, "", 1))
		return false;
	turns_run(m, rq, 1, NULL);
	return true;
}

static void turns_lead(struct bench *b, const struct request *rq,
		       struct samples *s)
{
	struct peer *p = &b->peers[0];
	char ready;

	if (rq->kind == TURNS_MUTEX)
		pthread_mutex_lock(mutex_at(&b->mem, rq->offset, 0));
	peer_request(p, rq);
	if (!wire_receive(p->control, &ready, 1))
		die("node %u: its server is gone", p->node);
	turns_run(&b->mem, rq, 0, s);
	peer_reply(p);
}

static void measure(struct bench *b, struct result *r, enum turns kind,
		    double goal)
{
	struct pages set = stage_homed(b, b->peers[0].node, MUTEXES * 2);
	const struct request rq = {
		.op = OP_TURNS,
		.kind = kind,
		.offset = pages_offset(&set, 0),
		.count = b->count / BLOCKS / LAPS_PER_SAMPLE,
	};
	unsigned int i;

	turns_make(&b->mem, rq.offset, kind);
	for (i = 0; i < BLOCKS; i++) {
		stage_exchange(&b->peers[0], SMALL, SMALL, rq.count, &r->yard);
		turns_lead(b, &rq, &r->ours);
		stage_exchange(&b->peers[0], SMALL, SMALL, rq.count, &r->yard);
	}
	figure_add_percentile(r, 50, goal);
}

void measure_handover(struct bench *b, struct result *r)
{
	measure(b, r, TURNS_MUTEX, 3);
}

void measure_handover_cond(struct bench *b, struct result *r)
{
	measure(b, r, TURNS_COND, 0);
}
