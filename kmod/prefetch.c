// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prefetch: ask for pages that a program says it will need, or that it seems to
 * need next (ahead.c), and go on.
 *
 * What goes out is the request that the first access would send. A page that is
 * on its way is mapped by the fault that needs it, which waits for what is left
 * of the way. All of it is advice: where memory is short, or enough is on its
 * way already, the rest is left to faults, and so is every error.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "dsm.h"

/* Whether the right is here or on its way; only a hint without the lock */
static bool is_coming(const struct dsm_slot *slot, u8 access)
{
	return slot && (READ_ONCE(slot->page.state) >= access ||
			READ_ONCE(slot->page.want));
}

/* How many pages may be on their way at once */
static u32 places(const struct dsm_node *node)
{
	return dsm_pages_in(node, DSM_PREFETCH_MAX, DSM_PREFETCH_MIN);
}

/*
 * Take one of the places for prefetches on their way. The oldest place is free
 * if its page has been answered, whoever asks for that page by now.
 */
static bool take_place(struct dsm_node *node, u64 index)
{
	struct dsm_slot *oldest = NULL;
	u32 nr = places(node);
	u64 *place;
	bool free;

	spin_lock(&node->prefetch_lock);
	place = &node->prefetched[node->prefetches % nr];
	if (node->prefetches >= nr)
		oldest = dsm_region_find(node, *place);
	free = !oldest || !READ_ONCE(oldest->page.want);
	if (free) {
		*place = index;
		node->prefetches++;
	}
	spin_unlock(&node->prefetch_lock);
	return free;
}

/* What nobody asked for is not worth a search for memory, or a killing. */
#define GFP_PREFETCH	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

/* Memory first, as for a fault: the answer needs none then. */
static bool prepare(struct dsm_node *node, u64 index)
{
	struct dsm_slot *slot;

	if (!take_place(node, index))
		return false;
	slot = dsm_region_slot(node, index, GFP_PREFETCH | __GFP_ACCOUNT);
	return slot && !dsm_region_back(node, slot, GFP_PREFETCH);
}

/*
 * Ask for up to as many pages as have one home, in few packets. What takes time
 * comes before the requests are held back for each other.
 *
 * Return: how far it came, in pages; 0 if there is no place or no memory.
 */
static unsigned int ask_home(struct dsm_node *node, u64 index, s64 stride,
			     unsigned int count, u8 access)
{
	u16 home = dsm_core_home(&node->core, index);
	struct dsm_peer *peer = dsm_node_peer(node, home);
	unsigned int i, ready;
	u64 at = index;

	for (ready = 0; ready < count; ready++, at += stride) {
		if (dsm_core_home(&node->core, at) != home)
			break;
		if (!is_coming(dsm_region_find(node, at), access) &&
		    !prepare(node, at))
			break;
	}
	if (peer)
		dsm_tcp_plug(peer);
	for (i = 0, at = index; i < ready; i++, at += stride)
		dsm_engine_prefetch(node, dsm_region_find(node, at), access);
	if (peer)
		dsm_tcp_unplug(peer);
	return ready;
}

/**
 * dsm_prefetch_pages - ask for pages at equal distances
 * @node:	the node, active
 * @index:	the first; all of them are in the region
 * @stride:	from one to the next, in pages; may be negative
 * @count:	how many
 * @access:	the right to ask for, of enum dsm_right
 *
 * Sleeps for memory, not for the network. Asks for none while as many as
 * %DSM_PREFETCH_MAX allows are on their way.
 */
void dsm_prefetch_pages(struct dsm_node *node, u64 index, s64 stride,
			unsigned int count, u8 access)
{
	unsigned int done;

	while (count && !fatal_signal_pending(current)) {
		done = ask_home(node, index, stride, count, access);
		if (!done)
			break;
		index += done * stride;
		count -= done;
		cond_resched();
	}
}

/**
 * dsm_prefetch - ask for copies of the pages of a range that are not here
 * @node:	the node, active
 * @offset:	the first byte; may be past the end of the region
 * @length:	how many bytes; 0: to the end
 *
 * Sleeps for memory, not for the network. Asks for as many as
 * %DSM_PREFETCH_MAX allows, and for none while as many are on their way.
 */
void dsm_prefetch(struct dsm_node *node, u64 offset, u64 length)
{
	unsigned int asked = 0, most = places(node);
	u32 shift = PAGE_SHIFT + node->order;
	u64 index = offset >> shift, end = node->core.pages;

	if (length && offset + length > offset)
		end = min(end, ((offset + length - 1) >> shift) + 1);
	while (index < end && asked < most &&
	       !fatal_signal_pending(current)) {
		unsigned int done = 1;

		cond_resched();
		if (!is_coming(dsm_region_find(node, index), DSM_READ)) {
			done = ask_home(node, index, 1,
					min_t(u64, end - index, most - asked),
					DSM_READ);
			asked += done;
		}
		if (!done)
			break;
		index += done;
	}
}
