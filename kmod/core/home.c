// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page's directory entry: one transaction at a time, in order of arrival.
 *
 *	idle --- GET ---> busy --- DONE ---> idle, or busy with the next GET
 *
 * A transaction ends with its requester's DONE, not with the grant, so that no
 * later INVALIDATE or FORWARD can overtake the bytes it is about.
 */
#include "step.h"

/* A waiting request: node id, access and "has a copy" in one word. */
enum {
	QUEUE_NODE	= DSM_NODE_LIMIT - 1,
	QUEUE_ACCESS	= 10,
	QUEUE_HAVE	= 1 << 12,
};

static_assert(1 << QUEUE_ACCESS == DSM_NODE_LIMIT);

void dsm_home_init(struct dsm_home *hm, u16 self, u64 *copyset, u64 *inval,
		   u16 *queue, u16 words)
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

static u16 *queue_slot(const struct dsm_ctx *x, u16 i)
{
	return &x->hm->queue[(x->hm->queue_head + i) % x->c->members.nr];
}

static bool queue_has(const struct dsm_ctx *x, u16 node)
{
	u16 i;

	for (i = 0; i < x->hm->queue_len; i++)
		if ((*queue_slot(x, i) & QUEUE_NODE) == node)
			return true;
	return false;
}

static u16 queue_pop(struct dsm_ctx *x)
{
	u16 word = *queue_slot(x, 0);

	x->hm->queue_head = (x->hm->queue_head + 1) % x->c->members.nr;
	x->hm->queue_len--;
	return word;
}

static void queue_remove(struct dsm_ctx *x, u16 node)
{
	u16 i, kept = 0;

	for (i = 0; i < x->hm->queue_len; i++) {
		u16 word = *queue_slot(x, i);

		if ((word & QUEUE_NODE) != node)
			*queue_slot(x, kept++) = word;
	}
	x->hm->queue_len = kept;
}

/* The version that the transaction in flight makes or moves. */
static u64 next_version(const struct dsm_home *hm)
{
	return hm->version + (hm->busy == DSM_WRITE);
}

static void begin(struct dsm_home *hm, u16 requester, u8 access)
{
	hm->busy = access;
	hm->requester = requester;
	hm->source = DSM_NO_NODE;
	hm->upgrade = false;
	hm->asked = false;
}

static void end(struct dsm_home *hm)
{
	hm->busy = 0;
	hm->requester = DSM_NO_NODE;
	hm->source = DSM_NO_NODE;
	hm->upgrade = false;
}

static void send_grant(struct dsm_ctx *x, u8 flags, u16 acks)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_GRANT,
		.access = x->hm->busy,
		.flags = flags,
		.requester = x->hm->requester,
		.acks = acks,
		.page = x->ev->page,
		.version = next_version(x->hm),
	};

	if (msg.requester == x->c->self)
		dsm_cache_recv_grant(x, &msg);
	else
		dsm_act_send(x, msg.requester, &msg);
}

static void send_forward(struct dsm_ctx *x, u16 acks)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_FORWARD,
		.access = x->hm->busy,
		.requester = x->hm->requester,
		.acks = acks,
		.page = x->ev->page,
		.version = next_version(x->hm),
	};

	if (x->hm->source == x->c->self)
		dsm_cache_recv_forward(x, &msg);
	else
		dsm_act_send(x, x->hm->source, &msg);
}

