// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network: a connection between every two nodes, made again when it breaks.
 *
 * While a connection lasts, what is sent in one direction arrives in order.
 * When it breaks, all that is on its way in it is gone, in both directions;
 * what was sent in one life of a connection never arrives in another. The
 * session makes up for that.
 *
 * A WORLD_MESSAGE holds a packet and, as its page, the life that it belongs to;
 * an acknowledgement alone has no packet, and its number as the stamp.
 */
#include <stdlib.h>

#include "sim.h"

/**
 * struct connection - between two nodes
 * @life:	how often it broke
 * @down:	it is broken now
 * @arrival:	the latest arrival so far, to the higher and to the lower id
 */
struct connection {
	u32 life;
	bool down;
	u64 arrival[2];
};

static struct connection *connections;	/* [higher id][lower id] */

static struct connection *between(u16 a, u16 b)
{
	u32 high = a > b ? a : b;
	u32 low = a > b ? b : a;

	return &connections[high * (high - 1) / 2 + low];
}

void net_init(void)
{
	connections = calloc(sim.nodes * (sim.nodes - 1) / 2,
			     sizeof(*connections));
	if (!connections)
		abort();
}

bool net_up(u16 a, u16 b)
{
	return !between(a, b)->down;
}

static u64 arrival(u64 leaves, u64 earliest)
{
	u64 at = leaves + 1 + sim.wire_us + world_random(sim.delay_us);

	if (faults_strike(FAULT_DELAY))
		at += faults_length(FAULT_DELAY);
	if (faults_strike(FAULT_STALL))
		at += faults_length(FAULT_STALL);
	return at > earliest ? at : earliest;
}

static void cut(struct connection *c, u16 a, u16 b)
{
	c->life++;
	c->down = true;
	world_at(world_now + 1 + faults_length(FAULT_CUT),
		 (struct world_event) {
			.kind = WORLD_RESUME, .who = a, .from = b,
		 });
}

/* Send a packet, or only @ack if there is none. The connection is up. */
void net_transmit(u16 from, u16 to, struct session_packet *packet, u64 ack)
{
	struct connection *c = between(from, to);
	u64 *latest = &c->arrival[from > to];

	*latest = arrival(cluster_work(from), *latest);
	world_at(*latest, (struct world_event) {
		.kind = WORLD_MESSAGE, .from = from, .who = to,
		.page = c->life, .packet = packet, .stamp = ack,
	});
	if (faults_strike(FAULT_CUT))
		cut(c, from, to);
}

/* Return: false if it went down with its connection */
bool net_arrived(const struct world_event *ev)
{
	return ev->page == between(ev->who, ev->from)->life;
}

/* A connection to a node without memory is another session's. */
void net_resume(u16 a, u16 b)
{
	struct connection *c = between(a, b);

	if (cluster_crashed(a) || cluster_crashed(b))
		return;
	c->down = false;
	c->arrival[0] = world_now;
	c->arrival[1] = world_now;
	session_resume(a, b);
	session_resume(b, a);
}

void net_exit(void)
{
	free(connections);
}
