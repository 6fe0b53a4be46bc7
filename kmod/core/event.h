/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes into the core and what comes out of it.
 */
#ifndef DSM_CORE_EVENT_H
#define DSM_CORE_EVENT_H

#include "page.h"

/**
 * enum dsm_event_type - the inputs of dsm_step()
 * @DSM_EV_READ:	a program here needs to load from the page
 * @DSM_EV_WRITE:	a program here needs to store to the page
 * @DSM_EV_USED:	the right that was waited for is usable now
 * @DSM_EV_RECV:	a message came
 * @DSM_EV_EVICT:	the shell would like the memory back
 * @DSM_EV_TICK:	the time that %DSM_ACT_TIMER named has come
 * @DSM_EV_LOST:	a node has lost its memory (see dsm_members.lost)
 * @DSM_EV_END:		none beyond
 */
enum dsm_event_type {
	DSM_EV_READ = 1,
	DSM_EV_WRITE,
	DSM_EV_USED,
	DSM_EV_RECV,
	DSM_EV_EVICT,
	DSM_EV_TICK,
	DSM_EV_LOST,
	DSM_EV_END,
};

/**
 * struct dsm_event - one input
 * @type:	of enum dsm_event_type
 * @in_use:	the page must not be taken away just now, though its hold time
 *		may be over: an access that spans it and the next page waits
 *		for that one. Bounded by %DSM_IN_USE_MAX_US.
 * @pinned:	the kernel, or a device, is using the page's memory, and may
 *		store to it: as long as that lasts, nothing is taken away.
 *		Matters only where dsm_step_leaves() is less than the state.
 * @from:	RECV: who sent it, as the session proved; LOST: who is lost
 * @now:	time of the event in microseconds, never less than before
 * @hold_us:	USED: how long a page is kept from its first use, in
 *		microseconds; later, that it need be kept no longer than this
 * @page:	the page
 * @msg:	RECV: the message, decoded
 */
struct dsm_event {
	u8 type;
	bool in_use;
	bool pinned;
	u16 from;
	u32 hold_us;
	u64 now;
	u64 page;
	struct dsm_msg msg;
};

/**
 * enum dsm_act_type - what the caller has to do
 * @DSM_ACT_SEND:	send msg to node @to; DATA goes with the page's bytes
 * @DSM_ACT_SEND_SET:	send msg to every node of @set
 * @DSM_ACT_PROTECT:	take the page from all programs of this node, down to
 *			right @right, with all TLBs flushed
 * @DSM_ACT_ZERO:	fill the page with zeros
 * @DSM_ACT_WAKE:	the request is over: wake all who wait for the page;
 *			they look at dsm_page.state and dsm_page.error
 * @DSM_ACT_TIMER:	feed DSM_EV_TICK for this page at time @at; replaces an
 *			earlier one
 */
enum dsm_act_type {
	DSM_ACT_SEND = 1,
	DSM_ACT_SEND_SET,
	DSM_ACT_PROTECT,
	DSM_ACT_ZERO,
	DSM_ACT_WAKE,
	DSM_ACT_TIMER,
};

/**
 * struct dsm_act - one action
 * @type:	of enum dsm_act_type
 * @right:	PROTECT
 * @to:		SEND
 * @set:	SEND_SET: valid until the next step on this page
 * @at:		TIMER, in microseconds
 * @msg:	SEND, SEND_SET
 */
struct dsm_act {
	u8 type;
	u8 right;
	u16 to;
	union {
		const u64 *set;
		u64 at;
	};
	struct dsm_msg msg;
};

/**
 * struct dsm_out - the actions of one step
 * @nr:		how many
 * @act:	them
 *
 * The order is a contract. The caller carries them out one after the other,
 * and each is complete before the next begins: when a SEND is reached, the
 * permissions that an earlier PROTECT of the same list takes away are gone from
 * every page table and every TLB of this node. That is what makes the bytes in
 * a DATA final and an INVAL_ACK true.
 */
struct dsm_out {
	u16 nr;
	struct dsm_act act[DSM_ACTS_MAX];
};

#endif
