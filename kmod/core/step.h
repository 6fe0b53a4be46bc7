/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one entry of the core, and what its parts show each other.
 */
#ifndef DSM_CORE_STEP_H
#define DSM_CORE_STEP_H

#include "event.h"
#include "member.h"

/**
 * struct dsm_core - what a node knows besides its pages
 * @self:	this node's id
 * @pages:	pages in the region
 * @members:	who is in the cluster
 *
 * Changes only while no step runs, but for members.lost, which only grows.
 */
struct dsm_core {
	u16 self;
	u64 pages;
	struct dsm_members members;
};

/**
 * enum dsm_verdict - what dsm_step() thought of an event
 * @DSM_OK:	taken
 * @DSM_STALE:	a message from the past, dropped; nothing changed
 * @DSM_PROTO:	what no correct peer sends, dropped; nothing changed
 */
enum dsm_verdict {
	DSM_OK = 1,
	DSM_STALE,
	DSM_PROTO,
};

/** dsm_core_home() - the home of a page */
static inline u16 dsm_core_home(const struct dsm_core *c, u64 page)
{
	return dsm_member_home(&c->members, page);
}

/**
 * dsm_home_init - a directory entry for a page nobody has touched
 * @hm:		the entry
 * @self:	the home
 * @copyset:	storage, dsm_members.words long
 * @inval:	storage, as long
 * @queue:	storage, dsm_members.nr long
 * @words:	dsm_members.words
 */
void dsm_home_init(struct dsm_home *hm, u16 self, u64 *copyset, u64 *inval,
		   u32 *queue, u16 words);

/**
 * dsm_step - feed one event about one page
 * @c:		the node
 * @pg:		the page at this node
 * @hm:		its directory entry if this node is its home, else NULL
 * @ev:		the event
 * @out:	receives the actions, to be carried out in their order
 *
 * Never sleeps, allocates, or reads a clock. The same input in the same state
 * gives the same output. The caller holds the lock that protects @pg and @hm,
 * through the step and through its actions.
 *
 * Return: of enum dsm_verdict.
 */
enum dsm_verdict dsm_step(const struct dsm_core *c, struct dsm_page *pg,
			  struct dsm_home *hm, const struct dsm_event *ev,
			  struct dsm_out *out);

/**
 * dsm_step_leaves - the right that this node will have after a step, at least
 * @c:		as for dsm_step(), and so are the others
 * @pg:		the page
 * @hm:		its directory entry, or NULL
 * @ev:		the event, of any type but EVICT and LOST; without @pinned
 *
 * What is more than that can go, and is not pinned if the caller has taken it
 * from all programs before it looks: so @pinned is true when it comes to the
 * step. Changes nothing.
 *
 * Return: of enum dsm_right, dsm_page.state at most.
 */
u8 dsm_step_leaves(const struct dsm_core *c, struct dsm_page *pg,
		   struct dsm_home *hm, const struct dsm_event *ev);

/*
 * Inside the core only, from here on.
 */

/**
 * struct dsm_ctx - what every handler of one step works on
 * @c:	as given to dsm_step()
 * @pg:	the same
 * @hm:	the same
 * @ev:	the same
 * @out: the same
 */
struct dsm_ctx {
	const struct dsm_core *c;
	struct dsm_page *pg;
	struct dsm_home *hm;
	const struct dsm_event *ev;
	struct dsm_out *out;
};

/* step.c */
struct dsm_act *dsm_act_add(struct dsm_ctx *x, u8 type);
void dsm_act_send(struct dsm_ctx *x, u16 to, const struct dsm_msg *msg);
void dsm_act_timer(struct dsm_ctx *x, u64 at);

/* cache.c: the page as this node uses it */
void dsm_cache_fault(struct dsm_ctx *x, u8 access);
void dsm_cache_used(struct dsm_ctx *x);
void dsm_cache_evict(struct dsm_ctx *x);
u8 dsm_cache_leaves(const struct dsm_ctx *x, u8 next);
enum dsm_verdict dsm_cache_recv_forward(struct dsm_ctx *x,
					const struct dsm_msg *msg);
bool dsm_cache_drop(struct dsm_ctx *x, const struct dsm_msg *msg);
enum dsm_verdict dsm_cache_recv_invalidate(struct dsm_ctx *x,
					   const struct dsm_msg *msg);
enum dsm_verdict dsm_cache_recv_inval_ack(struct dsm_ctx *x,
					  const struct dsm_msg *msg);
enum dsm_verdict dsm_cache_recv_grant(struct dsm_ctx *x,
				      const struct dsm_msg *msg);
enum dsm_verdict dsm_cache_recv_recount(struct dsm_ctx *x,
					const struct dsm_msg *msg);
enum dsm_verdict dsm_cache_recv_refuse(struct dsm_ctx *x,
				       const struct dsm_msg *msg);
void dsm_cache_tick(struct dsm_ctx *x);
void dsm_cache_lost(struct dsm_ctx *x, u16 node);

/* acks.c: the acknowledgements that a request waits for */
void dsm_acks_forget(struct dsm_page *pg);
bool dsm_acks_expect(struct dsm_page *pg, u64 version, u16 nr);
enum dsm_verdict dsm_acks_take(struct dsm_page *pg, u64 version, u16 limit);

/* queue.c: the requests that wait at the home */
struct dsm_request {
	u16 node;
	u16 serial;
	u8 access;
	bool have;
};

bool dsm_queue_has(const struct dsm_ctx *x, u16 node);
struct dsm_request dsm_queue_first(const struct dsm_ctx *x);
void dsm_queue_add(struct dsm_ctx *x, const struct dsm_request *rq);
struct dsm_request dsm_queue_pop(struct dsm_ctx *x);
void dsm_queue_remove(struct dsm_ctx *x, u16 node);

/* pattern.c: how a page is used */
void dsm_pattern_note(struct dsm_home *hm, bool clean);

/* home.c: the page's directory entry */
enum dsm_verdict dsm_home_recv_get(struct dsm_ctx *x, u16 from,
				   const struct dsm_msg *msg);
enum dsm_verdict dsm_home_recv_done(struct dsm_ctx *x, u16 from,
				    const struct dsm_msg *msg);
enum dsm_verdict dsm_home_recv_refuse(struct dsm_ctx *x, u16 from,
				      const struct dsm_msg *msg);
u8 dsm_home_next(const struct dsm_ctx *x);
void dsm_home_tick(struct dsm_ctx *x, bool busy);
void dsm_home_send_final(struct dsm_ctx *x, struct dsm_msg *msg);
void dsm_home_lost(struct dsm_ctx *x, u16 node);

#endif
