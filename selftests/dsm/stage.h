/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes whose processes have thread ids of their own, as on machines apart, and
 * a mutex that these processes share. The nodes are PID namespaces.
 */
#ifndef STAGE_H
#define STAGE_H

#include "dsmtest.h"

#define NODES		3
#define ACTORS_MAX	6
#define TURNS		40
#define NO_ANSWER	(-1)

/**
 * struct kind - one way to make a mutex
 * @type:	PTHREAD_MUTEX_...
 * @robust:	whoever comes after an owner that died is told so
 * @protocol:	PTHREAD_PRIO_...
 * @checks:	only the owner can unlock it
 */
struct kind {
	int type;
	bool robust;
	int protocol;
	bool checks;
};

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int count;
};

/* What an actor, a process of a node, can be told to do */
enum command {
	LOCK,
	TRYLOCK,
	TIMEDLOCK,	/* for a second */
	UNLOCK,
	CONSISTENT,
	WAIT,		/* for the condition, with the mutex locked */
	SIGNAL,
	ADD,		/* to the counter, TURNS times, under the mutex */
	EXIT,
};

struct actor {
	pid_t pid;
	int fd;
};

/**
 * struct stage - nodes with actors
 * @c:		the cluster
 * @at:		where the mutex is
 * @outside:	the test's own PID namespace
 * @inside:	one for each node
 * @init:	the first process of each, so that it lasts
 * @actor:	all actors, also those that are dead
 * @actors:	how many
 */
struct stage {
	struct cluster c;
	uint64_t at;
	int outside;
	int inside[NODES];
	pid_t init[NODES];
	struct actor actor[ACTORS_MAX];
	unsigned int actors;
};

int shared_init(struct shared *s, const struct kind *kind);
struct shared *seen_by(const struct stage *st, unsigned int node);

int stage_open(struct stage *st, bool apart);
void stage_close(struct stage *st);

struct actor *actor(struct stage *st, unsigned int node);
void begin(const struct actor *a, enum command command);
int answer(const struct actor *a);
int ask(const struct actor *a, enum command command);
bool sleeps(const struct actor *a);
int end_of(struct actor *a);
int slay(struct actor *a);

#endif /* STAGE_H */
