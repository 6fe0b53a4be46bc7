// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers, and the session with each.
 *
 * A session outlives its connections. Every protocol message has a number and
 * stays on the sender's queue until the peer acknowledges it (each header
 * carries the last number received); after a reconnection both say what they
 * have, and the rest is sent again. So the engine sees every message exactly
 * once and in order, whatever happens to the connection. fs/dlm/midcomms.c does
 * the same for the same reason. What cannot be mended is a peer that restarts:
 * its memory is gone, which its new boot generation shows.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "dsm.h"

struct ping_wait {
	struct list_head list;
	struct completion done;
	u64 started_ns;
};

/** dsm_peer_pools_create() - memory for parcels, with a reserve */
int dsm_peer_pools_create(struct dsm_node *node)
{
	node->parcels = mempool_create_kmalloc_pool(DSM_POOL_FRAMES,
						    sizeof(struct dsm_parcel));
	if (!node->parcels)
		return -ENOMEM;
	node->payloads = mempool_create_page_pool(DSM_POOL_FRAMES, 0);
	if (!node->payloads) {
		mempool_destroy(node->parcels);
		return -ENOMEM;
	}
	return 0;
}

void dsm_peer_pools_destroy(struct dsm_node *node)
{
	mempool_destroy(node->payloads);
	mempool_destroy(node->parcels);
}

/**
 * dsm_peer_parcel - an empty parcel
 * @node:	whose
 * @length:	bytes of payload, at most a page
 * @gfp:	GFP_NOIO, which may sleep and never fails, for what has to be
 *		said; GFP_NOWAIT for chatter
 *
 * Return: the parcel, or NULL if it was not to wait for memory.
 */
struct dsm_parcel *dsm_peer_parcel(struct dsm_node *node, u32 length, gfp_t gfp)
{
	struct dsm_parcel *parcel = mempool_alloc(node->parcels, gfp);

	if (!parcel)
		return NULL;
	*parcel = (struct dsm_parcel) { .frame.length = length };
	if (!length)
		return parcel;
	parcel->payload = mempool_alloc(node->payloads, gfp);
	if (parcel->payload)
		return parcel;
	mempool_free(parcel, node->parcels);
	return NULL;
}

void dsm_peer_parcel_free(struct dsm_node *node, struct dsm_parcel *parcel)
{
	if (parcel->payload)
		mempool_free(parcel->payload, node->payloads);
	mempool_free(parcel, node->parcels);
}

static void free_parcels(struct dsm_node *node, struct list_head *list)
{
	struct dsm_parcel *parcel, *next;

	list_for_each_entry_safe(parcel, next, list, list) {
		list_del(&parcel->list);
		dsm_peer_parcel_free(node, parcel);
	}
}

/**
 * dsm_peer_create - a new peer, with its directory in nodes/
 * @node:	a node that is down; config_lock is held
 * @id:		the peer's node id, not known yet
 * @address:	where it listens
 * @text:	the same, as the user wrote it
 *
 * Return: the peer, or an ERR_PTR.
 */
struct dsm_peer *dsm_peer_create(struct dsm_node *node, u16 id,
				 const struct sockaddr_storage *address,
				 const char *text)
{
	struct dsm_peer *peer;
	int err;

	lockdep_assert_held(&node->config_lock);

	peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->node = node;
	peer->id = id;
	peer->address = *address;
	strscpy(peer->text, text, sizeof(peer->text));
	spin_lock_init(&peer->lock);
	mutex_init(&peer->tx_lock);
	INIT_LIST_HEAD(&peer->queue);
	INIT_LIST_HEAD(&peer->chatter);
	INIT_LIST_HEAD(&peer->pings);

	err = kobject_init_and_add(&peer->kobj, &dsm_sysfs_peer_type,
				   node->nodes_dir, "%u", id);
	if (err)
		goto err_put;
	err = xa_err(xa_store(&node->peers, id, peer, GFP_KERNEL));
	if (err)
		goto err_put;
	return peer;

err_put:
	kobject_put(&peer->kobj);
	return ERR_PTR(err);
}

