// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: whoever has something to say writes it to the socket at once, and
 * what others have queued with it; nobody waits. When the socket is full,
 * tx_work goes on as soon as it has room. Who knows that he will say more soon
 * holds back, and all of it goes in few packets. Whoever has something urgent
 * to say to the same peer does not wait for that, and takes it along.
 */
#include <linux/bvec.h>
#include <linux/mm.h>

#include "tcp.h"

/* With so much to be written at once, no further parcel is added */
#define TX_BYTES	(32 << 10)

/* The next parcel to write, or NULL. */
static struct dsm_parcel *next_parcel(struct dsm_peer *peer)
{
	struct dsm_parcel *parcel;

	parcel = list_first_entry_or_null(&peer->chatter, struct dsm_parcel,
					  list);
	if (parcel) {
		list_del_init(&parcel->list);
		peer->chatting--;
		return parcel;
	}
	parcel = peer->next;
	if (!parcel)
		return NULL;
	peer->next = list_is_last(&parcel->list, &peer->queue) ? NULL :
		     list_next_entry(parcel, list);
	peer->seq_sent = parcel->frame.seq;
	peer->shared = true;
	parcel->sending = true;
	return parcel;
}

/* Take parcels to be written at once. */
static void pick(struct dsm_peer *peer, struct dsm_conn *conn)
{
	struct dsm_node *node = peer->node;
	struct dsm_parcel *parcel;
	struct dsm_frame *frame;
	unsigned int nr = 0;
	u32 bytes = 0;

	spin_lock(&peer->lock);
	/* What is to go first need not wait for several large pages. */
	while (nr < DSM_BATCH && bytes < TX_BYTES &&
	       (parcel = next_parcel(peer))) {
		frame = &parcel->frame;
		bytes += DSM_WIRE_BYTES + frame->length;
		frame->session = node->generation;
		frame->epoch = node->core.members.epoch;
		frame->ack = peer->seq_in;
		peer->unacked = 0;
		dsm_wire_encode(frame, conn->tx_headers[nr]);
		conn->tx[nr++] = parcel;
	}
	conn->tx_more = peer->next || !list_empty(&peer->chatter);
	spin_unlock(&peer->lock);
	conn->tx_at = 0;
	conn->tx_end = nr;
	conn->tx_done = 0;
}

/* The parcel is written, or will not be: a numbered one stays on the queue. */
static void put(struct dsm_peer *peer, struct dsm_parcel *parcel)
{
	bool last = true;

	if (parcel->frame.seq) {
		spin_lock(&peer->lock);
		parcel->sending = false;
		last = parcel->acked;
		spin_unlock(&peer->lock);
	}
	if (last)
		dsm_parcel_free(peer->node, parcel);
}

static u32 frame_bytes(const struct dsm_parcel *parcel)
{
	return DSM_WIRE_BYTES + parcel->frame.length;
}

/*
 * Whether TCP is lent a payload, and copies nothing; see is_ours() in parcel.c.
 * That takes a call of its own, so it is worth it for large ones. They have to
 * be in one piece, and pages of their own (sendpage_ok() in
 * include/linux/net.h). While the reserve is in use they are copied, too: TCP
 * may refer to one for longer than until it is acknowledged, and who waits for
 * memory could not have it.
 */
static bool is_lent(const struct dsm_conn *conn,
		    const struct dsm_parcel *parcel)
{
	return parcel->reserved && parcel->frame.length > PAGE_SIZE &&
	       !is_vmalloc_addr(parcel->payload) &&
	       mempool_is_saturated(conn->node->payloads);
}

/*
 * What is complete is a record (MSG_EOR). TCP_NODELAY or not, TCP would hold
 * back a small packet, to add to it what follows, as long as one before it is
 * not out (tcp_should_autocork() in net/ipv4/tcp.c); but not a record's end.
 */
static unsigned int send_flags(const struct dsm_conn *conn, bool more)
{
	return MSG_DONTWAIT | MSG_NOSIGNAL |
	       (more || conn->tx_more ? MSG_MORE : MSG_EOR);
}