static void send_refuse(struct dsm_ctx *x, u16 to, u8 status, u8 access,
			u64 version)
{
	const struct dsm_msg msg = {
		.type = DSM_MSG_REFUSE,
		.access = access,
		.status = status,
		.requester = to,
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

static void serve_read(struct dsm_ctx *x, u16 requester)
{
	struct dsm_home *hm = x->hm;

	begin(hm, requester, DSM_READ);
	if (!hm->version) {
		send_grant(x, DSM_MSG_ZERO, 0);
		return;
	}
	hm->source = pick_source(x, requester);
	send_forward(x, 0);
}

/*
 * Tell every copy but the requester's and the source's to go, all at once, and
 * drop this node's own.
 *
 * Return: how many INVAL_ACK the requester will get.
 */
static u16 invalidate_copies(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;
	u16 words = x->c->members.words;
	const struct dsm_msg msg = {
		.type = DSM_MSG_INVALIDATE,
		.requester = hm->requester,
		.page = x->ev->page,
		.version = next_version(hm),
	};
	bool own_copy;
	u16 acks;

	dsm_set_copy(hm->inval, hm->copyset, words);
	dsm_set_del(hm->inval, hm->requester);
	if (hm->source != DSM_NO_NODE)
		dsm_set_del(hm->inval, hm->source);
	own_copy = dsm_set_has(hm->inval, x->c->self);
	dsm_set_del(hm->inval, x->c->self);

	acks = dsm_set_count(hm->inval, words);
	if (acks) {
		struct dsm_act *act = dsm_act_add(x, DSM_ACT_SEND_SET);

		act->set = hm->inval;
		act->msg = msg;
	}
	if (own_copy && !dsm_cache_drop(x, &msg))
		acks++;
	return acks;
}

static void serve_write(struct dsm_ctx *x, u16 requester, bool have)
{
	struct dsm_home *hm = x->hm;
	u16 acks;

	begin(hm, requester, DSM_WRITE);
	/* A copy that lost the race for an earlier upgrade is no copy. */
	hm->upgrade = have && dsm_set_has(hm->copyset, requester);
	if (!hm->upgrade && hm->version)
		hm->source = pick_source(x, requester);

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

/* Take up one request, or refuse it. */
static void serve(struct dsm_ctx *x, u16 requester, u8 access, bool have)
{
	struct dsm_home *hm = x->hm;
	bool upgrade = have && dsm_set_has(hm->copyset, requester);
	u16 source = pick_source(x, requester);

	if (hm->version && !upgrade) {
		/* A lost owner's heir may have evicted its copy. */
		if (source == requester &&
		    other_copy(x, requester) != DSM_NO_NODE) {
			forget_copy(x, requester);
			source = pick_source(x, requester);
		}
		/* Whoever has the only bytes cannot ask for them. */
		if (source == requester) {
			send_refuse(x, requester, DSM_STATUS_PROTO, 0,
				    hm->version);
			return;
		}
		if (source == DSM_NO_NODE) {
			send_refuse(x, requester, DSM_STATUS_LOST, 0,
				    hm->version);
			return;
		}
	}

	if (access == DSM_READ && hm->migratory == DSM_MIGRATORY)
		access = DSM_WRITE;
	if (access == DSM_READ)
		serve_read(x, requester);
	else
		serve_write(x, requester, have);
}

/* One request a step, to bound the actions; the timer brings the next. */
static void serve_next(struct dsm_ctx *x)
{
	struct dsm_home *hm = x->hm;
	u16 word;

	if (hm->busy || !hm->queue_len)
		return;

	word = queue_pop(x);
	serve(x, word & QUEUE_NODE, word >> QUEUE_ACCESS & 3,
	      word & QUEUE_HAVE);
	if (!hm->busy && hm->queue_len)
		dsm_act_timer(x, x->ev->now);
}

enum dsm_verdict dsm_home_recv_get(struct dsm_ctx *x, u16 from,
				   const struct dsm_msg *msg)
{
	struct dsm_home *hm = x->hm;
	bool have = msg->flags & DSM_MSG_HAVE;

	if (!hm->busy && !hm->queue_len) {
		serve(x, from, msg->access, have);
		return DSM_OK;
	}
	if ((hm->busy && hm->requester == from) || queue_has(x, from))
		return DSM_PROTO;

	hm->queue_len++;
	*queue_slot(x, hm->queue_len - 1) =
		from | msg->access << QUEUE_ACCESS | (have ? QUEUE_HAVE : 0);
	return DSM_OK;
}

/*
 * A page is migratory when one node after the other reads and then writes it:
 * then the read had better come with write permission at once. (The idea is
 * from P. Stenström et al., "An adaptive cache coherence protocol optimized
 * for migratory sharing", ISCA 1993.) Two readers in a row, or a holder that
 * did not write, end it.
 */
static void note_pattern(struct dsm_home *hm, u16 requester, bool clean)
{
	if (hm->busy == DSM_READ) {
		if (hm->last_reader != DSM_NO_NODE &&
		    hm->last_reader != requester)
			hm->migratory = 0;
		hm->last_reader = requester;
	} else {
		if (hm->upgrade && hm->last_reader != requester)
			hm->migratory = 0;
		else if (hm->upgrade && hm->migratory < DSM_MIGRATORY)
			hm->migratory++;
		hm->last_reader = DSM_NO_NODE;
	}
	if (clean)
		hm->migratory = 0;
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

	if (from != hm->requester || msg->access != hm->busy ||
	    msg->version != next_version(hm))
		return DSM_PROTO;

	if (msg->status) {
		if (!hm->asked)
			return DSM_PROTO;
		abandon(x);
		serve_next(x);
		return DSM_OK;
	}
	note_pattern(hm, from, msg->flags & DSM_MSG_CLEAN);
	if (hm->busy == DSM_WRITE) {
		hm->version++;
		hm->owner = from;
		dsm_set_clear(hm->copyset, x->c->members.words);
	}
	dsm_set_add(hm->copyset, from);
	end(hm);
	serve_next(x);
	return DSM_OK;
}

void dsm_home_tick(struct dsm_ctx *x)
{
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
		serve_read(x, hm->requester);
		return;
	}
	hm->asked = true;
	send_refuse(x, hm->requester, DSM_STATUS_LOST, hm->busy,
		    next_version(hm));
}

enum dsm_verdict dsm_home_recv_refuse(struct dsm_ctx *x, u16 from,
				      const struct dsm_msg *msg)
{
	struct dsm_home *hm = x->hm;

	if (from != hm->source || msg->requester != hm->requester ||
	    msg->access != hm->busy || msg->version != next_version(hm))
		return DSM_PROTO;

	forget_copy(x, from);
	lost_source(x);
	return DSM_OK;
}

void dsm_home_lost(struct dsm_ctx *x, u16 node)
{
	struct dsm_home *hm = x->hm;

	queue_remove(x, node);
	forget_copy(x, node);
	if (hm->busy && hm->requester == node)
		abandon(x);
	else if (hm->busy && hm->source == node)
		lost_source(x);
	if (!hm->busy && hm->queue_len)
		dsm_act_timer(x, x->ev->now);
}
