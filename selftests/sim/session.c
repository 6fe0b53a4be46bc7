// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session between two nodes, which outlives their connections: as in
 * kmod/session.c, a message has a number and is kept until the other side says
 * that it came. When a connection is made again, both say what they have, and
 * the rest is sent again. So between two nodes each message arrives once and in
 * order, some day; a broken connection is a gap in time and nothing else.
 *
 * What was on its way from a node when its memory was lost may still arrive,
 * until the receiver learns of the loss.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

/* Messages taken without one going back, until an acknowledgement does. */
#define ACK_EVERY	32

/**
 * struct direction - what one node sends to another
 * @first:	the oldest message that is not acknowledged
 * @last:	the newest
 * @sent:	number of the newest
 * @taken:	number of the last one that the receiver took
 * @unsaid:	taken since the receiver last said what it has
 * @deaf:	the receiver knows that the sender has lost its memory
 */
struct direction {
	struct session_packet *first;
	struct session_packet *last;
	u64 sent;
	u64 taken;
	u32 unsaid;
	bool deaf;
};

static struct direction *directions;	/* [sender][receiver] */
static struct session_packet *unused;
static u64 repeated;

static struct direction *direction(u16 from, u16 to)
{
	return &directions[from * sim.nodes + to];
}

void session_init(void)
{
	directions = calloc((size_t)sim.nodes * sim.nodes, sizeof(*directions));
	if (!directions)
		abort();
}

static struct session_packet *packet_get(void)
{
	struct session_packet *p = unused;

	if (p) {
		unused = p->next;
		return p;
	}
	p = malloc(sizeof(*p));
	if (!p)
		abort();
	return p;
}

/* What @from sent up to number @ack has come. */
static void take_acked(u16 from, u16 to, u64 ack)
{
	struct direction *d = direction(from, to);

	while (d->first && d->first->seq <= ack) {
		struct session_packet *p = d->first;

		d->first = p->next;
		p->next = unused;
		unused = p;
	}
}

static void transmit(u16 from, u16 to, struct session_packet *p)
{
	struct direction *back = direction(to, from);

	if (p)
		p->ack = back->taken;
	back->unsaid = 0;
	net_transmit(from, to, p, back->taken);
}

void session_send(u16 from, u16 to, const struct dsm_msg *msg,
		  const u64 *words)
{
	struct direction *d = direction(from, to);
	struct session_packet *p = packet_get();

	p->next = NULL;
	p->seq = ++d->sent;
	p->msg = *msg;
	memset(p->words, 0, sizeof(p->words));
	if (words)
		memcpy(p->words, words, sizeof(p->words));

	if (d->first)
		d->last->next = p;
	else
		d->first = p;
	d->last = p;
	if (net_up(from, to))
		transmit(from, to, p);
}

/* Return: false if there is no message in it, or none that is listened to */
bool session_receive(const struct world_event *ev, struct dsm_msg *msg,
		     u64 *words)
{
	struct direction *d = direction(ev->from, ev->who);
	const struct session_packet *p = ev->packet;

	if (d->deaf || !net_arrived(ev))
		return false;
	take_acked(ev->who, ev->from, p ? p->ack : ev->stamp);
	if (!p)
		return false;

	if (p->seq != d->taken + 1)
		sim_fail("node %u got message %llu of node %u after %llu",
			 ev->who, (unsigned long long)p->seq, ev->from,
			 (unsigned long long)d->taken);
	d->taken++;
	*msg = p->msg;
	memcpy(words, p->words, sizeof(p->words));
	if (++d->unsaid >= ACK_EVERY && net_up(ev->who, ev->from))
		transmit(ev->who, ev->from, NULL);
	return true;
}

/* Take one direction up where its connection broke off. */
void session_resume(u16 from, u16 to)
{
	struct direction *d = direction(from, to);
	struct session_packet *p;

	take_acked(from, to, d->taken);
	for (p = d->first; p && net_up(from, to); p = p->next) {
		repeated++;
		transmit(from, to, p);
	}
}

/* Node @at takes nothing any more that comes from @lost. */
void session_lose(u16 at, u16 lost)
{
	direction(lost, at)->deaf = true;
}

/* Nothing will happen any more: all has come that could. */
void session_end(void)
{
	u32 from, to;

	for (from = 0; from < sim.nodes; from++) {
		for (to = 0; to < sim.nodes; to++) {
			const struct direction *d = direction(from, to);

			if (d->taken != d->sent && !cluster_crashed(from) &&
			    !cluster_crashed(to))
				sim_fail("node %u never got what node %u sent",
					 to, from);
		}
	}
}

void session_report(void)
{
	if (repeated)
		printf("# %llu messages sent once more over a new connection\n",
		       (unsigned long long)repeated);
}

static void free_list(struct session_packet *p)
{
	while (p) {
		struct session_packet *next = p->next;

		free(p);
		p = next;
	}
}

void session_exit(void)
{
	u32 i;

	for (i = 0; i < sim.nodes * sim.nodes; i++)
		free_list(directions[i].first);
	free_list(unused);
	free(directions);
}
