/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of the region at this node. dsm.h says how it is locked and how long
 * it lives, slot.c where it comes from.
 */
#ifndef DSM_SLOT_H
#define DSM_SLOT_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/timerqueue.h>
#include <linux/wait.h>

#include "core/rest.h"
#include "core/step.h"

/**
 * struct dsm_slot - one page of the region at this node, awake
 * @lock:	protects all of it but @users, @recent, @timer, @armed and
 *		@in_line
 * @page:	the core's view
 * @home:	the directory entry, if this node is the page's home, in the
 *		same memory; or NULL
 * @folio:	the memory, in the page cache of the region's inode with a
 *		reference of our own; NULL until a program here touches the page
 * @index:	the page's number
 * @wait:	who waits for @page's request to end
 * @asked_at:	when that request began, in jiffies
 * @used_by:	who used the page since it came, a bit each (see engine.c)
 * @asked_by:	who asked for it since the request began, a bit each
 * @gone:	when it last went from here, counted by node->gone
 * @woken_at:	when that last woke a sleeper of futex(), in jiffies
 * @futile:	how often it did so in vain (see futex.c)
 * @lowered_at:	when a right to it last went from here, in microseconds; 0:
 *		it has been asked for since
 * @bounces:	how often in a row it was asked for again at once (see hold.c)
 * @prefetched:	the request was sent by dsm_engine_prefetch(), and @page counts
 *		as flying
 * @in_line:	it waits to be prefetched, until it has been asked for; under
 *		node->prefetch_lock
 * @withdrawn:	the step in progress has taken from all programs what it may
 *		take from this node
 * @prob_owner:	who took the page from here, or sent it: another node, most
 *		likely its owner if this one is not; %DSM_NO_NODE: not known
 * @ready:	the right that a thread of @used_by may take without a step; may
 *		be read with the folio locked, too: it is lowered before the
 *		folio is locked to take mappings away
 * @users:	references, one of them the index's; node->timers has one if it
 *		is @armed, and the line one if it is @in_line
 * @recent:	somebody came since dsm_slot.users was last looked at
 * @timer:	on node->timers if @armed; both under node->timer_lock
 * @armed:	see @timer
 * @rcu:	frees it; nothing is armed then
 */
struct dsm_slot {
	struct mutex lock;	/* protects what is described above */
	struct dsm_page page;
	struct dsm_home *home;
	struct folio *folio;
	u64 index;
	wait_queue_head_t wait;
	unsigned long asked_at;
	u32 used_by;
	u32 asked_by;
	u64 gone;
	unsigned long woken_at;
	u8 futile;
	u8 bounces;
	bool prefetched;
	bool in_line;
	bool withdrawn;
	u8 ready;
	bool recent;
	bool armed;
	u16 prob_owner;
	refcount_t users;
	u64 lowered_at;
	union {
		struct timerqueue_node timer;
		struct rcu_head rcu;
	};
};

/**
 * struct dsm_look - what is seen of a page in passing: a hint
 * @state:	of enum dsm_right: what this node may do
 * @want:	of enum dsm_right: what it has asked for; 0: nothing
 */
struct dsm_look {
	u8 state;
	u8 want;
};

#endif
