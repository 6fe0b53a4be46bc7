// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page as this node uses it: asking for rights, and giving them up.
 *
 *	none --- GET read, DATA/GRANT ---> read-only --+
 *	  |  \                               |  ^      | GET write, GRANT
 *	  |   +--- INVALIDATE, FORWARD write +  |      | and all INVAL_ACK
 *	  |                                     |      v
 *	  |               FORWARD read          +-- read-write
 *	  +--- GET write, DATA/GRANT and all INVAL_ACK -^  |
 *	  ^                FORWARD write                   |
 *	  +------------------------------------------------+
 */
#include "step.h"

static void send_home(struct dsm_ctx *x, struct dsm_msg *msg)
{
	msg->requester = x->c->self;
	msg->serial = x->pg->serial;
	msg->page = x->ev->page;
	if (!x->hm)
		dsm_act_send(x, dsm_core_home(x->c, msg->page), msg);
	else if (msg->type == DSM_MSG_GET)
		dsm_home_recv_get(x, x->c->self, msg);
	else
		dsm_home_recv_done(x, x->c->self, msg);
}

static void send_inval_ack(struct dsm_ctx *x, const struct dsm_msg *cause)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_INVAL_ACK,
		.requester = cause->requester,
		.serial = cause->serial,
		.page = cause->page,
		.version = cause->version,
	};

	dsm_act_send(x, cause->requester, &msg);
}

static void send_refuse(struct dsm_ctx *x, const struct dsm_msg *cause)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_REFUSE,
		.access = cause->access,
		.status = DSM_STATUS_LOST,
		.requester = cause->requester,
		.serial = cause->serial,
		.page = cause->page,
		.version = cause->version,
	};

	dsm_act_send(x, x->ev->from, &msg);
}

static void protect(struct dsm_ctx *x, u8 right)
{
	struct dsm_page *pg = x->pg;

	dsm_act_add(x, DSM_ACT_PROTECT)->right = right;
	pg->state = right;
	pg->fresh = false;
	if (right == DSM_NONE)
		pg->owned = false;
}

static void fail(struct dsm_ctx *x, u8 status)
{
	x->pg->want = 0;
	x->pg->error = status;
	dsm_acks_forget(x->pg);
	dsm_act_add(x, DSM_ACT_WAKE);
}

void dsm_cache_fault(struct dsm_ctx *x, u8 access)
{
	struct dsm_page *pg = x->pg;
	struct dsm_msg msg = { .type = DSM_MSG_GET, .access = access };

	if (pg->state >= access) {
		if (access == DSM_WRITE)
			pg->dirty = true;
		return;
	}
	if (pg->want)		/* one request serves all who wait */
		return;
	if (dsm_member_is_lost(&x->c->members,
			       dsm_core_home(x->c, x->ev->page))) {
		fail(x, DSM_STATUS_LOST);
		return;
	}

	pg->want = access;
	pg->serial++;
	pg->error = DSM_STATUS_OK;
	msg.version = pg->version;
	if (pg->state == DSM_READ)
		msg.flags = DSM_MSG_HAVE;
	send_home(x, &msg);
}

/*
 * The hold time runs from the first use, once for each grant: if every use
 * prolonged it, a busy node would never give the page away. A later one can
 * only make it shorter.
 */
void dsm_cache_used(struct dsm_ctx *x)
{
	struct dsm_page *pg = x->pg;
	u64 until = x->ev->now + x->ev->hold_us;

	if (!pg->fresh && until >= pg->hold_until)
		return;
	pg->fresh = false;
	pg->hold_until = until;
	if (pg->deferred.type)
		dsm_act_timer(x, pg->hold_until);
}

void dsm_cache_evict(struct dsm_ctx *x)
{
	struct dsm_page *pg = x->pg;

	/* The owner's copy may be the last one; the home need not know. */
	if (!pg->owned && !pg->deferred.type && !x->ev->pinned &&
	    x->ev->now >= pg->hold_until)
		protect(x, DSM_NONE);
}

