// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page's directory entry: one transaction at a time, in order of arrival.
 *
 *	idle --- GET ---> busy --- DONE ---> idle, or busy with the next GET
 *	idle --- GET, and all that it takes comes from here ---> idle
 *
 * A transaction ends with its requester's DONE, not with the grant, so that no
 * later INVALIDATE or FORWARD can overtake the bytes it is about. What comes
 * from here is overtaken by nothing that comes from here.
 */
#include "step.h"

void dsm_home_init(struct dsm_home *hm, u16 self, u64 *copyset, u64 *inval,
		   u32 *queue, u16 words)
{
	*hm = (struct dsm_home) {
		.owner = self,
		.requester = DSM_NO_NODE,
		.source = DSM_NO_NODE,
		.last_reader = DSM_NO_NODE,
		.copyset = copyset,
		.inval = inval,
		.queue = queue,
	};
	dsm_set_clear(copyset, words);
	dsm_set_clear(inval, words);
}

/* The version that the transaction in flight makes or moves. */
static u64 next_version(const struct dsm_home *hm)
{
	return hm->version + (hm->busy == DSM_WRITE);
}

/*
 * Whether a message is about the transaction in flight; its version may be from
 * before a recount.
 */
static bool is_about(const struct dsm_home *hm, const struct dsm_msg *msg)
{
	u64 next = next_version(hm);

	return msg->requester == hm->requester && msg->serial == hm->serial &&
	       msg->access == hm->busy && msg->version <= next &&
	       next - msg->version <= hm->recounts;
}

static void begin(struct dsm_home *hm, const struct dsm_request *rq)
{
	hm->busy = rq->access;
	hm->requester = rq->node;
	hm->serial = rq->serial;
	hm->source = DSM_NO_NODE;
	hm->upgrade = false;
	hm->asked = false;
	hm->recounts = 0;
}

static void end(struct dsm_home *hm)
{
	hm->busy = 0;
	hm->requester = DSM_NO_NODE;
	hm->source = DSM_NO_NODE;
	hm->upgrade = false;
}

/*
 * Its requester has what it asked for, or will have it before it can hear of
 * the next; @clean: the last writer had not written.
 */
static void complete(struct dsm_ctx *x, bool clean)
{
	struct dsm_home *hm = x->hm;

	dsm_pattern_note(hm, clean);
	if (hm->busy == DSM_WRITE) {
		hm->version++;
		hm->owner = hm->requester;
		dsm_set_clear(hm->copyset, x->c->members.words);
	}
	dsm_set_add(hm->copyset, hm->requester);
	/* The source was lost, but its bytes had come. */
	if (hm->owner == DSM_NO_NODE)
		hm->owner = hm->requester;
	end(hm);
}

/**
 * dsm_home_send_final - send an answer that ends the transaction, if it can
 * @x:		the step
 * @msg:	DATA or GRANT from this node to another
 *
 * It can if the requester waits for nothing else: for no acknowledgement.
 */
void dsm_home_send_final(struct dsm_ctx *x, struct dsm_msg *msg)
{
	if (!msg->acks)
		msg->flags |= DSM_MSG_FINAL;
	dsm_act_send(x, msg->requester, msg);
	if (!msg->acks)
		complete(x, msg->flags & DSM_MSG_CLEAN);
}

static void send_grant(struct dsm_ctx *x, u8 flags, u16 acks)
{
	struct dsm_msg msg = {
		.type = DSM_MSG_GRANT,
		.access = x->hm->busy,
		.flags = flags,
		.requester = x->hm->requester,
		.acks = acks,
		.serial = x->hm->serial,
		.page = x->ev->page,
		.version = next_version(x->hm),
	};

	if (msg.requester == x->c->self)
		dsm_cache_recv_grant(x, &msg);
	else
		dsm_home_send_final(x, &msg);
}

static void send_forward(struct dsm_ctx *x, u16 acks)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_FORWARD,
		.access = x->hm->busy,
		.requester = x->hm->requester,
		.acks = acks,
		.serial = x->hm->serial,
		.page = x->ev->page,
		.version = next_version(x->hm),
	};

	if (x->hm->source == x->c->self)
		dsm_cache_recv_forward(x, &msg);
	else
		dsm_act_send(x, x->hm->source, &msg);
}

static void send_refuse(struct dsm_ctx *x, u16 to, u16 serial, u8 status,
			u8 access, u64 version)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_REFUSE,
		.access = access,
		.status = status,
		.requester = to,
		.serial = serial,
		.page = x->ev->page,
		.version = version,
	};

	if (to == x->c->self)
		dsm_cache_recv_refuse(x, &msg);
	else
		dsm_act_send(x, to, &msg);
}

/*
 * Who sends the bytes: this node if it has a copy, which saves a hop, else the
 * owner.
 */
static u16 pick_source(const struct dsm_ctx *x, u16 requester)
{
	if (x->pg->state != DSM_NONE && requester != x->c->self)
		return x->c->self;
	return x->hm->owner;
}