/* Send the rest of the first parcel's payload where it lies. */
static int lend_rest(struct dsm_conn *conn)
{
	const struct dsm_parcel *parcel = conn->tx[conn->tx_at];
	u32 done = conn->tx_done - DSM_WIRE_BYTES;
	struct msghdr msg = {
		.msg_flags = MSG_SPLICE_PAGES |
			     send_flags(conn, conn->tx_at + 1 < conn->tx_end),
	};
	struct bio_vec vec;

	bvec_set_virt(&vec, parcel->payload + done,
		      parcel->frame.length - done);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, vec.bv_len);
	return sock_sendmsg(conn->sock, &msg);
}

/*
 * Write what one call can: all there is up to a payload that is lent, or the
 * rest of that.
 *
 * Return: bytes written, or a negative error.
 */
static int write_some(struct dsm_conn *conn)
{
	struct kvec vec[2 * DSM_BATCH];
	u32 done = conn->tx_done;
	struct msghdr msg = {};
	size_t n = 0, total = 0;
	unsigned int i;

	for (i = conn->tx_at; i < conn->tx_end; i++, done = 0) {
		const struct dsm_parcel *parcel = conn->tx[i];

		if (done < DSM_WIRE_BYTES) {
			vec[n].iov_base = conn->tx_headers[i] + done;
			vec[n].iov_len = DSM_WIRE_BYTES - done;
			total += vec[n++].iov_len;
			done = DSM_WIRE_BYTES;
		}
		if (is_lent(conn, parcel))
			break;
		if (done < frame_bytes(parcel)) {
			vec[n].iov_base = parcel->payload + done -
					  DSM_WIRE_BYTES;
			vec[n].iov_len = frame_bytes(parcel) - done;
			total += vec[n++].iov_len;
		}
	}
	if (!n)
		return lend_rest(conn);
	msg.msg_flags = send_flags(conn, i < conn->tx_end);
	return kernel_sendmsg(conn->sock, &msg, vec, n, total);
}

/* So many bytes more are written. */
static void note_written(struct dsm_peer *peer, struct dsm_conn *conn, u32 n)
{
	conn->tx_done += n;
	while (conn->tx_at < conn->tx_end &&
	       conn->tx_done >= frame_bytes(conn->tx[conn->tx_at])) {
		struct dsm_parcel *parcel = conn->tx[conn->tx_at++];

		conn->tx_done -= frame_bytes(parcel);
		put(peer, parcel);
	}
}

/* Write all there is. Return: false if the socket is full or gone. */
static bool drain(struct dsm_peer *peer)
{
	struct dsm_conn *conn = peer->conn;
	int n;

	lockdep_assert_held(&peer->tx_lock);

	if (!conn || READ_ONCE(conn->dead))
		return false;
	for (;;) {
		if (conn->tx_at == conn->tx_end)
			pick(peer, conn);
		if (conn->tx_at == conn->tx_end)
			return true;
		n = write_some(conn);
		if (n == -EAGAIN)
			return false;
		if (n < 0) {
			dsm_tcp_fail(conn);
			return false;
		}
		note_written(peer, conn, n);
	}
}

static bool has_more(struct dsm_peer *peer)
{
	bool more;

	spin_lock(&peer->lock);
	more = peer->next || !list_empty(&peer->chatter);
	spin_unlock(&peer->lock);
	return more;
}

/* Go on as long as others queue while we send: see dsm_tcp_push(). */
static void drain_and_unlock(struct dsm_peer *peer)
{
	bool room;

	do {
		room = drain(peer);
		mutex_unlock(&peer->tx_lock);
		smp_mb();	/* pairs with the one in dsm_tcp_push() */
	} while (room && has_more(peer) && mutex_trylock(&peer->tx_lock));
}

