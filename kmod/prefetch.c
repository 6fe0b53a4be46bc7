// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prefetch: ask for pages that a program says it will need, or that it seems to
 * need next (ahead.c), and go on.
 *
 * What goes out is the request that the first access would send. A page that is
 * on its way is mapped by the fault that needs it, which waits for what is left
 * of the way. All of it is advice: where memory is short, or the line is full,
 * the rest is left to faults, and so is every error.
 *
 * Only so many requests are on their way that the link has no pause; the others
 * stand in line until answers come. For a page that a program waits for comes
 * behind all that was asked for before. After one had to, fewer requests are on
 * their way for a while, though the link may then have a pause.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "dsm.h"

/* Whether the right is here or on its way; only a hint without the lock */
static bool is_coming(struct dsm_node *node, u64 index, u8 access)
{
	struct dsm_look look = dsm_slot_look(node, index);

	return look.state >= access || look.want;
}

/* How many pages may wait in line, and how many may be on their way */
static u32 line_max(const struct dsm_node *node)
{
	return dsm_pages_in(node, DSM_PREFETCH_MAX, DSM_PREFETCH_MIN);
}

static u32 flying_max(const struct dsm_node *node)
{
	if (time_is_after_jiffies(READ_ONCE(node->few_until)))
		return dsm_pages_in(node, DSM_FLYING_FEW, 1);
	return min_t(u32, DSM_FLYING_MAX,
		     dsm_pages_in(node, DSM_LARGE_MAX, DSM_FLYING_MIN));
}

static bool line_is_full(struct dsm_node *node)
{
	lockdep_assert_held(&node->prefetch_lock);

	return node->line_end - node->line_begin >= line_max(node);
}

/* Return: whether the page stands in line now; it may have before. */
static bool line_up(struct dsm_node *node, struct dsm_slot *slot, u8 access)
{
	struct dsm_prefetch *place;
	bool lined;

	spin_lock(&node->prefetch_lock);
	if (!slot->in_line && !line_is_full(node)) {
		place = &node->line[node->line_end++ % DSM_PREFETCH_MAX];
		place->slot = slot;
		place->access = access;
		slot->in_line = true;
		refcount_inc(&slot->users);
	}
	lined = slot->in_line;
	spin_unlock(&node->prefetch_lock);
	return lined;
}

/* The first in line, with its reference, if more may be on their way */
static bool call_next(struct dsm_node *node, struct dsm_prefetch *next)
{
	bool called = false;

	spin_lock(&node->prefetch_lock);
	if (node->line_begin != node->line_end &&
	    atomic_read(&node->flying) < flying_max(node)) {
		*next = node->line[node->line_begin++ % DSM_PREFETCH_MAX];
		atomic_inc(&node->flying);
		called = true;
	}
	spin_unlock(&node->prefetch_lock);
	return called;
}

/* Ask for a page, which is among those that are flying. */
static void launch(struct dsm_node *node, struct dsm_slot *slot, u8 access,
		   struct dsm_plug *plug)
{
	if (!dsm_engine_prefetch(node, slot, access, plug))
		atomic_dec(&node->flying);
}

/* It has been called, and was still foreseen until it had been asked for. */
static void leave_line(struct dsm_node *node, struct dsm_slot *slot)
{
	spin_lock(&node->prefetch_lock);
	slot->in_line = false;
	spin_unlock(&node->prefetch_lock);
	dsm_slot_put(slot);
}

/* Ask for those who are first in line, in few packets. */
static void ask(struct dsm_node *node)
{
	struct dsm_prefetch next;
	struct dsm_plug plug = {};

	/* pairs with dsm_prefetch_go_on(): the line comes first */
	smp_mb();
	while (call_next(node, &next)) {
		launch(node, next.slot, next.access, &plug);
		leave_line(node, next.slot);
		cond_resched();
	}
	dsm_tcp_unplug(&plug);
}

/**
 * dsm_prefetch_go_on - something has come: perhaps a page that was asked for
 * @node:	the node, active
 *
 * Asks for more when half of what was on its way is here. The caller holds no
 * slot's lock.
 */