/** dsm_peer_destroy() - forget a peer of a node that is down */
void dsm_peer_destroy(struct dsm_peer *peer)
{
	xa_erase(&peer->node->peers, peer->id);
	kobject_del(&peer->kobj);
	kobject_put(&peer->kobj);
}

/** dsm_peer_reset() - end the session; the connection is closed already */
void dsm_peer_reset(struct dsm_peer *peer)
{
	free_parcels(peer->node, &peer->queue);
	free_parcels(peer->node, &peer->chatter);
	peer->chatting = 0;
	peer->queued = 0;
	peer->next = NULL;
	peer->state = DSM_PEER_OK;
	peer->refusal = DSM_REFUSAL_NONE;
	peer->generation = 0;
	peer->shared = false;
	peer->seq_out = 0;
	peer->seq_acked = 0;
	peer->seq_sent = 0;
	peer->seq_in = 0;
	peer->unacked = 0;
	peer->met = false;
	peer->rtt_us = 0;
	atomic64_set(&peer->pages_in, 0);
	atomic64_set(&peer->pages_out, 0);
	atomic64_set(&peer->messages_in, 0);
	atomic64_set(&peer->messages_out, 0);
}

/**
 * dsm_peer_send - give a protocol message its number and send it
 * @peer:	to whom
 * @parcel:	the message; dropped if the peer is lost
 */
void dsm_peer_send(struct dsm_peer *peer, struct dsm_parcel *parcel)
{
	spin_lock(&peer->lock);
	if (peer->state == DSM_PEER_LOST) {
		spin_unlock(&peer->lock);
		dsm_peer_parcel_free(peer->node, parcel);
		return;
	}
	parcel->frame.seq = ++peer->seq_out;
	list_add_tail(&parcel->list, &peer->queue);
	peer->queued++;
	if (!peer->next)
		peer->next = parcel;
	spin_unlock(&peer->lock);
	dsm_tcp_push(peer);
}

/**
 * dsm_peer_chat - send a frame outside the sequence, if there is a way
 * @peer:	to whom
 * @parcel:	what; dropped when the peer is not connected or does not read
 */
void dsm_peer_chat(struct dsm_peer *peer, struct dsm_parcel *parcel)
{
	bool fits;

	if (!READ_ONCE(peer->linked)) {
		dsm_peer_parcel_free(peer->node, parcel);
		return;
	}
	spin_lock(&peer->lock);
	fits = peer->chatting < DSM_CHATTER_MAX;
	if (fits) {
		list_add_tail(&parcel->list, &peer->chatter);
		peer->chatting++;
	}
	spin_unlock(&peer->lock);
	if (fits)
		dsm_tcp_push(peer);
	else
		dsm_peer_parcel_free(peer->node, parcel);
}

static void send_ack(struct dsm_peer *peer)
{
	struct dsm_parcel *parcel = dsm_peer_parcel(peer->node, 0, GFP_NOWAIT);

	if (!parcel)
		return;		/* the keeper tries again */
	parcel->frame.msg.type = DSM_MSG_ACK;
	dsm_peer_chat(peer, parcel);
}

/* Collect on @list what the peer has received up to number @ack. */
static void take_acked(struct dsm_peer *peer, u64 ack, struct list_head *list)
{
	struct dsm_parcel *parcel, *next;

	lockdep_assert_held(&peer->lock);

	list_for_each_entry_safe(parcel, next, &peer->queue, list) {
		if (parcel->frame.seq > ack)
			break;
		if (parcel == peer->next)
			peer->next = NULL;
		peer->queued--;
		if (parcel->sending) {
			list_del_init(&parcel->list);
			parcel->acked = true;
		} else {
			list_move_tail(&parcel->list, list);
		}
	}
	if (peer->seq_acked != ack)
		peer->acked_at = jiffies;
	peer->seq_acked = ack;
}

/* Everything not acknowledged goes out (again) on the next connection. */
static void rewind(struct dsm_peer *peer)
{
	lockdep_assert_held(&peer->lock);

	peer->next = list_first_entry_or_null(&peer->queue, struct dsm_parcel,
					      list);
	peer->seq_sent = peer->seq_acked;
}

