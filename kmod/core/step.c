// SPDX-License-Identifier: GPL-2.0-only
/* The entry: check an event against the table, hand it to its one handler. */
#include "step.h"
#include "table.h"

/*
 * No step makes more than DSM_ACTS_MAX actions (PROTOCOL.md counts them), so
 * the last slot is only ever shared by a bug, which out->nr then shows.
 */
struct dsm_act *dsm_act_add(struct dsm_ctx *x, u8 type)
{
	struct dsm_out *out = x->out;
	u16 i = out->nr < DSM_ACTS_MAX ? out->nr : DSM_ACTS_MAX - 1;

	out->nr++;
	out->act[i] = (struct dsm_act) { .type = type };
	return &out->act[i];
}

void dsm_act_send(struct dsm_ctx *x, u16 to, const struct dsm_msg *msg)
{
	struct dsm_act *act = dsm_act_add(x, DSM_ACT_SEND);

	act->to = to;
	act->msg = *msg;
}

void dsm_act_timer(struct dsm_ctx *x, u64 at)
{
	dsm_act_add(x, DSM_ACT_TIMER)->at = at;
}

/* Whether a message can come from this sender at all. */
static bool sender_fits(const struct dsm_ctx *x)
{
	const struct dsm_members *m = &x->c->members;
	const struct dsm_event *ev = x->ev;
	const struct dsm_msg *msg = &ev->msg;
	bool access = msg->access == DSM_READ || msg->access == DSM_WRITE;
	u16 self = x->c->self;

	if (msg->page != ev->page || ev->from == self ||
	    !dsm_member_has(m, ev->from) || dsm_member_is_lost(m, ev->from))
		return false;

	switch (msg->type) {
	case DSM_MSG_GET:
		/* Who has a copy does not ask to read. */
		return access && msg->requester == ev->from &&
		       !(msg->access == DSM_READ && msg->flags & DSM_MSG_HAVE);
	case DSM_MSG_DONE:
		return access && msg->requester == ev->from;
	case DSM_MSG_FORWARD:
		return access && msg->requester != self &&
		       msg->acks < m->nr && dsm_member_has(m, msg->requester) &&
		       dsm_core_home(x->c, ev->page) == ev->from;
	case DSM_MSG_INVALIDATE:
		return msg->requester != self &&
		       dsm_member_has(m, msg->requester) &&
		       dsm_core_home(x->c, ev->page) == ev->from;
	case DSM_MSG_GRANT:
		return access && dsm_core_home(x->c, ev->page) == ev->from;
	case DSM_MSG_RECOUNT:
		return msg->requester == self && msg->acks < m->nr &&
		       dsm_core_home(x->c, ev->page) == ev->from;
	case DSM_MSG_REFUSE:
		return x->hm || dsm_core_home(x->c, ev->page) == ev->from;
	case DSM_MSG_DATA:
		/* The home knows who sends it bytes, if anybody does. */
		if (x->hm && (x->hm->requester != self ||
			      x->hm->source != ev->from))
			return false;
		/* Nor can anybody else say that a transaction is over. */
		if (msg->flags & DSM_MSG_FINAL &&
		    dsm_core_home(x->c, ev->page) != ev->from)
			return false;
		return access && !(msg->flags & DSM_MSG_ZERO);
	case DSM_MSG_INVAL_ACK:
		return msg->requester == self;
	}
	return false;
}

/* Whether it answers an earlier request than this node's last. */
static bool is_late(const struct dsm_ctx *x)
{
	const struct dsm_msg *msg = &x->ev->msg;

	switch (msg->type) {
	case DSM_MSG_DATA:
	case DSM_MSG_GRANT:
	case DSM_MSG_INVAL_ACK:
	case DSM_MSG_RECOUNT:
		return msg->serial != x->pg->serial;
	case DSM_MSG_REFUSE:
		return !x->hm && msg->serial != x->pg->serial;
	}
	return false;
}

static enum dsm_verdict recv(struct dsm_ctx *x)
{
	const struct dsm_msg *msg = &x->ev->msg;

	if (is_late(x))
		return DSM_STALE;
	switch (msg->type) {
	/* to a home */
	case DSM_MSG_GET:
		return dsm_home_recv_get(x, x->ev->from, msg);
	case DSM_MSG_DONE:
		return dsm_home_recv_done(x, x->ev->from, msg);
	/* from a home to a holder */
	case DSM_MSG_FORWARD:
		return dsm_cache_recv_forward(x, msg);
	case DSM_MSG_INVALIDATE:
		return dsm_cache_recv_invalidate(x, msg);
	/* to a requester */
	case DSM_MSG_DATA:
	case DSM_MSG_GRANT:
		return dsm_cache_recv_grant(x, msg);
	case DSM_MSG_INVAL_ACK:
		return dsm_cache_recv_inval_ack(x, msg);
	case DSM_MSG_RECOUNT:
		return dsm_cache_recv_recount(x, msg);
	/* from a home to a requester, or from a source to a home */
	case DSM_MSG_REFUSE:
		return x->hm ? dsm_home_recv_refuse(x, x->ev->from, msg) :
			       dsm_cache_recv_refuse(x, msg);
	}
	return DSM_PROTO;
}

static void lost(struct dsm_ctx *x)
{
	dsm_cache_lost(x, x->ev->from);
	if (x->hm)
		dsm_home_lost(x, x->ev->from);
}

static void tick(struct dsm_ctx *x)
{
	bool busy = x->hm && x->hm->busy;

	dsm_cache_tick(x);
	if (x->hm)
		dsm_home_tick(x, busy);
}

u8 dsm_step_leaves(const struct dsm_core *c, struct dsm_page *pg,
		   struct dsm_home *hm, const struct dsm_event *ev)
{
	const struct dsm_ctx x = { .c = c, .pg = pg, .hm = hm, .ev = ev };

	return dsm_cache_leaves(&x, hm ? dsm_home_next(&x) : 0);
}

enum dsm_verdict dsm_step(const struct dsm_core *c, struct dsm_page *pg,
			  struct dsm_home *hm, const struct dsm_event *ev,
			  struct dsm_out *out)
{
	struct dsm_ctx x = { .c = c, .pg = pg, .hm = hm, .ev = ev, .out = out };
	enum dsm_input in = dsm_input_of(ev);

	out->nr = 0;
	if (in == DSM_IN_END || ev->page >= c->pages ||
	    !dsm_table_legal(dsm_cache_state(pg), dsm_home_state(hm), in))
		return DSM_PROTO;

	switch (ev->type) {
	case DSM_EV_READ:
		dsm_cache_fault(&x, DSM_READ);
		break;
	case DSM_EV_WRITE:
		dsm_cache_fault(&x, DSM_WRITE);
		break;
	case DSM_EV_USED:
		dsm_cache_used(&x);
		break;
	case DSM_EV_EVICT:
		dsm_cache_evict(&x);
		break;
	case DSM_EV_TICK:
		tick(&x);
		break;
	case DSM_EV_LOST:
		lost(&x);
		break;
	case DSM_EV_RECV:
		return sender_fits(&x) ? recv(&x) : DSM_PROTO;
	}
	return DSM_OK;
}