static void serve_read(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;

	if (!hm->version) {
		send_grant(x, DSM_MSG_ZERO, 0);
		return;
	}
	hm->source = pick_source(x, hm->requester);
	send_forward(x, 0);
}

/*
 * Tell the copies in dsm_home.inval to go, all at once, and drop this node's
 * own.
 *
 * Return: how many INVAL_ACK the requester will get.
 */
static u16 send_invalidate(struct dsm_ctx *x, bool own_copy)
{
	struct dsm_home *hm = x->hm;
	const struct dsm_msg msg = {
		.type = DSM_MSG_INVALIDATE,
		.requester = hm->requester,
		.serial = hm->serial,
		.page = x->ev->page,
		.version = next_version(hm),
	};
	u16 acks = dsm_set_count(hm->inval, x->c->members.words);

	if (acks) {
		struct dsm_act *act = dsm_act_add(x, DSM_ACT_SEND_SET);

		act->set = hm->inval;
		act->msg = msg;
	}
	if (own_copy && !dsm_cache_drop(x, &msg))
		acks++;
	return acks;
}

/* Every copy but the requester's and the source's has to go. */
static u16 invalidate_copies(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;
	bool own_copy;

	dsm_set_copy(hm->inval, hm->copyset, x->c->members.words);
	dsm_set_del(hm->inval, hm->requester);
	if (hm->source != DSM_NO_NODE)
		dsm_set_del(hm->inval, hm->source);
	own_copy = dsm_set_has(hm->inval, x->c->self);
	dsm_set_del(hm->inval, x->c->self);
	return send_invalidate(x, own_copy);
}

static void serve_write(struct dsm_ctx *x, bool upgrade)
{
	struct dsm_home *hm = x->hm;
	u16 acks;

	hm->upgrade = upgrade;
	if (!upgrade && hm->version)
		hm->source = pick_source(x, hm->requester);

	acks = invalidate_copies(x);
	if (hm->upgrade)
		send_grant(x, 0, acks);
	else if (!hm->version)
		send_grant(x, DSM_MSG_ZERO, acks);
	else
		send_forward(x, acks);
}

/* A node besides @node that may have a copy, or DSM_NO_NODE. */
static u16 other_copy(const struct dsm_ctx *x, u16 node)
{
	u16 words = x->c->members.words;
	u16 other;

	dsm_set_for_each(other, x->hm->copyset, words) {
		bool evicted = other == x->c->self && x->pg->state == DSM_NONE;

		if (other != node && !evicted)
			return other;
	}
	return DSM_NO_NODE;
}

/* Any other copy is as good as the owner's; without one, the page is lost. */
static void forget_copy(struct dsm_ctx *x, u16 node)
{
	struct dsm_home *hm = x->hm;

	dsm_set_del(hm->copyset, node);
	if (hm->owner != node)
		return;
	hm->owner = hm->version ? other_copy(x, node) : x->c->self;
	/* If it is the one here, that must not be evicted any more. */
	if (hm->owner == x->c->self && x->pg->state != DSM_NONE)
		x->pg->owned = true;
}

/*
 * Make sure that somebody can send the bytes.
 *
 * Return: of enum dsm_status, why nobody can.
 */
static u8 check_source(struct dsm_ctx *x, u16 requester)
{
	u16 source = pick_source(x, requester);

	/* A lost owner's heir may have evicted its copy. */
	if (source == requester && other_copy(x, requester) != DSM_NO_NODE) {
		forget_copy(x, requester);
		source = pick_source(x, requester);
	}
	/* Whoever has the only bytes cannot ask for them. */
	if (source == requester)
		return DSM_STATUS_PROTO;
	return source == DSM_NO_NODE ? DSM_STATUS_LOST : DSM_STATUS_OK;
}

/* Take up one request, or refuse it. */
static void serve(struct dsm_ctx *x, const struct dsm_request *rq)
{
	struct dsm_home *hm = x->hm;
	/* A copy that lost the race for an earlier upgrade is no copy. */
	bool upgrade = rq->have && dsm_set_has(hm->copyset, rq->node);
	u8 status = DSM_STATUS_OK;

	if (hm->version && !upgrade)
		status = check_source(x, rq->node);
	if (status != DSM_STATUS_OK) {
		send_refuse(x, rq->node, rq->serial, status, 0, hm->version);
		return;
	}

	begin(hm, rq);
	if (hm->busy == DSM_READ && hm->migratory == DSM_MIGRATORY)
		hm->busy = DSM_WRITE;
	if (hm->busy == DSM_READ)
		serve_read(x);
	else
		serve_write(x, upgrade);
}

static void serve_later(struct dsm_ctx *x)
{
	if (!x->hm->busy && x->hm->queue_len)
		dsm_act_timer(x, x->ev->now);
}

/* One request a step, to bound the actions; the timer brings the next. */
static void serve_next(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;
	struct dsm_request rq;

	if (hm->busy || !hm->queue_len)
		return;

	rq = dsm_queue_pop(x);
	serve(x, &rq);
	serve_later(x);
}