/* A new session with a peer that restarted before anything was shared. */
static void renumber(struct dsm_peer *peer)
{
	struct dsm_parcel *parcel;

	lockdep_assert_held(&peer->lock);

	peer->seq_out = 0;
	peer->seq_acked = 0;
	peer->seq_in = 0;
	list_for_each_entry(parcel, &peer->queue, list)
		parcel->frame.seq = ++peer->seq_out;
}

/* FNV-1a of the members' ids (http://www.isthe.com/chongo/tech/comp/fnv/). */
static u64 members_digest(const struct dsm_members *m)
{
	u64 digest = 0xcbf29ce484222325ULL;
	u16 i;

	for (i = 0; i < m->nr; i++) {
		digest = (digest ^ (m->ids[i] & 0xff)) * 0x100000001b3ULL;
		digest = (digest ^ (m->ids[i] >> 8)) * 0x100000001b3ULL;
	}
	return digest;
}

/**
 * dsm_peer_hello - what this node says of itself
 * @node:	this node
 * @to:		the id of whom it talks to
 * @peer:	the same, if it is known, else NULL
 * @mine:	filled in
 */
void dsm_peer_hello(struct dsm_node *node, u16 to, struct dsm_peer *peer,
		    struct dsm_hello *mine)
{
	*mine = (struct dsm_hello) {
		.version = DSM_WIRE_VERSION,
		.from = node->core.self,
		.to = to,
		.nodes = node->core.members.nr,
		.page_size = PAGE_SIZE,
		.block_size = node->set.block_size,
		.epoch = node->core.members.epoch,
		.size = node->set.size,
		.base = node->set.base,
		.members = members_digest(&node->core.members),
		.generation = node->generation,
	};
	memcpy(mine->cluster, node->set.cluster, sizeof(mine->cluster));
	if (!peer)
		return;
	spin_lock(&peer->lock);
	if (peer->shared)
		mine->peer_generation = peer->generation;
	mine->received = peer->seq_in;
	spin_unlock(&peer->lock);
}

/* What the session has against a greeting, before anything is changed. */
static u32 judge_session(const struct dsm_peer *peer,
			 const struct dsm_hello *theirs)
{
	lockdep_assert_held(&peer->lock);

	if (peer->state == DSM_PEER_LOST ||
	    (theirs->peer_generation &&
	     theirs->peer_generation != peer->node->generation))
		return DSM_REFUSAL_RESTARTED;
	if (peer->generation != theirs->generation)
		return peer->shared ? DSM_REFUSAL_RESTARTED : DSM_REFUSAL_NONE;
	if (theirs->received < peer->seq_acked ||
	    theirs->received > peer->seq_out)
		return DSM_REFUSAL_SESSION;
	return DSM_REFUSAL_NONE;
}

/**
 * dsm_peer_judge - whether a greeting fits the session
 * @peer:	the peer
 * @theirs:	what it said; it belongs to the cluster
 * @lost:	set to whether it tells that the peer has lost what was shared:
 *		then dsm_peer_lose() has to follow
 *
 * Return: of enum dsm_refusal.
 */
u32 dsm_peer_judge(struct dsm_peer *peer, const struct dsm_hello *theirs,
		   bool *lost)
{
	u32 refusal;

	spin_lock(&peer->lock);
	refusal = judge_session(peer, theirs);
	*lost = refusal == DSM_REFUSAL_RESTARTED && peer->shared &&
		peer->state != DSM_PEER_LOST &&
		peer->generation != theirs->generation;
	spin_unlock(&peer->lock);
	return refusal;
}

/**
 * dsm_peer_lose - a peer has lost its memory: for good, and all pages learn it
 * @peer:	the peer; no connection is tied to it; keeper only
 */
void dsm_peer_lose(struct dsm_peer *peer)
{
	LIST_HEAD(unsent);

	spin_lock(&peer->lock);
	peer->state = DSM_PEER_LOST;
	peer->next = NULL;
	peer->queued = 0;
	list_splice_init(&peer->queue, &unsent);
	spin_unlock(&peer->lock);

	free_parcels(peer->node, &unsent);
	dsm_engine_lose(peer->node, peer->id);
}

/**
 * dsm_peer_meet - begin the session, or take it up where it was broken off
 * @peer:	the peer; no connection is tied to it; keeper only
 * @theirs:	its greeting, judged to be good
 */
