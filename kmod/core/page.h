/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a node knows of one page: as one that uses it, and as its home.
 *
 * Both live in storage that the caller supplies, and one lock of the caller's
 * protects both: every dsm_step() on a page happens under it.
 */
#ifndef DSM_CORE_PAGE_H
#define DSM_CORE_PAGE_H

#include "copyset.h"
#include "wire.h"

/**
 * struct dsm_page - one page at one node, home or not
 * @state:	of enum dsm_right: what this node may do now
 * @want:	of enum dsm_right: the request in flight; 0 if there is none.
 *		At most one, shared by all who wait. Set by a fault that @state
 *		does not satisfy; cleared by the grant with all its
 *		acknowledgements, or by a refusal.
 * @granted:	of enum dsm_right: what the grant gave; 0 until it is here.
 *		Orders: want -> granted and counted -> (acks_left == 0) ->
 *		state.
 * @error:	of enum dsm_status: the last request was refused, and why;
 *		cleared by the next request
 * @owned:	the home counts this node as owner, because it was the last to
 *		get write permission
 * @dirty:	written to since write permission came
 * @fresh:	granted, but nobody has used it yet
 * @clean:	the DATA that answers @want said %DSM_MSG_CLEAN
 * @final:	what answers @want said %DSM_MSG_FINAL
 * @counted:	it is known how many acknowledgements @want takes
 * @serial:	of the last request; what answers another one is stale
 * @acks_left:	acknowledgements to come; those that are here, below zero,
 *		until it is @counted
 * @acks_version: which ones count: those of this version. The grant's, or a
 *		later one if a node that owed one was lost; 0 before the first
 * @version:	of the copy; without a copy, the newest version known here
 * @hold_until:	the page is not given away before this time, in microseconds
 * @deferred_since: when the first try to give it away was put off
 * @deferred:	the FORWARD or INVALIDATE that was put off; type 0 if none.
 *		At most one: its home serves one transaction at a time.
 */
struct dsm_page {
	u8 state;
	u8 want;
	u8 granted;
	u8 error;
	bool owned;
	bool dirty;
	bool fresh;
	bool clean;
	bool final;
	bool counted;
	u16 serial;
	s16 acks_left;
	u64 acks_version;
	u64 version;
	u64 hold_until;
	u64 deferred_since;
	struct dsm_msg deferred;
};

/**
 * struct dsm_home - a page's directory entry, at its home
 * @owner:	the node whose copy is authoritative: the last to get write
 *		permission; the home itself for a page nobody has written;
 *		%DSM_NO_NODE if every copy is lost
 * @busy:	of enum dsm_right: what is being granted; 0 when idle. One
 *		transaction at a time: set when a request is taken up, cleared
 *		by its end: its DONE, or an answer that needs none (or because
 *		its requester is lost).
 * @requester:	whom @busy is for
 * @serial:	of its request
 * @source:	who sends it the bytes; %DSM_NO_NODE if nobody does
 * @upgrade:	@busy is an upgrade
 * @asked:	@source cannot send the bytes, and @requester was asked whether
 *		they came
 * @last_reader: the requester of the last transaction, if it was a read
 * @migratory:	read-then-write patterns seen in a row, to %DSM_MIGRATORY
 * @recounts:	how often the transaction has got another version, because a
 *		node that owed an acknowledgement was lost
 * @version:	grows with every grant of write permission
 * @queue_head:	index of the request that came first, of those that wait
 * @queue_len:	how many wait, at most one of each member
 * @copyset:	nodes that may hold a copy; dsm_members.words long
 * @inval:	nodes told to drop their copy by this transaction; as long
 * @queue:	a ring of dsm_members.nr requests in order of arrival, a word
 *		each (see queue.c)
 *
 * owner and copyset are those from before the transaction until it is done.
 */
struct dsm_home {
	u16 owner;
	u8 busy;
	bool upgrade;
	bool asked;
	u16 requester;
	u16 serial;
	u16 source;
	u16 last_reader;
	u8 migratory;
	u16 recounts;
	u64 version;
	u16 queue_head;
	u16 queue_len;
	u64 *copyset;
	u64 *inval;
	u32 *queue;
};

/** dsm_page_init() - a page that this node has never touched */
static inline void dsm_page_init(struct dsm_page *pg)
{
	*pg = (struct dsm_page) { .state = DSM_NONE };
}

/** dsm_page_awaits_data() - whether DATA is what this page waits for */
static inline bool dsm_page_awaits_data(const struct dsm_page *pg)
{
	return pg->want && !pg->granted && pg->state == DSM_NONE;
}

#endif
