// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network as the session layer shows it: between two nodes, each message
 * arrives once and in order, some day. A broken connection that is resumed is
 * one direction that stalls for long. What was on its way from a node when its
 * memory was lost may still arrive, until the receiver learns of the loss.
 */
#include <stdlib.h>

#include "sim.h"

/* A stall, once in so many messages, in microseconds. */
#define STALL_IN	200
#define STALL_US	50000

static u64 *last;		/* latest arrival so far, of each pair */
static bool *deaf;		/* [receiver][sender]: the sender is lost */
static struct net_packet *unused;

void net_init(void)
{
	last = calloc((size_t)sim.nodes * sim.nodes, sizeof(*last));
	deaf = calloc((size_t)sim.nodes * sim.nodes, sizeof(*deaf));
	if (!last || !deaf)
		abort();
}

static struct net_packet *packet_get(void)
{
	struct net_packet *p = unused;

	if (p) {
		unused = p->free;
		return p;
	}
	p = malloc(sizeof(*p));
	if (!p)
		abort();
	return p;
}

static void packet_put(struct net_packet *p)
{
	p->free = unused;
	unused = p;
}

void net_send(u16 from, u16 to, const struct dsm_msg *msg, const u64 *words)
{
	u64 *arrives = &last[from * sim.nodes + to];
	u64 at = world_now + 1 + world_random(sim.delay_us);
	struct net_packet *p = packet_get();

	if (sim.faults && world_chance(STALL_IN))
		at += world_random(STALL_US);
	if (at < *arrives)
		at = *arrives;
	*arrives = at;

	p->msg = *msg;
	memset(p->words, 0, sizeof(p->words));
	if (words)
		memcpy(p->words, words, sizeof(p->words));
	world_at(at, (struct world_event) {
		.kind = WORLD_MESSAGE, .from = from, .who = to, .packet = p,
	});
}

/* Return: false if the message goes to a node that does not listen any more */
bool net_receive(const struct world_event *ev, struct dsm_msg *msg,
		 u64 *words)
{
	*msg = ev->packet->msg;
	memcpy(words, ev->packet->words, sizeof(ev->packet->words));
	packet_put(ev->packet);
	return !deaf[ev->who * sim.nodes + ev->from];
}

/* Node @at takes nothing any more that comes from @lost. */
void net_lose(u16 at, u16 lost)
{
	deaf[at * sim.nodes + lost] = true;
}

u64 net_longest_delay(void)
{
	return 1 + sim.delay_us + (sim.faults ? STALL_US : 0);
}

void net_exit(void)
{
	while (unused) {
		struct net_packet *p = unused;

		unused = p->free;
		free(p);
	}
	free(last);
	free(deaf);
}