void dsm_peer_meet(struct dsm_peer *peer, const struct dsm_hello *theirs)
{
	LIST_HEAD(acked);

	spin_lock(&peer->lock);
	if (peer->generation != theirs->generation)
		renumber(peer);
	peer->generation = theirs->generation;
	peer->state = DSM_PEER_OK;
	peer->refusal = DSM_REFUSAL_NONE;
	peer->met = true;
	peer->heard_at = jiffies;
	peer->acked_at = jiffies;
	take_acked(peer, theirs->received, &acked);
	rewind(peer);
	list_splice_init(&peer->chatter, &acked);
	peer->chatting = 0;
	spin_unlock(&peer->lock);

	free_parcels(peer->node, &acked);
}

/**
 * dsm_peer_refuse - a handshake failed
 * @peer:	the peer
 * @refusal:	of enum dsm_refusal: why
 *
 * Says so once in the log for each reason.
 */
void dsm_peer_refuse(struct dsm_peer *peer, u32 refusal)
{
	struct device *dev = &peer->node->dev;
	bool news;

	spin_lock(&peer->lock);
	news = peer->refusal != refusal;
	peer->refusal = refusal;
	if (peer->state == DSM_PEER_OK)
		peer->state = DSM_PEER_REFUSED;
	spin_unlock(&peer->lock);
	if (!news)
		return;
	if (refusal == DSM_REFUSAL_RESTARTED)
		dev_warn_ratelimited(dev, "node %u or this one restarted: its pages are lost\n",
				     peer->id);
	else
		dev_warn_ratelimited(dev, "node %u at %s is refused: %s does not match\n",
				     peer->id, peer->text,
				     dsm_refusal_name(refusal));
}

static void answer_ping(struct dsm_peer *peer, const struct dsm_frame *frame,
			const void *payload)
{
	struct dsm_parcel *pong = dsm_peer_parcel(peer->node, frame->length,
						  GFP_NOWAIT);

	if (!pong)
		return;
	pong->frame.msg = frame->msg;
	pong->frame.msg.type = DSM_MSG_PONG;
	if (frame->length)
		memcpy(page_address(pong->payload), payload, frame->length);
	dsm_peer_chat(peer, pong);
}

/* A ping's page says who waits (0: the heartbeat), its version when it left. */
static void recv_pong(struct dsm_peer *peer, const struct dsm_frame *frame)
{
	u64 now = ktime_get_ns();
	struct ping_wait *wait;

	if (!frame->msg.page) {
		if (frame->msg.version <= now)
			peer->rtt_us = min_t(u64, U32_MAX,
					     div_u64(now - frame->msg.version,
						     NSEC_PER_USEC));
		return;
	}
	spin_lock(&peer->lock);
	list_for_each_entry(wait, &peer->pings, list) {
		if (wait->started_ns == frame->msg.page) {
			complete(&wait->done);
			break;
		}
	}
	spin_unlock(&peer->lock);
}

/* Take the frame's place in the session. */
static int recv_sequence(struct dsm_peer *peer, const struct dsm_frame *frame)
{
	bool numbered = dsm_msg_is_protocol(frame->msg.type);
	LIST_HEAD(acked);
	int err = -EPROTO;

	spin_lock(&peer->lock);
	if (frame->session != peer->generation ||
	    frame->ack < peer->seq_acked || frame->ack > peer->seq_sent ||
	    frame->seq != (numbered ? peer->seq_in + 1 : 0))
		goto out;
	/* It asks for more and more, and does not say that anything came. */
	if (numbered && peer->queued > DSM_QUEUE_MAX &&
	    frame->ack == peer->seq_acked &&
	    time_after(jiffies, peer->acked_at + msecs_to_jiffies(DSM_CUT_MS)))
		goto out;
	if (numbered) {
		peer->seq_in++;
		peer->unacked++;
		peer->shared = true;
	}
	peer->heard_at = jiffies;
	take_acked(peer, frame->ack, &acked);
	err = 0;
out:
	spin_unlock(&peer->lock);
	free_parcels(peer->node, &acked);
	return err;
}

