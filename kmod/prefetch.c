// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prefetch: ask for pages that a program says it will need, and go on.
 *
 * What goes out is the request that the first load would send. A page that is
 * on its way is mapped by the fault that needs it, which waits for what is left
 * of the way. All of it is advice: where memory is short, or enough is on its
 * way already, the rest is left to faults, and so is every error.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "dsm.h"

/* Whether the page is here or on its way; only a hint without the lock */
static bool is_coming(const struct dsm_slot *slot)
{
	return slot && (READ_ONCE(slot->page.state) != DSM_NONE ||
			READ_ONCE(slot->page.want));
}

/*
 * Take one of the places for prefetches on their way. The oldest place is free
 * if its page has been answered, whoever asks for that page by now.
 */
static bool take_place(struct dsm_node *node, u64 index)
{
	struct dsm_slot *oldest = NULL;
	u64 *place;
	bool free;

	spin_lock(&node->prefetch_lock);
	place = &node->prefetched[node->prefetches % DSM_PREFETCH_MAX];
	if (node->prefetches >= DSM_PREFETCH_MAX)
		oldest = dsm_region_find(node, *place);
	free = !oldest || !READ_ONCE(oldest->page.want);
	if (free) {
		*place = index;
		node->prefetches++;
	}
	spin_unlock(&node->prefetch_lock);
	return free;
}

/* Memory first, as for a fault: the answer needs none then. */
static bool ask(struct dsm_node *node, u64 index)
{
	struct dsm_slot *slot;

	if (!take_place(node, index))
		return false;
	slot = dsm_region_slot(node, index, GFP_KERNEL);
	if (!slot || dsm_region_back(node, slot))
		return false;
	dsm_engine_prefetch(node, slot);
	return true;
}

/**
 * dsm_prefetch - ask for copies of the pages of a range that are not here
 * @node:	the node, active
 * @offset:	the first byte; may be past the end of the region
 * @length:	how many bytes; 0: to the end
 *
 * Sleeps for memory, not for the network. Asks for %DSM_PREFETCH_MAX pages at
 * most, and for none while as many are on their way.
 */
void dsm_prefetch(struct dsm_node *node, u64 offset, u64 length)
{
	u64 index = offset >> PAGE_SHIFT, end = node->core.pages;
	unsigned int asked = 0;

	if (length && offset + length > offset)
		end = min(end, DIV_ROUND_UP_ULL(offset + length, PAGE_SIZE));
	for (; index < end && asked < DSM_PREFETCH_MAX; index++) {
		if (fatal_signal_pending(current))
			break;
		cond_resched();
		if (is_coming(dsm_region_find(node, index)))
			continue;
		if (!ask(node, index))
			break;
		asked++;
	}
}
