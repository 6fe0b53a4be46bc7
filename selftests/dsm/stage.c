// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes whose processes have thread ids of their own, and what these processes
 * do with a mutex that they share.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "stage.h"

/* Thread ids of one node, if they are to be apart */
#define IDS		1000

/* Returns an error if the C library has no such mutex. */
int shared_init(struct shared *s, const struct kind *kind)
{
	pthread_mutexattr_t attr;
	int err;

	monitor_init(&s->mutex, &s->cond);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_settype(&attr, kind->type);
	if (kind->robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	err = pthread_mutexattr_setprotocol(&attr, kind->protocol);
#ifdef __GLIBC__
	if (kind->protocol == PTHREAD_PRIO_PROTECT)
		pthread_mutexattr_setprioceiling(&attr, 1);
#endif
	s->count = 0;
	return err ?: pthread_mutex_init(&s->mutex, &attr);
}

/* ---- actors ---- */

static int timedlock(struct shared *s)
{
	struct timespec t;

	/* The time is for the mutex, not for the page that it is on. */
	__atomic_fetch_add(&s->count, 0, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	return pthread_mutex_timedlock(&s->mutex, &t);
}

static int add(struct shared *s)
{
	unsigned int i, before;
	int err;

	for (i = 0; i < TURNS; i++) {
		err = pthread_mutex_lock(&s->mutex);
		if (err)
			return err;
		before = s->count;
		if (i % 8 == 0)
			sched_yield();
		s->count = before + 1;
		err = pthread_mutex_unlock(&s->mutex);
		if (err)
			return err;
	}
	return 0;
}

static int obey(enum command command, struct shared *s)
{
	switch (command) {
	case LOCK:
		return pthread_mutex_lock(&s->mutex);
	case TRYLOCK:
		return pthread_mutex_trylock(&s->mutex);
	case TIMEDLOCK:
		return timedlock(s);
	case UNLOCK:
		return pthread_mutex_unlock(&s->mutex);
	case CONSISTENT:
		return pthread_mutex_consistent(&s->mutex);
	case WAIT:
		return pthread_cond_wait(&s->cond, &s->mutex);
	case SIGNAL:
		return pthread_cond_signal(&s->cond);
	case ADD:
		return add(s);
	case EXIT:
		break;
	}
	_exit(0);
}

static void act(int fd, struct shared *s)
{
	char command;
	int result;

	while (read(fd, &command, 1) == 1) {
		result = obey(command, s);
		if (write(fd, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

/* Tell an actor to begin with something. */
void begin(const struct actor *a, enum command command)
{
	char byte = command;

	if (write(a->fd, &byte, 1) != 1)
		abort();
}

/* What came of it; NO_ANSWER if the actor is dead, or still at it. */
int answer(const struct actor *a)
{
	struct pollfd poll_for = { .fd = a->fd, .events = POLLIN };
	int result;

	if (poll(&poll_for, 1, 2 * PATIENCE_MS) != 1 ||
	    read(a->fd, &result, sizeof(result)) != sizeof(result))
		return NO_ANSWER;
	return result;
}

int ask(const struct actor *a, enum command command)
{
	begin(a, command);
	return answer(a);
}

bool sleeps(const struct actor *a)
{
	return wait_for(sleeps_in(a->pid, SYS_futex));
}

/* ---- the stage ---- */

static int open_pid_ns(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The next process of this PID namespace has the id @first, or a later one. */
static void ids_begin_at(unsigned int first)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	pid_t pid = 1, last = first / IDS * ACTORS_MAX;

	if (fd >= 0) {
		dprintf(fd, "%u", first - 1);
		close(fd);
		return;
	}
	/* A kernel without it: use up as many as the actors here can be. */
	while (pid > 0 && pid < last) {
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* The first process of a node. Without it no other can begin there. */
static int be_init(int ready, unsigned int first)
{
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (first)
		ids_begin_at(first);
	if (write(ready, &byte, 1) != 1)
		return 1;
	for (;;)
		pause();
}

static int node_begin(struct stage *st, unsigned int node, bool apart)
{
	unsigned int first = apart ? IDS * (node + 1) : 0;
	int ready[2];
	char byte;
	int ok;

	if (unshare(CLONE_NEWPID) || pipe(ready))
		return -1;
	st->init[node] = fork();
	if (!st->init[node])
		_exit(be_init(ready[1], first));
	close(ready[1]);
	ok = read(ready[0], &byte, 1);
	close(ready[0]);
	st->inside[node] = open_pid_ns(st->init[node]);
	if (setns(st->outside, CLONE_NEWPID))
		return -1;
	return ok == 1 && st->inside[node] >= 0 ? 0 : -1;
}

struct shared *seen_by(const struct stage *st, unsigned int node)
{
	return (struct shared *)(st->c.node[node].map + st->at);
}

/* Another process of a node, with the next of its ids */
struct actor *actor(struct stage *st, unsigned int node)
{
	struct actor *a = &st->actor[st->actors];
	int ends[2];

	if (st->actors == ACTORS_MAX || setns(st->inside[node], CLONE_NEWPID) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		abort();
	a->pid = fork();
	if (!a->pid) {
		close(ends[0]);
		act(ends[1], seen_by(st, node));
	}
	if (a->pid < 0 || setns(st->outside, CLONE_NEWPID))
		abort();
	close(ends[1]);
	a->fd = ends[0];
	st->actors++;
	return a;
}

/* Wait for an actor's end. Returns the signal that it died of, or 0. */
int end_of(struct actor *a)
{
	int status;

	if (!wait_for(waitpid(a->pid, &status, WNOHANG) == a->pid) &&
	    !wait_for(waitpid(a->pid, &status, WNOHANG) == a->pid))
		return NO_ANSWER;
	a->pid = 0;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int slay(struct actor *a)
{
	kill(a->pid, SIGKILL);
	return end_of(a);
}

/* Returns 0, or an error if the kernel has no PID namespaces. */
int stage_open(struct stage *st, bool apart)
{
	unsigned int i;

	if (cluster_open(&st->c) || st->c.nr < NODES || cluster_map(&st->c))
		return -1;
	st->at = fresh_at(&st->c, 1);
	st->outside = open_pid_ns(getpid());
	for (i = 0; i < NODES; i++)
		if (node_begin(st, i, apart))
			return -1;
	return 0;
}

void stage_close(struct stage *st)
{
	unsigned int i;

	for (i = 0; i < st->actors; i++)
		if (st->actor[i].pid)
			slay(&st->actor[i]);
	for (i = 0; i < NODES; i++)
		if (st->init[i] > 0) {
			kill(st->init[i], SIGKILL);
			waitpid(st->init[i], NULL, 0);
		}
	cluster_close(&st->c);
}