/**
 * dsm_peer_recv - a frame came, whole
 * @peer:	from whom
 * @frame:	the header
 * @payload:	its payload
 *
 * Return: 0, or %-EPROTO if no correct peer says that at this point: then the
 * connection has to go.
 */
int dsm_peer_recv(struct dsm_peer *peer, const struct dsm_frame *frame,
		  const void *payload)
{
	int err = recv_sequence(peer, frame);

	if (err)
		return err;

	switch (frame->msg.type) {
	case DSM_MSG_ACK:
		break;
	case DSM_MSG_PING:
		answer_ping(peer, frame, payload);
		break;
	case DSM_MSG_PONG:
		recv_pong(peer, frame);
		break;
	case DSM_MSG_HELLO:
		return -EPROTO;
	default:
		atomic64_inc(&peer->messages_in);
		dsm_engine_recv(peer->node, peer->id, frame, payload);
	}
	if (READ_ONCE(peer->unacked) >= DSM_ACK_EVERY)
		send_ack(peer);
	return 0;
}

/** dsm_peer_beat() - what has to be said now and then; keeper only */
void dsm_peer_beat(struct dsm_peer *peer)
{
	struct dsm_parcel *ping;

	if (time_before(jiffies, peer->beat_at)) {
		if (READ_ONCE(peer->unacked))
			send_ack(peer);
		return;
	}
	peer->beat_at = jiffies + msecs_to_jiffies(DSM_BEAT_MS);
	ping = dsm_peer_parcel(peer->node, 0, GFP_NOWAIT);
	if (!ping)
		return;
	ping->frame.msg.type = DSM_MSG_PING;
	ping->frame.msg.version = ktime_get_ns();
	dsm_peer_chat(peer, ping);
}

/**
 * dsm_peer_ping - one round trip, for DSM_IOC_PING
 * @peer:	to whom
 * @bytes:	payload each way, at most %DSM_PING_PAYLOAD_MAX
 * @timeout_ms:	how long to wait
 * @rtt_ns:	set to the time it took
 *
 * Return: 0, %-ETIMEDOUT, %-EHOSTUNREACH without a connection, %-ENOMEM, or
 * %-EINTR.
 */
int dsm_peer_ping(struct dsm_peer *peer, u32 bytes, u32 timeout_ms, u64 *rtt_ns)
{
	unsigned long timeout = msecs_to_jiffies(timeout_ms);
	struct dsm_parcel *ping;
	struct ping_wait wait;
	long left;

	if (!READ_ONCE(peer->linked))
		return -EHOSTUNREACH;

	ping = dsm_peer_parcel(peer->node, bytes, GFP_NOWAIT);
	if (!ping)
		return -ENOMEM;
	if (bytes)
		memset(page_address(ping->payload), 0, bytes);
	init_completion(&wait.done);
	wait.started_ns = ktime_get_ns();
	spin_lock(&peer->lock);
	list_add_tail(&wait.list, &peer->pings);
	spin_unlock(&peer->lock);

	ping->frame.msg.type = DSM_MSG_PING;
	ping->frame.msg.page = wait.started_ns;
	dsm_peer_chat(peer, ping);
	left = wait_for_completion_interruptible_timeout(&wait.done, timeout);
	*rtt_ns = ktime_get_ns() - wait.started_ns;

	spin_lock(&peer->lock);
	list_del(&wait.list);
	spin_unlock(&peer->lock);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/** dsm_peer_is_up() - connected, and heard of lately */
bool dsm_peer_is_up(const struct dsm_peer *peer)
{
	return READ_ONCE(peer->linked) &&
	       time_before(jiffies, READ_ONCE(peer->heard_at) +
			   msecs_to_jiffies(DSM_SILENCE_MS));
}

/** dsm_peer_state_name() - what nodes/ID/state shows, but for the refusal */
const char *dsm_peer_state_name(const struct dsm_peer *peer)
{
	if (!peer->node->up)
		return "down";
	if (peer->state == DSM_PEER_LOST)
		return "lost";
	if (peer->state == DSM_PEER_REFUSED)
		return "refused";
	if (dsm_peer_is_up(peer))
		return "up";
	return peer->met ? "unreachable" : "connecting";
}
