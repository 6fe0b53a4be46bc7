// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session with a peer, which outlives its connections.
 *
 * Every protocol message has a number and stays on the sender's queue until the
 * peer acknowledges it (each header carries the last number received); after a
 * reconnection both say what they have, and the rest is sent again. So the
 * engine sees every message exactly once and in order, whatever happens to the
 * connection. fs/dlm/midcomms.c does the same for the same reason. What cannot
 * be mended is a peer that restarts: its memory is gone, which its new boot
 * generation shows.
 */
#include <linux/jiffies.h>

#include "dsm.h"

/* How much of a bound a frame uses up, see %DSM_ACK_EVERY */
static u32 weight(const struct dsm_frame *frame)
{
	return max(frame->length >> PAGE_SHIFT, 1U);
}

/**
 * dsm_session_send - give a protocol message its number and send it
 * @peer:	to whom
 * @parcel:	the message; dropped if the peer is lost
 * @plug:	where it waits for others, or NULL; a large page fills packets
 */
void dsm_session_send(struct dsm_peer *peer, struct dsm_parcel *parcel,
		      struct dsm_plug *plug)
{
	if (parcel->frame.length > PAGE_SIZE)
		plug = NULL;

	spin_lock(&peer->lock);
	if (peer->state == DSM_PEER_LOST) {
		spin_unlock(&peer->lock);
		dsm_parcel_free(peer->node, parcel);
		return;
	}
	parcel->frame.seq = ++peer->seq_out;
	if (list_empty(&peer->queue))
		peer->acked_at = jiffies;
	list_add_tail(&parcel->list, &peer->queue);
	peer->queued += weight(&parcel->frame);
	if (!peer->next)
		peer->next = parcel;
	spin_unlock(&peer->lock);
	dsm_tcp_push(peer, plug);
}

/**
 * dsm_session_chat - send a frame outside the sequence, if there is a way
 * @peer:	to whom
 * @parcel:	what; dropped when the peer is not connected or does not read
 */
void dsm_session_chat(struct dsm_peer *peer, struct dsm_parcel *parcel)
{
	bool fits;

	if (!READ_ONCE(peer->linked)) {
		dsm_parcel_free(peer->node, parcel);
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
		dsm_tcp_push(peer, NULL);
	else
		dsm_parcel_free(peer->node, parcel);
}

/** dsm_session_ack() - say what was received, and nothing else */
void dsm_session_ack(struct dsm_peer *peer)
{
	struct dsm_parcel *parcel = dsm_parcel_alloc(peer->node, 0, GFP_NOWAIT,
						     NULL);

	if (!parcel)
		return;		/* the keeper tries again */
	parcel->frame.msg.type = DSM_MSG_ACK;
	dsm_session_chat(peer, parcel);
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
		peer->queued -= weight(&parcel->frame);
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

/*
 * Whether a peer is not what it was when it was met. What it had is gone then,
 * though nothing may have been shared with it: others may hold its pages.
 */
static bool has_restarted(const struct dsm_peer *peer,
			  const struct dsm_hello *theirs)
{
	return peer->generation && peer->generation != theirs->generation;
}

/* What the session has against a greeting, before anything is changed. */
static u32 judge(const struct dsm_peer *peer, const struct dsm_hello *theirs)
{
	lockdep_assert_held(&peer->lock);

	if (peer->state == DSM_PEER_LOST || has_restarted(peer, theirs) ||
	    (theirs->peer_generation &&
	     theirs->peer_generation != peer->node->generation))
		return DSM_REFUSAL_RESTARTED;
	/* It cannot have got what was never sent. */
	if (theirs->received < peer->seq_acked ||
	    theirs->received > (peer->generation ? peer->seq_out : 0))
		return DSM_REFUSAL_SESSION;
	return DSM_REFUSAL_NONE;
}

/**
 * dsm_session_judge - whether a greeting fits the session
 * @peer:	the peer
 * @theirs:	what it said; it belongs to the cluster
 * @lost:	set to whether it tells that the peer has lost its memory: then
 *		dsm_session_lose() has to follow
 *
 * Return: of enum dsm_refusal.
 */
u32 dsm_session_judge(struct dsm_peer *peer, const struct dsm_hello *theirs,
		      bool *lost)
{
	u32 refusal;

	spin_lock(&peer->lock);
	refusal = judge(peer, theirs);
	*lost = peer->state != DSM_PEER_LOST && has_restarted(peer, theirs);
	spin_unlock(&peer->lock);
	return refusal;
}

/**
 * dsm_session_lose - a peer has lost its memory: tell all pages, for good
 * @peer:	the peer; no connection is tied to it; keeper only
 */
void dsm_session_lose(struct dsm_peer *peer)
{
	LIST_HEAD(unsent);

	spin_lock(&peer->lock);
	peer->state = DSM_PEER_LOST;
	peer->next = NULL;
	peer->queued = 0;
	list_splice_init(&peer->queue, &unsent);
	spin_unlock(&peer->lock);

	dsm_parcel_free_list(peer->node, &unsent);
	dsm_engine_lose(peer->node, peer->id);
}

/**
 * dsm_session_meet - begin the session, or take it up where it was broken off
 * @peer:	the peer; no connection is tied to it; keeper only
 * @theirs:	its greeting, judged to be good
 */
void dsm_session_meet(struct dsm_peer *peer, const struct dsm_hello *theirs)
{
	LIST_HEAD(acked);

	spin_lock(&peer->lock);
	peer->generation = theirs->generation;
	peer->state = DSM_PEER_OK;
	peer->refusal = DSM_REFUSAL_NONE;
	WRITE_ONCE(peer->met, true);
	peer->heard_at = jiffies;
	peer->acked_at = jiffies;
	take_acked(peer, theirs->received, &acked);
	rewind(peer);
	list_splice_init(&peer->chatter, &acked);
	peer->chatting = 0;
	spin_unlock(&peer->lock);

	dsm_parcel_free_list(peer->node, &acked);
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
		peer->unacked += weight(frame);
		peer->shared = true;
	}
	peer->heard_at = jiffies;
	take_acked(peer, frame->ack, &acked);
	err = 0;
out:
	spin_unlock(&peer->lock);
	dsm_parcel_free_list(peer->node, &acked);
	return err;
}

/**
 * dsm_session_recv - a frame came, whole
 * @peer:	from whom
 * @frame:	the header
 * @plug:	where what it is answered waits for others, or NULL
 *
 * Return: 0, or a negative error if no correct peer says that at this point, or
 * if its payload cannot be had: then the connection has to go.
 */
int dsm_session_recv(struct dsm_peer *peer, const struct dsm_frame *frame,
		     struct dsm_plug *plug)
{
	int err = recv_sequence(peer, frame);

	if (err)
		return err;

	switch (frame->msg.type) {
	case DSM_MSG_ACK:
		break;
	case DSM_MSG_PING:
		err = dsm_peer_recv_ping(peer, frame);
		break;
	case DSM_MSG_PONG:
		dsm_peer_recv_pong(peer, frame);
		break;
	case DSM_MSG_HELLO:
		return -EPROTO;
	default:
		atomic64_inc(&peer->messages_in);
		err = dsm_engine_recv(peer, frame, plug);
	}
	if (READ_ONCE(peer->unacked) >= DSM_ACK_EVERY)
		dsm_session_ack(peer);
	return err;
}
