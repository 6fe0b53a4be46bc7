// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a page is kept from its first use.
 *
 * If two nodes store to one page, each takes it from the other. To hold it for
 * a time lets each get something done, and to hold it for long makes the other
 * wait. What is right depends on what a move costs, so "auto" follows the
 * measured round trip: an eighth of it, which a hand-over hardly notices. Only
 * a page that is asked for again no later than a round trip after it went was
 * still being used, and is held twice as long then, up to one round trip: half
 * of the time is work, and nobody waits for more than the others' turns. It is
 * held shortly again when nobody here missed it for several round trips: who
 * asks a little late was kept from the CPU, and would lose its share, too. (The
 * idea is Mirage's, Fleisch and Popek 1989; GFS2 adapts its hold time in
 * fs/gfs2/glock.c.)
 */
#include "dsm.h"

/* The part of a round trip that a page is kept for, as a shift */
#define HOLD_SHIFT	3

enum {
	HOLD_MIN_US	= 10,
	HOLD_MAX_US	= 10000,	/* also of a page that bounces */
};

/* The mean round trip of the cluster; 0: not known yet */
static u32 round_trip(const struct dsm_node *node)
{
	return READ_ONCE(node->hold_rtt_us);
}

/**
 * dsm_hold_measure - take the mean of what all nodes have measured
 * @node:	the node; keeper only
 *
 * Each node alone would find another one, and who has the longest round trip
 * would have the largest share of every page.
 */
void dsm_hold_measure(struct dsm_node *node)
{
	u64 sum = READ_ONCE(node->rtt_us);
	u32 nr = !!sum;
	struct dsm_peer *peer;
	unsigned long id;

	xa_for_each(&node->peers, id, peer) {
		u32 told = READ_ONCE(peer->told_rtt_us);

		sum += told;
		nr += !!told;
	}
	if (nr)
		WRITE_ONCE(node->hold_rtt_us, div_u64(sum, nr));
}

/** dsm_hold_is_auto() - whether nobody has said how long pages are kept */
bool dsm_hold_is_auto(const struct dsm_node *node)
{
	return READ_ONCE(node->set.hold_us) == DSM_HOLD_AUTO;
}

/**
 * dsm_hold_base() - microseconds that a page is kept which nobody fights for
 * @node:	the node
 */
u32 dsm_hold_base(const struct dsm_node *node)
{
	u32 fixed = READ_ONCE(node->set.hold_us);
	u32 rtt = round_trip(node);

	if (fixed != DSM_HOLD_AUTO)
		return fixed;
	if (!rtt)
		return DSM_HOLD_US;
	return clamp_t(u32, rtt >> HOLD_SHIFT, HOLD_MIN_US, HOLD_MAX_US);
}

/**
 * dsm_hold_us() - microseconds that a page is kept
 * @node:	the node
 * @slot:	the page, locked
 */
u32 dsm_hold_us(const struct dsm_node *node, const struct dsm_slot *slot)
{
	u32 base = dsm_hold_base(node);

	if (!dsm_hold_is_auto(node))
		return base;
	return min_t(u32, base << slot->bounces, HOLD_MAX_US);
}

/**
 * dsm_hold_lowered() - a right to a page has been taken from this node
 * @slot:	the page, locked
 * @now:	in microseconds
 */
void dsm_hold_lowered(struct dsm_slot *slot, u64 now)
{
	slot->lowered_at = now;
}

/**
 * dsm_hold_asked() - a right to a page is being asked for
 * @node:	the node
 * @slot:	the page, locked
 * @now:	in microseconds
 * @program:	by the program itself: a sleeper of futex() that has to look
 *		again does not fight for the page
 *
 * Each loss is judged once: a store that has fetched the page for its load asks
 * a second time, for the upgrade.
 */
void dsm_hold_asked(const struct dsm_node *node, struct dsm_slot *slot, u64 now,
		    bool program)
{
	u32 rtt = round_trip(node);
	u64 gap = now - slot->lowered_at;

	if (!slot->lowered_at)
		return;
	slot->lowered_at = 0;
	if (!program)
		return;
	if (gap <= rtt)
		slot->bounces = min(slot->bounces + 1, HOLD_SHIFT);
	else if (gap > (u64)rtt << HOLD_SHIFT)
		slot->bounces = 0;
}