enum dsm_verdict dsm_home_recv_get(struct dsm_ctx *x, u16 from,
				   const struct dsm_msg *msg)
{
	struct dsm_home *hm = x->hm;
	const struct dsm_request rq = {
		.node = from,
		.serial = msg->serial,
		.access = msg->access,
		.have = msg->flags & DSM_MSG_HAVE,
	};

	if (!hm->busy && !hm->queue_len) {
		serve(x, &rq);
		return DSM_OK;
	}
	if ((hm->busy && hm->requester == from) || dsm_queue_has(x, from))
		return DSM_PROTO;
	dsm_queue_add(x, &rq);
	return DSM_OK;
}

/*
 * The transaction will not be completed. A write has told all copies to go: the
 * page is lost with the node that had it or was to have it.
 */
static void abandon(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;

	if (hm->busy == DSM_WRITE) {
		hm->version++;
		hm->owner = DSM_NO_NODE;
		dsm_set_clear(hm->copyset, x->c->members.words);
	}
	end(hm);
}

enum dsm_verdict dsm_home_recv_done(struct dsm_ctx *x, u16 from,
				    const struct dsm_msg *msg)
{
	struct dsm_home *hm = x->hm;

	if (from != hm->requester || !is_about(hm, msg))
		return DSM_PROTO;
	/* It cannot have all while this node owes it bytes or an INVAL_ACK. */
	if (x->pg->deferred.type && x->pg->deferred.requester == from)
		return DSM_PROTO;

	if (msg->status) {
		if (!hm->asked)
			return DSM_PROTO;
		abandon(x);
		serve_next(x);
		return DSM_OK;
	}
	complete(x, msg->flags & DSM_MSG_CLEAN);
	serve_next(x);
	return DSM_OK;
}

/**
 * dsm_home_next - what may be served in this step
 * @x:		the step
 *
 * Return: of enum dsm_right, or 0 if nothing. The end of a transaction can make
 * the page migratory.
 */
u8 dsm_home_next(const struct dsm_ctx *x)
{
	const struct dsm_home *hm = x->hm;
	const struct dsm_event *ev = x->ev;
	bool done = ev->type == DSM_EV_RECV && ev->msg.type == DSM_MSG_DONE;
	bool get = ev->type == DSM_EV_RECV && ev->msg.type == DSM_MSG_GET;
	u8 access = get ? ev->msg.access : 0;

	if (!done && !get && ev->type != DSM_EV_TICK)
		return 0;
	if (hm->busy && !done)
		return 0;
	if (hm->queue_len)
		access = get ? 0 : dsm_queue_first(x).access;
	if (access == DSM_READ && hm->migratory + done >= DSM_MIGRATORY)
		access = DSM_WRITE;
	return access;
}

/**
 * dsm_home_tick - time has passed
 * @x:		the step
 * @busy:	a transaction was in flight before it: to serve another one now
 *		might take more of this node's copy than was foretold
 */
void dsm_home_tick(struct dsm_ctx *x, bool busy)
{
	if (busy)
		serve_later(x);
	else
		serve_next(x);
}

/*
 * The source of the transaction has no bytes, or is lost, maybe after it sent
 * them. Another copy can be read as well; without one, the requester has to
 * tell.
 */
static void lost_source(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;
	u16 source = pick_source(x, hm->requester);

	if (hm->busy == DSM_READ && source != DSM_NO_NODE &&
	    source != hm->requester) {
		serve_read(x);
		return;
	}
	hm->asked = true;
	send_refuse(x, hm->requester, hm->serial, DSM_STATUS_LOST, hm->busy,
		    next_version(hm));
}

enum dsm_verdict dsm_home_recv_refuse(struct dsm_ctx *x, u16 from,
				      const struct dsm_msg *msg)
{
	struct dsm_home *hm = x->hm;

	if (from != hm->source || !is_about(hm, msg))
		return DSM_PROTO;

	forget_copy(x, from);
	lost_source(x);
	return DSM_OK;
}

/*
 * A node is lost that may owe the requester an acknowledgement. The requester
 * only counts them, so all others are told once more, under a new version.
 */
static void recount(struct dsm_ctx *x, u16 node)
{
	struct dsm_home *hm = x->hm;
	struct dsm_msg msg = {
		.type = DSM_MSG_RECOUNT,
		.requester = hm->requester,
		.serial = hm->serial,
		.page = x->ev->page,
	};

	dsm_set_del(hm->inval, node);
	hm->version++;
	hm->recounts++;
	msg.version = next_version(hm);
	msg.acks = send_invalidate(x, x->pg->deferred.type ==
				      DSM_MSG_INVALIDATE);
	if (msg.requester == x->c->self)
		dsm_cache_recv_recount(x, &msg);
	else
		dsm_act_send(x, msg.requester, &msg);
}

void dsm_home_lost(struct dsm_ctx *x, u16 node)
{
	struct dsm_home *hm = x->hm;

	dsm_queue_remove(x, node);
	forget_copy(x, node);
	if (hm->busy && hm->requester == node)
		abandon(x);
	else if (hm->busy && hm->source == node)
		lost_source(x);
	else if (hm->busy == DSM_WRITE && dsm_set_has(hm->inval, node))
		recount(x, node);
	serve_later(x);
}