/* Not more than two batches; the numbers are read without the lock, a guess. */
static bool hold_back(struct dsm_plug *plug, struct dsm_peer *peer)
{
	unsigned int i;

	if (READ_ONCE(peer->seq_out) - READ_ONCE(peer->seq_sent) >=
	    2 * DSM_BATCH)
		return false;
	for (i = 0; i < plug->nr; i++) {
		if (plug->peers[i] == peer)
			return true;
	}
	if (plug->nr == DSM_PLUG_PEERS)
		return false;
	plug->peers[plug->nr++] = peer;
	return true;
}

/**
 * dsm_tcp_push - send what is queued for a peer
 * @peer:	the peer
 * @plug:	if not NULL, it may wait for more until dsm_tcp_unplug()
 *
 * If somebody else is sending, that one sees what was queued before the call,
 * as it looks again after it has unlocked: either our trylock finds the lock
 * free, or has_more() over there finds our parcel.
 */
void dsm_tcp_push(struct dsm_peer *peer, struct dsm_plug *plug)
{
	if (plug && hold_back(plug, peer))
		return;
	smp_mb();	/* pairs with the one in drain_and_unlock() */
	if (mutex_trylock(&peer->tx_lock))
		drain_and_unlock(peer);
}

/** dsm_tcp_unplug() - send what has waited, if nobody else has sent it */
void dsm_tcp_unplug(struct dsm_plug *plug)
{
	unsigned int i;

	for (i = 0; i < plug->nr; i++) {
		if (has_more(plug->peers[i]))
			dsm_tcp_push(plug->peers[i], NULL);
	}
	plug->nr = 0;
}

/**
 * dsm_tcp_tx_urge - do not wait for others to send; keeper only
 * @peer:	the peer, with its connection
 *
 * Whoever holds messages back may be kept waiting all the same: by who has the
 * processor, or locks a folio. And if TCP had no memory for some with nothing
 * else on its way, it never says that there is room.
 */
void dsm_tcp_tx_urge(struct dsm_peer *peer)
{
	struct dsm_conn *conn = peer->conn;

	/* A guess: if it is wrong, the work finds nothing, or the next urge. */
	if (has_more(peer) || data_race(conn->tx_at != conn->tx_end))
		queue_work(peer->node->wq, &conn->tx_work);
}

/*
 * The socket has room again. Waits for the lock: whoever holds it may have
 * found the socket full just before.
 */
void dsm_tcp_tx_work(struct work_struct *work)
{
	struct dsm_conn *conn = container_of(work, struct dsm_conn, tx_work);

	if (!conn->peer)
		return;
	mutex_lock(&conn->peer->tx_lock);
	drain_and_unlock(conn->peer);
}

/** dsm_tcp_tx_stop() - the connection is over, and no peer's any more */
void dsm_tcp_tx_stop(struct dsm_conn *conn)
{
	while (conn->tx_at < conn->tx_end)
		put(conn->peer, conn->tx[conn->tx_at++]);
}

/**
 * dsm_tcp_send_hello - the first frame on a connection
 * @conn:	the connection, not tied to a peer yet
 * @hello:	what to say
 *
 * Return: 0 or a negative error; a new socket that has no room for it is an
 * error, too.
 */
int dsm_tcp_send_hello(struct dsm_conn *conn, const struct dsm_hello *hello)
{
	const struct dsm_frame frame = {
		.length = DSM_HELLO_BYTES,
		.epoch = hello->epoch,
		.session = hello->generation,
		.msg.type = DSM_MSG_HELLO,
	};
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	u8 buf[DSM_WIRE_BYTES + DSM_HELLO_BYTES];
	struct kvec vec = { .iov_base = buf, .iov_len = sizeof(buf) };
	int n;

	dsm_wire_encode(&frame, buf);
	dsm_hello_encode(hello, buf + DSM_WIRE_BYTES);
	n = kernel_sendmsg(conn->sock, &msg, &vec, 1, sizeof(buf));
	if (n < 0)
		return n;
	return n == sizeof(buf) ? 0 : -EPIPE;
}
