/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words that the whole core shares: rights, nodes, limits.
 *
 * A node id and a page number are plain integers (u16, u64); a version is a u64
 * that starts at 0 for a page nobody has written and grows with every grant of
 * write permission. Time is a u64 in microseconds from any fixed start.
 */
#ifndef DSM_CORE_TYPES_H
#define DSM_CORE_TYPES_H

#include "base.h"

/**
 * enum dsm_right - what a node may do with a page, and what it asks for
 * @DSM_NONE:	nothing; there is no copy here
 * @DSM_READ:	load; the copy is the same as all others
 * @DSM_WRITE:	load and store; this is the only valid copy
 *
 * A stronger right is a larger number, so that rights compare. 0 is no right,
 * to catch a field that was never filled in.
 */
enum dsm_right {
	DSM_NONE = 1,
	DSM_READ,
	DSM_WRITE,
};

/* "No node", in every field that holds a node id. */
#define DSM_NO_NODE	0xffff

/**
 * enum dsm_limits - the bounds of the protocol, with their units
 * @DSM_NODE_LIMIT:	highest node id, plus one
 * @DSM_SET_WORDS_MAX:	u64 words in the largest set of nodes
 * @DSM_STRIPE_PAGES:	consecutive pages that share a home
 * @DSM_ACTS_MAX:	actions that one step can ask for
 * @DSM_GRACE_US:	how long a page is kept for the program that asked for
 *			it, from the grant until the program can use it, in
 *			microseconds; bounded, as that program may be dead
 * @DSM_POLL_US:	how soon a page that is in use or pinned (see struct
 *			dsm_event) is looked at again, in microseconds; a pin is
 *			given an eighth more of the time that it has lasted
 * @DSM_IN_USE_MAX_US:	how long a use can put off giving a page away, in
 *			microseconds from the first refusal
 * @DSM_MIGRATORY:	read-then-write patterns in a row that make a page
 *			migratory
 */
enum dsm_limits {
	DSM_NODE_LIMIT		= 1024,
	DSM_SET_WORDS_MAX	= DSM_NODE_LIMIT / 64,
	DSM_STRIPE_PAGES	= 16,
	DSM_ACTS_MAX		= 16,
	DSM_GRACE_US		= 10 * 1000,
	DSM_POLL_US		= 50,
	DSM_IN_USE_MAX_US	= 100 * 1000,
	DSM_MIGRATORY		= 2,
};

#endif