/* The request is over once the grant and every acknowledgement are here. */
static void settle(struct dsm_ctx *x)
{
	struct dsm_page *pg = x->pg;
	struct dsm_msg done = {
		.type = DSM_MSG_DONE,
		.access = pg->granted,
		.flags = pg->clean ? DSM_MSG_CLEAN : 0,
	};

	if (!pg->granted || !pg->counted || pg->acks_left)
		return;

	pg->version = pg->acks_version;
	done.version = pg->version;
	dsm_acks_forget(pg);
	pg->state = pg->granted;
	pg->owned = pg->granted == DSM_WRITE;
	pg->dirty = pg->want == DSM_WRITE;
	pg->fresh = true;
	pg->hold_until = x->ev->now + DSM_GRACE_US;
	pg->want = 0;
	pg->granted = 0;
	dsm_act_add(x, DSM_ACT_WAKE);
	if (!pg->final)
		send_home(x, &done);
}

/* Whether a grant answers the request in flight; see the table for states. */
static bool grant_fits(const struct dsm_ctx *x, const struct dsm_msg *msg)
{
	const struct dsm_page *pg = x->pg;
	bool needs_copy = msg->type == DSM_MSG_GRANT &&
			  !(msg->flags & DSM_MSG_ZERO);

	/* Its home would not grant what it still waits to see given away. */
	if (pg->granted || pg->deferred.type ||
	    msg->requester != x->c->self || msg->access < pg->want)
		return false;
	if (pg->state != (needs_copy ? DSM_READ : DSM_NONE))
		return false;
	if (msg->acks && msg->flags & DSM_MSG_FINAL)
		return false;
	if (msg->access == DSM_READ)
		return !msg->acks && msg->version >= pg->version;
	return msg->acks < x->c->members.nr && msg->version > pg->version;
}

enum dsm_verdict dsm_cache_recv_grant(struct dsm_ctx *x,
				      const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;

	if (!grant_fits(x, msg))
		return DSM_PROTO;
	/* A reader waits for nobody, whatever came. */
	if (msg->access == DSM_READ)
		dsm_acks_forget(pg);
	/* A recount that was faster knows better how many there will be. */
	if (msg->version >= pg->acks_version &&
	    !dsm_acks_expect(pg, msg->version, msg->acks))
		return DSM_PROTO;

	pg->granted = msg->access;
	pg->clean = msg->flags & DSM_MSG_CLEAN;
	pg->final = msg->flags & DSM_MSG_FINAL;
	if (msg->flags & DSM_MSG_ZERO)
		dsm_act_add(x, DSM_ACT_ZERO);
	settle(x);
	return DSM_OK;
}

enum dsm_verdict dsm_cache_recv_inval_ack(struct dsm_ctx *x,
					  const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;
	enum dsm_verdict verdict;

	if (!pg->want || msg->version <= pg->version)
		return DSM_STALE;
	/* The home knows whom it has told, and when it has told nobody. */
	if (x->hm && x->hm->requester != x->c->self)
		return DSM_STALE;
	if (x->hm && !dsm_set_has(x->hm->inval, x->ev->from))
		return DSM_PROTO;
	verdict = dsm_acks_take(pg, msg->version, x->c->members.nr);
	if (verdict == DSM_OK)
		settle(x);
	return verdict;
}

/*
 * A node was lost, and nobody knows whether its acknowledgement came. The
 * others are told once more, and their answers have this version. If the old
 * ones were enough after all, only the version is news.
 */
enum dsm_verdict dsm_cache_recv_recount(struct dsm_ctx *x,
					const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;

	if (!pg->want) {
		/* It is in front of all that could be put off. */
		if (pg->deferred.type)
			return DSM_PROTO;
		if (pg->version < msg->version)
			pg->version = msg->version;
		return DSM_OK;
	}
	if (msg->version <= pg->version ||
	    !dsm_acks_expect(pg, msg->version, msg->acks))
		return DSM_PROTO;
	settle(x);
	return DSM_OK;
}