void dsm_prefetch_go_on(struct dsm_node *node)
{
	/* pairs with ask(): the answer comes before the line */
	smp_mb();
	/* Whoever lines up meanwhile asks himself. */
	if (data_race(node->line_begin != node->line_end) &&
	    atomic_read(&node->flying) <= flying_max(node) / 2)
		ask(node);
}

/**
 * dsm_prefetch_give_way - a program has asked for a page, and waits for it
 * @node:	the node, active
 * @slot:	the page
 *
 * Fewer prefetches are on their way for a while then. Not so if it was in line,
 * and would be here by now without the others; nor if it is where the thread's
 * stream is: those on their way are for that.
 */
void dsm_prefetch_give_way(struct dsm_node *node, const struct dsm_slot *slot)
{
	/* Without the lock: a hint is all that is needed. */
	if (atomic_read(&node->flying) && !data_race(slot->in_line) &&
	    !dsm_ahead_is_at(node, slot))
		WRITE_ONCE(node->few_until,
			   jiffies + msecs_to_jiffies(DSM_FEW_MS));
}

/* What nobody asked for is not worth a search for memory, or a killing. */
#define GFP_PREFETCH	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

/* Memory first, as for a fault: the answer needs none then. */
static bool prepare(struct dsm_node *node, struct dsm_slot *slot, u8 access)
{
	if (dsm_region_back(node, slot, GFP_PREFETCH))
		return false;
	if (!dsm_needs_nobody(node, slot))
		return line_up(node, slot, access);
	atomic_inc(&node->flying);
	launch(node, slot, access, NULL);
	return true;
}

/* Return: whether the page is coming, or will be. */
static bool prefetch_page(struct dsm_node *node, u64 index, u8 access)
{
	struct dsm_slot *slot;
	bool done;

	if (is_coming(node, index, access))
		return true;
	slot = dsm_slot_get(node, index, GFP_PREFETCH | __GFP_ACCOUNT);
	if (!slot)
		return false;
	done = prepare(node, slot, access);
	dsm_slot_put(slot);
	return done;
}

/**
 * dsm_prefetch_pages - ask for pages at equal distances
 * @node:	the node, active
 * @index:	the first; all of them are in the region
 * @stride:	from one to the next, in pages; may be negative
 * @count:	how many
 * @access:	the right to ask for, of enum dsm_right
 *
 * Sleeps for memory, not for the network. Pages that have one home are asked
 * for together, and before there is memory for those that follow.
 *
 * Return: how far it came; less if the line is full, or memory is short.
 */
unsigned int dsm_prefetch_pages(struct dsm_node *node, u64 index, s64 stride,
				unsigned int count, u8 access)
{
	unsigned int done;

	for (done = 0; done < count; done++, index += stride) {
		if (fatal_signal_pending(current) ||
		    !prefetch_page(node, index, access))
			break;
		if (dsm_core_home(&node->core, index + stride) !=
		    dsm_core_home(&node->core, index))
			ask(node);
		cond_resched();
	}
	ask(node);
	return done;
}

/**
 * dsm_prefetch - ask for copies of the pages of a range that are not here
 * @node:	the node, active
 * @offset:	the first byte; may be past the end of the region
 * @length:	how many bytes; 0: to the end
 *
 * Sleeps for memory, not for the network. %DSM_PREFETCH_MAX pages at most are
 * put in line.
 */
void dsm_prefetch(struct dsm_node *node, u64 offset, u64 length)
{
	unsigned int left = line_max(node), count;
	u32 shift = PAGE_SHIFT + node->order;
	u64 index = offset >> shift, end = node->core.pages;

	if (length && offset + length > offset)
		end = min(end, ((offset + length - 1) >> shift) + 1);
	while (index < end && left && !fatal_signal_pending(current)) {
		cond_resched();
		if (is_coming(node, index, DSM_READ)) {
			index++;
			continue;
		}
		count = min_t(u64, end - index, left);
		if (dsm_prefetch_pages(node, index, 1, count, DSM_READ) < count)
			break;
		index += count;
		left -= count;
	}
}
