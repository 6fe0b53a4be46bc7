// SPDX-License-Identifier: GPL-2.0-only
/* Peers: the other nodes, what is said of and to them, how they fare. */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "dsm.h"

/* In what a heartbeat tells the mean round trip, in microseconds */
#define RTT_UNIT_US	16

struct ping_wait {
	struct list_head list;
	struct completion done;
	u64 started_ns;
};

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

	peer = kzalloc_obj(*peer);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->node = node;
	peer->id = id;
	peer->address = *address;
	strscpy(peer->text, text, sizeof(peer->text));
	spin_lock_init(&peer->lock);
	mutex_init(&peer->rx_lock);
	mutex_init(&peer->tx_lock);
	init_waitqueue_head(&peer->rx_wait);
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
	dsm_parcel_free_list(peer->node, &peer->queue);
	dsm_parcel_free_list(peer->node, &peer->chatter);
	peer->chatting = 0;
	peer->queued = 0;
	peer->next = NULL;
	spin_lock(&peer->lock);
	peer->state = DSM_PEER_OK;
	peer->refusal = DSM_REFUSAL_NONE;
	spin_unlock(&peer->lock);
	peer->generation = 0;
	peer->shared = false;
	peer->seq_out = 0;
	peer->seq_acked = 0;
	peer->seq_sent = 0;
	peer->seq_in = 0;
	peer->unacked = 0;
	peer->met = false;
	peer->rtt_us = 0;
	peer->told_rtt_us = 0;
	atomic64_set(&peer->pages_in, 0);
	atomic64_set(&peer->pages_out, 0);
	atomic64_set(&peer->messages_in, 0);
	atomic64_set(&peer->messages_out, 0);
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
	mine->peer_generation = peer->generation;
	mine->received = peer->seq_in;
	spin_unlock(&peer->lock);
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

/**
 * dsm_peer_recv_ping - send a ping's payload back, if there is memory
 * @peer:	from whom it came
 * @frame:	the ping
 *
 * Return: 0, or a negative error if the payload cannot be had.
 */
int dsm_peer_recv_ping(struct dsm_peer *peer, const struct dsm_frame *frame)
{
	struct dsm_parcel *pong = dsm_parcel_alloc(peer->node, frame->length,
						  GFP_NOWAIT, NULL);
	int err = 0;

	if (!frame->msg.page)
		WRITE_ONCE(peer->told_rtt_us, frame->msg.serial * RTT_UNIT_US);
	if (!pong)
		return 0;
	pong->frame.msg = frame->msg;
	pong->frame.msg.type = DSM_MSG_PONG;
	if (frame->length)
		err = dsm_tcp_recv_payload(peer, pong->payload);
	if (err)
		dsm_parcel_free(peer->node, pong);
	else
		dsm_session_chat(peer, pong);
	return err;
}

/* The node's is smoothed as TCP does it (RFC 6298, 2.3). */
static void note_rtt(struct dsm_peer *peer, u64 us)
{
	u32 rtt = clamp_t(u64, us, RTT_UNIT_US, 60 * USEC_PER_SEC);
	u32 mean = READ_ONCE(peer->node->rtt_us);

	WRITE_ONCE(peer->rtt_us, rtt);
	WRITE_ONCE(peer->node->rtt_us,
		   mean ? mean - mean / 8 + rtt / 8 : rtt);
}

/*
 * A ping's page says who waits (0: the heartbeat), its version when it left; a
 * heartbeat's serial, what round trip its sender measures.
 */
void dsm_peer_recv_pong(struct dsm_peer *peer, const struct dsm_frame *frame)
{
	u64 now = ktime_get_ns();
	struct ping_wait *wait;

	if (!frame->msg.page) {
		if (frame->msg.version <= now)
			note_rtt(peer, div_u64(now - frame->msg.version,
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

/** dsm_peer_beat() - what has to be said now and then; keeper only */
void dsm_peer_beat(struct dsm_peer *peer)
{
	struct dsm_parcel *ping;

	if (time_before(jiffies, peer->beat_at)) {
		if (READ_ONCE(peer->unacked))
			dsm_session_ack(peer);
		return;
	}
	peer->beat_at = jiffies + msecs_to_jiffies(DSM_BEAT_MS);
	ping = dsm_parcel_alloc(peer->node, 0, GFP_NOWAIT, NULL);
	if (!ping)
		return;
	ping->frame.msg.type = DSM_MSG_PING;
	ping->frame.msg.serial = min_t(u32, U16_MAX,
				       READ_ONCE(peer->node->rtt_us) /
				       RTT_UNIT_US);
	ping->frame.msg.version = ktime_get_ns();
	dsm_session_chat(peer, ping);
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

	ping = dsm_parcel_alloc(peer->node, bytes, GFP_NOWAIT, NULL);
	if (!ping)
		return -ENOMEM;
	if (bytes)
		memset(ping->payload, 0, bytes);
	init_completion(&wait.done);
	wait.started_ns = ktime_get_ns();
	spin_lock(&peer->lock);
	list_add_tail(&wait.list, &peer->pings);
	spin_unlock(&peer->lock);

	ping->frame.msg.type = DSM_MSG_PING;
	ping->frame.msg.page = wait.started_ns;
	dsm_session_chat(peer, ping);
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
	if (dsm_node_is_down(peer->node))
		return "down";
	if (peer->state == DSM_PEER_LOST)
		return "lost";
	if (peer->state == DSM_PEER_REFUSED)
		return "refused";
	if (dsm_peer_is_up(peer))
		return "up";
	return READ_ONCE(peer->met) ? "unreachable" : "connecting";
}