/*
 * With an access it is about a transaction that had begun, and whose source is
 * lost. Only this node knows whether the bytes had come: then the DONE, sent
 * or to come, is the answer; else a DONE with the status is.
 */
enum dsm_verdict dsm_cache_recv_refuse(struct dsm_ctx *x,
				       const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;
	struct dsm_msg done = {
		.type = DSM_MSG_DONE,
		.access = msg->access,
		.status = msg->status,
		.version = msg->version,
	};

	if (msg->status == DSM_STATUS_OK)
		return DSM_PROTO;
	if (!pg->want || pg->granted)
		return msg->access ? DSM_STALE : DSM_PROTO;

	if (pg->version < msg->version && pg->state == DSM_NONE)
		pg->version = msg->version;
	fail(x, msg->status);
	if (msg->access)
		send_home(x, &done);
	return DSM_OK;
}

/* A use that can be waited for, and its time is not up. */
static bool is_used(const struct dsm_page *pg, const struct dsm_event *ev)
{
	u64 since = pg->deferred.type ? pg->deferred_since : ev->now;

	return ev->now < pg->hold_until ||
	       (ev->in_use && ev->now < since + DSM_IN_USE_MAX_US);
}

/* Whether the page must stay a little longer, and when to look again. */
static bool must_wait(struct dsm_ctx *x, u64 *until)
{
	const struct dsm_page *pg = x->pg;
	u64 now = x->ev->now;

	*until = pg->hold_until;
	if (now >= pg->hold_until)
		*until = now + DSM_POLL_US;
	if (is_used(pg, x->ev))
		return true;
	if (pg->deferred.type)
		*until += (now - pg->deferred_since) / 8;
	return x->ev->pinned;
}

/* The right that is left once @msg has its way */
static u8 left_by(u8 state, u8 access)
{
	if (access == DSM_WRITE)
		return DSM_NONE;
	return state == DSM_WRITE ? DSM_READ : state;
}

/**
 * dsm_cache_leaves - the right that an event leaves to this node, at least
 * @x:		the step
 * @next:	of enum dsm_right: what the home may serve in it; 0 if nothing
 */
u8 dsm_cache_leaves(const struct dsm_ctx *x, u8 next)
{
	const struct dsm_page *pg = x->pg;
	const struct dsm_msg *msg = &x->ev->msg;
	u8 state = pg->state;

	if (is_used(pg, x->ev))
		return state;
	if (x->ev->type == DSM_EV_TICK)
		msg = &pg->deferred;
	if (next)
		state = left_by(state, next);
	if (msg->type == DSM_MSG_FORWARD)
		return left_by(state, msg->access);
	return msg->type == DSM_MSG_INVALIDATE ? DSM_NONE : state;
}

static bool defer(struct dsm_ctx *x, const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;
	u64 until;

	if (!must_wait(x, &until))
		return false;
	if (!pg->deferred.type) {
		pg->deferred = *msg;
		pg->deferred_since = x->ev->now;
	}
	dsm_act_timer(x, until);
	return true;
}

/*
 * Whether a message about this page can be taken up. A home that learned before
 * this node that a reader is lost goes on without it: what was put off for that
 * reader is void.
 */
static bool can_take_up(struct dsm_page *pg)
{
	if (pg->deferred.type == DSM_MSG_FORWARD &&
	    pg->deferred.access == DSM_READ)
		pg->deferred.type = 0;
	return !pg->deferred.type;
}

