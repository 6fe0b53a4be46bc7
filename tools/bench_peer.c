// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: the servers, which do on other nodes what a measure asks for, and
 * the connections to them
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define THREADS_MAX	16

/* One connection to this node's server */
struct client {
	const struct memory *m;
	uint16_t port;
	int fd;
};

/* What one of several threads does */
struct job {
	pthread_t thread;
	const struct memory *m;
	const struct request *rq;
	struct pages part;
	int fd;
	bool good;
};

/* ---- where nodes are ---- */

/* "10.0.0.1:7424" and "[fd00::1]:7424" without the port and the brackets */
static void cut_host(char *address)
{
	char *colon = strrchr(address, ':');
	char *bracket = strchr(address, ']');

	if (colon)
		*colon = '\0';
	if (bracket) {
		*bracket = '\0';
		memmove(address, address + 1, strlen(address));
	}
}

/* Where a node is, which the module knows: the host of an address of its own */
static void host_of(const struct memory *m, const char *attr, char *host)
{
	if (dsm_attr_read(m->instance, attr, host, DSM_ATTR_MAX))
		die("%s", dsm_error());
	cut_host(host);
}

/* A connection to the server on another node */
int peer_dial(const struct memory *m, uint32_t node, uint16_t port)
{
	char attr[64], host[DSM_ATTR_MAX];

	snprintf(attr, sizeof(attr), "nodes/%u/address", node);
	host_of(m, attr, host);
	return wire_dial(host, port);
}

/* ---- several threads at once ---- */

static void *fault_thread(void *argument)
{
	struct job *job = argument;

	pages_touch(job->m, &job->part, job->rq->how);
	job->good = true;
	return NULL;
}

static void *ask_thread(void *argument)
{
	struct job *job = argument;
	const struct request *rq = job->rq;

	job->good = wire_ask(job->fd, rq->in, rq->out, rq->count, NULL);
	return NULL;
}

/* Return: how long they took, in nanoseconds; 0 if one did not succeed. */
static uint64_t run_threads(struct job *jobs, unsigned int nr,
			    void *(*run)(void *argument))
{
	uint64_t begun = now_ns();
	bool good = true;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]))
			die("cannot make a thread: %m");
	}
	for (i = 0; i < nr; i++) {
		pthread_join(jobs[i].thread, NULL);
		good = good && jobs[i].good;
	}
	return good ? now_ns() - begun : 0;
}

static uint64_t do_fault(struct client *c, const struct request *rq)
{
	struct job jobs[THREADS_MAX];
	unsigned int i;

	for (i = 0; i < rq->threads; i++) {
		jobs[i] = (struct job) {
			.m = c->m,
			.rq = rq,
			.part = pages_part(&rq->pages, i, rq->threads),
		};
	}
	return run_threads(jobs, rq->threads, fault_thread);
}

/* Its answering side is in this same file, on the node that is asked. */
static uint64_t do_ask(struct client *c, const struct request *rq)
{
	const struct request answer = {
		.op = OP_ANSWER,
		.in = rq->in,
		.out = rq->out,
		.count = rq->count,
	};
	struct job jobs[THREADS_MAX];
	uint64_t ns = 0;
	bool good = true;
	unsigned int i;

	for (i = 0; i < rq->threads; i++) {
		jobs[i] = (struct job) {
			.rq = rq,
			.fd = peer_dial(c->m, rq->node, c->port),
		};
		good = good && wire_send(jobs[i].fd, &answer, sizeof(answer));
	}
	if (good)
		ns = run_threads(jobs, rq->threads, ask_thread);
	for (i = 0; i < rq->threads; i++)
		close(jobs[i].fd);
	return ns;
}

/* ---- the server ---- */

static void fail(struct reply *re, const char *text)
{
	re->error = 1;
	snprintf(re->text, sizeof(re->text), "%s", text);
}

static void carry_out(struct client *c, const struct request *rq,
		      struct reply *re)
{
	char text[TEXT_CHARS];

	if (rq->threads > THREADS_MAX) {
		fail(re, "too many threads");
		return;
	}
	switch (rq->op) {
	case OP_TOUCH:
		pages_touch(c->m, &rq->pages, rq->how);
		break;
	case OP_EXPECT:
		if (!pages_are(c->m, &rq->pages, rq->state, rq->owner, text))
			fail(re, text);
		break;
	case OP_UNTOUCHED:
		re->value = pages_untouched(c->m);
		break;
	case OP_SLAB:
		re->value = slab_bytes(c->m);
		break;
	case OP_FAULT:
		re->value = do_fault(c, rq);
		break;
	case OP_ASK:
		re->value = do_ask(c, rq);
		if (!re->value)
			fail(re, "the exchanges broke off");
		break;
	case OP_TURNS:
		if (!turns_follow(c->m, c->fd, rq))
			fail(re, "the turns broke off");
		break;
	case OP_QUIT:
		break;
	default:
		fail(re, "no such request");
	}
}

/* Plain exchanges have no reply, lest it be measured. */
static bool serve(struct client *c, const struct request *rq)
{
	struct reply re = { .error = 0 };

	if (rq->op == OP_ANSWER)
		return wire_answer(c->fd, rq->in, rq->out, rq->count);
	if (rq->op == OP_POUR)
		return wire_pour(c->fd, rq->out);
	carry_out(c, rq, &re);
	if (!wire_send(c->fd, &re, sizeof(re)))
		return false;
	if (rq->op == OP_QUIT)
		exit(0);
	return true;
}

static void *client_thread(void *argument)
{
	struct client *c = argument;
	struct request rq;

	while (wire_receive(c->fd, &rq, sizeof(rq)) && serve(c, &rq))
		;
	close(c->fd);
	free(c);
	return NULL;
}

static void start_thread(void *(*run)(void *argument), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument))
		die("cannot make a thread: %m");
	pthread_detach(thread);
}

static void *accept_thread(void *argument)
{
	struct client *listener = argument;
	struct client *c;

	for (;;) {
		c = malloc(sizeof(*c));
		if (!c)
			die("no memory for a client");
		*c = *listener;
		c->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		if (c->fd < 0)
			die("cannot accept: %m");
		start_thread(client_thread, c);
	}
	return NULL;
}

/* Serve all who come, in the background or for ever. */
void peer_serve(const struct memory *m, uint16_t port, bool background)
{
	static struct client listener;
	char host[DSM_ATTR_MAX];

	host_of(m, "listen", host);
	listener = (struct client) {
		.m = m,
		.port = port,
		.fd = wire_listen(host, port),
	};
	if (background)
		start_thread(accept_thread, &listener);
	else
		accept_thread(&listener);
}

/* ---- those who ask it ---- */

void peer_request(struct peer *p, const struct request *rq)
{
	if (!wire_send(p->control, rq, sizeof(*rq)))
		die("node %u: its server is gone", p->node);
}

uint64_t peer_reply(struct peer *p)
{
	struct reply re;

	if (!wire_receive(p->control, &re, sizeof(re)))
		die("node %u: its server is gone", p->node);
	if (re.error)
		die("node %u: %.*s", p->node, TEXT_CHARS, re.text);
	return re.value;
}

uint64_t peer_call(struct peer *p, const struct request *rq)
{
	peer_request(p, rq);
	return peer_reply(p);
}
