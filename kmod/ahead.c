// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking ahead: a thread that goes through pages at equal distances, upwards or
 * downwards, will want the next ones, too.
 *
 * Three pages at the same distance from each other make a stream. From then on
 * pages are asked for before the thread comes to them, in batches: when it is
 * at the first of one, the next is asked for, and is twice as large, up to
 * ahead_pages. A step elsewhere ends the stream, and what was asked for in vain
 * is a batch or two. If it ends before anything was of use, the next one has to
 * be twice as long before it is believed: a thread that goes round a few pages
 * is none. They are asked for to be written if the last page was, so who only
 * reads never takes a page from its writer.
 *
 * The first page of a batch is marked as the kernel's own read-ahead does it
 * (mm/readahead.c): faults that map the pages around theirs leave it out, so
 * that the thread is seen when it comes there.
 *
 * A page that came and that nobody has waited for is held as one in use, and no
 * longer.
 */
#include <linux/mm.h>

#include "dsm.h"

enum {
	AHEAD_START	= 4,	/* pages in a stream's first batch */
	RUN_MIN		= 2,	/* steps of the same length make a stream */
	RUN_MAX		= 32,	/* after many that were none */
	STRIDE_MAX	= 64,	/* pages; farther apart is elsewhere */
};

/* The largest batch: of large pages no more than 2 MiB, or one */
static u32 batch_max(const struct dsm_node *node)
{
	return min(READ_ONCE(node->set.ahead_pages),
		   dsm_pages_in(node, DSM_AHEAD_MAX, 1));
}

/* One place for all threads whose ids have some bits in common */
static struct dsm_stream *stream_of(struct dsm_node *node, pid_t thread)
{
	struct dsm_stream *s = &node->streams[thread % DSM_STREAMS];

	lockdep_assert_held(&node->ahead_lock);

	if (s->thread != thread)
		*s = (struct dsm_stream) { .thread = thread };
	return s;
}

/* Whether the stream goes on at @index: a page asked for, or the next one */
static bool goes_on(const struct dsm_stream *s, s64 index)
{
	s64 steps;

	if (!s->batch || (index - s->last) % s->stride)
		return false;
	steps = (index - s->last) / s->stride;
	return steps > 0 && steps <= (s->edge - s->last) / s->stride + 1;
}

/* The thread is at a new page. Return: whether a batch is due. */
static bool follow(struct dsm_stream *s, s64 index, u8 access, bool marked,
		   u32 limit)
{
	s64 step = index - s->last;
	bool beyond = true;

	if (goes_on(s, index)) {
		beyond = (index - s->edge) * s->stride > 0;
		if (beyond || marked)
			s->batch = min(2 * s->batch, limit);
		s->need = RUN_MIN;
	} else if (step == s->stride) {
		s->run = min_t(u32, s->run + 1, RUN_MAX);
		if (s->run >= max_t(u32, s->need, RUN_MIN)) {
			s->batch = min_t(u32, AHEAD_START, limit);
			s->need = min_t(u32, 2 * s->run, RUN_MAX);
		}
	} else {
		s->batch = 0;
		s->stride = abs(step) <= STRIDE_MAX ? step : 0;
		s->run = 1;
	}
	if (beyond)
		s->edge = index;
	s->last = index;
	s->access = s->stores ? DSM_WRITE : DSM_READ;
	s->stores = access == DSM_WRITE;
	return s->batch && (beyond || marked);
}

/* The next batch of a stream, as far as there are such pages */
static unsigned int next_batch(struct dsm_stream *s, u64 pages, u64 *first)
{
	s64 room = s->stride > 0 ? (s64)pages - 1 - s->edge : s->edge;
	unsigned int count = min_t(s64, s->batch, room / abs(s->stride));

	*first = s->edge + s->stride;
	s->edge += count * s->stride;
	return count;
}

/*
 * Only @done pages of a batch were asked for. The stream's edge is there, then:
 * or the thread would go through the others unseen, and wait for each of them.
 * Without any it is none: it is known anew soon, but later each time.
 */
static void cut_short(struct dsm_node *node, u64 first, unsigned int done)
{
	pid_t thread = task_pid_nr(current);
	struct dsm_stream *s = &node->streams[thread % DSM_STREAMS];

	spin_lock(&node->ahead_lock);
	if (s->thread == thread) {
		s->edge = (s64)first + ((s64)done - 1) * s->stride;
		if (!done)
			s->batch = 0;
	}
	spin_unlock(&node->ahead_lock);
}

static void mark(struct dsm_node *node, u64 index)
{
	struct dsm_slot *slot;

	if (!dsm_slot_is_known(node, index))
		return;
	slot = dsm_slot_get(node, index, GFP_NOWAIT | __GFP_NOWARN);
	if (!slot)
		return;
	if (READ_ONCE(slot->folio))
		folio_set_readahead(slot->folio);
	dsm_slot_put(slot);
}

static bool is_marked(const struct dsm_slot *slot)
{
	struct folio *folio = READ_ONCE(slot->folio);

	if (!folio || !folio_test_readahead(folio))
		return false;
	folio_clear_readahead(folio);
	return true;
}

/**
 * dsm_ahead_is_first - whether to ask ahead before asking for a page
 * @node:	the node, active
 * @slot:	the page
 * @access:	of enum dsm_right
 *
 * So it is where nobody need be asked for the page itself, or somebody has
 * been: nobody waits for what is ahead then. A guess, without the lock.
 */
bool dsm_ahead_is_first(const struct dsm_node *node,
			const struct dsm_slot *slot, u8 access)
{
	return READ_ONCE(slot->page.state) >= access ||
	       READ_ONCE(slot->page.want) || dsm_needs_nobody(node, slot);
}

/**
 * dsm_ahead_is_at - whether the running thread's stream has come to a page
 * @node:	the node, active
 * @slot:	the page
 *
 * So what is on its way is, for all that is known, what this thread wants next.
 */
bool dsm_ahead_is_at(struct dsm_node *node, const struct dsm_slot *slot)
{
	pid_t thread = task_pid_nr(current);
	const struct dsm_stream *s = &node->streams[thread % DSM_STREAMS];
	bool at;

	spin_lock(&node->ahead_lock);
	at = s->thread == thread && s->batch && s->last == (s64)slot->index;
	spin_unlock(&node->ahead_lock);
	return at;
}

/**
 * dsm_ahead - the running thread has come to a page
 * @node:	the node, active
 * @slot:	the page
 * @access:	what it wants to do there, of enum dsm_right
 *
 * Asks for what it will want next, if that can be told. Sleeps for memory, not
 * for the network.
 */
void dsm_ahead(struct dsm_node *node, struct dsm_slot *slot, u8 access)
{
	u32 limit = batch_max(node);
	unsigned int count = 0, done;
	struct dsm_stream *s;
	s64 stride;
	u64 first;
	bool marked;

	if (!limit)
		return;
	marked = is_marked(slot);
	spin_lock(&node->ahead_lock);
	s = stream_of(node, task_pid_nr(current));
	if (slot->index == s->last)
		s->stores |= access == DSM_WRITE;
	else if (follow(s, slot->index, access, marked, limit))
		count = next_batch(s, node->core.pages, &first);
	stride = s->stride;
	access = s->access;
	spin_unlock(&node->ahead_lock);
	if (!count)
		return;
	done = dsm_prefetch_pages(node, first, stride, count, access);
	if (done < count)
		cut_short(node, first, done);
	if (done)
		mark(node, first);
}