/* Give up what @msg asks for, and send the bytes to its requester. */
static void give(struct dsm_ctx *x, const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;
	struct dsm_msg data = {
		.type = DSM_MSG_DATA,
		.access = msg->access,
		.requester = msg->requester,
		.acks = msg->acks,
		.serial = msg->serial,
		.page = msg->page,
		.version = msg->version,
	};

	if (pg->state == DSM_WRITE && !pg->dirty)
		data.flags = DSM_MSG_CLEAN;
	if (msg->access == DSM_WRITE) {
		protect(x, DSM_NONE);
		pg->version = msg->version;
	} else if (pg->state == DSM_WRITE) {
		protect(x, DSM_READ);
	}
	if (x->hm)
		dsm_home_send_final(x, &data);
	else
		dsm_act_send(x, msg->requester, &data);
}

/*
 * The home takes any holder for the owner when the owner is lost; it may be one
 * that has evicted its copy.
 */
enum dsm_verdict dsm_cache_recv_forward(struct dsm_ctx *x,
					const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;
	bool takes = msg->access == DSM_WRITE || pg->state == DSM_WRITE;

	if (msg->access == DSM_WRITE ? msg->version <= pg->version :
				       msg->version != pg->version)
		return DSM_PROTO;
	if (!can_take_up(pg))
		return DSM_PROTO;

	if (pg->state == DSM_NONE) {
		send_refuse(x, msg);
		return DSM_OK;
	}
	if (!takes || !defer(x, msg))
		give(x, msg);
	return DSM_OK;
}

/* The copy goes, and what is known of the page stays. */
static void drop_now(struct dsm_ctx *x, const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;

	if (pg->state != DSM_NONE)
		protect(x, DSM_NONE);
	if (pg->version < msg->version)
		pg->version = msg->version;
}

/**
 * dsm_cache_drop - give up a read-only copy, now if possible
 * @x:		the step
 * @msg:	the INVALIDATE
 *
 * Return: true if there is no copy any more; false if that is put off, and
 * an INVAL_ACK will follow.
 */
bool dsm_cache_drop(struct dsm_ctx *x, const struct dsm_msg *msg)
{
	if (x->pg->deferred.type) {
		x->pg->deferred = *msg;
		return false;
	}
	if (x->pg->state != DSM_NONE && defer(x, msg))
		return false;
	drop_now(x, msg);
	return true;
}

/* For a recount the same copy is told to go twice; the later one is answered */
static bool tells_again(const struct dsm_page *pg, const struct dsm_msg *msg)
{
	return pg->deferred.type == DSM_MSG_INVALIDATE &&
	       pg->deferred.requester == msg->requester &&
	       pg->deferred.version < msg->version;
}

/* A copy that was evicted is acknowledged like any other. */
enum dsm_verdict dsm_cache_recv_invalidate(struct dsm_ctx *x,
					   const struct dsm_msg *msg)
{
	struct dsm_page *pg = x->pg;

	if (pg->granted || msg->version <= pg->version)
		return DSM_PROTO;
	if (!tells_again(pg, msg) && !can_take_up(pg))
		return DSM_PROTO;

	if (dsm_cache_drop(x, msg))
		send_inval_ack(x, msg);
	return DSM_OK;
}

void dsm_cache_tick(struct dsm_ctx *x)
{
	struct dsm_page *pg = x->pg;
	struct dsm_msg msg = pg->deferred;

	if (!msg.type || defer(x, &msg))
		return;

	pg->deferred.type = 0;
	if (msg.type == DSM_MSG_FORWARD) {
		give(x, &msg);
		return;
	}
	drop_now(x, &msg);
	send_inval_ack(x, &msg);
}

void dsm_cache_lost(struct dsm_ctx *x, u16 node)
{
	struct dsm_page *pg = x->pg;

	if (pg->want && dsm_core_home(x->c, x->ev->page) == node) {
		pg->granted = 0;
		fail(x, DSM_STATUS_LOST);
	}

	if (!pg->deferred.type || pg->deferred.requester != node)
		return;
	/* What was promised to the lost node is gone for everybody. */
	if (pg->deferred.type == DSM_MSG_INVALIDATE ||
	    pg->deferred.access == DSM_WRITE)
		protect(x, DSM_NONE);
	pg->deferred.type = 0;
}
