// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: a reassembler driven by one counter, the bytes of the frame that
 * are here. The payload goes into a page of the connection's own: received into
 * the page it is for, the bytes of a peer that stalls or lies could arrive when
 * that page is in use again.
 *
 * Frames that came together are answered together. A batch of them is small, so
 * that the first answer is on its way while the last frame is being taken.
 */
#include <linux/sched/mm.h>
#include <net/tcp.h>

#include "tcp.h"

static bool is_listening(const struct dsm_conn *conn)
{
	u8 stage = smp_load_acquire(&conn->stage); /* pairs with conn_open() */

	return !READ_ONCE(conn->dead) &&
	       (stage == DSM_CONN_HELLO || stage == DSM_CONN_OPEN);
}

static int header_done(struct dsm_conn *conn)
{
	bool hello, open = conn->stage == DSM_CONN_OPEN;
	int err = dsm_wire_decode(conn->rx_header, conn->node->set.block_size,
				  &conn->rx_frame);

	if (err)
		return err;
	hello = conn->rx_frame.msg.type == DSM_MSG_HELLO;
	return open == hello ? -EPROTO : 0;
}

static int frame_done(struct dsm_conn *conn)
{
	const void *payload = page_address(conn->scratch);
	int err;

	conn->rx_have = 0;
	if (conn->stage == DSM_CONN_OPEN)
		return dsm_session_recv(conn->peer, &conn->rx_frame, payload);

	err = dsm_hello_decode(payload, &conn->hello);
	if (err)
		return err;
	/* pairs with look_at_conn(): the hello comes before the stage */
	smp_store_release(&conn->stage, DSM_CONN_GREETED);
	dsm_tcp_kick(conn->node);
	return 0;
}

static int receive_into(struct dsm_conn *conn, void *to, size_t length)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = { .iov_base = to, .iov_len = length };
	int n = kernel_recvmsg(conn->sock, &msg, &vec, 1, length,
			       msg.msg_flags);

	if (!n)
		return -ECONNRESET;
	if (n > 0)
		conn->rx_have += n;
	return n;
}

/* Receive some more. Return: 1 if a frame is whole, 0 if not, or an error. */
static int receive(struct dsm_conn *conn)
{
	u32 have = conn->rx_have;
	int n;

	if (have < DSM_WIRE_BYTES) {
		n = receive_into(conn, conn->rx_header + have,
				 DSM_WIRE_BYTES - have);
		if (n < 0)
			return n;
		if (conn->rx_have < DSM_WIRE_BYTES)
			return 0;
		n = header_done(conn);
		if (n)
			return n;
	} else {
		have -= DSM_WIRE_BYTES;
		n = receive_into(conn, page_address(conn->scratch) + have,
				 conn->rx_frame.length - have);
		if (n < 0)
			return n;
	}
	return conn->rx_have == DSM_WIRE_BYTES + conn->rx_frame.length;
}

/* Whether the frame that is here has a successor; only a hint */
static bool has_next(const struct dsm_conn *conn)
{
	/* Without the socket's lock; a wrong answer is one packet more. */
	return data_race(tcp_inq(conn->sock->sk)) >= DSM_WIRE_BYTES;
}

/* Take some frames that came together. Return: 0 or an error. */
static int receive_batch(struct dsm_conn *conn, int *budget)
{
	struct dsm_peer *plugged = NULL;
	int room = min(*budget, DSM_BATCH), err = 0;

	while (!err && room && is_listening(conn)) {
		err = receive(conn);
		if (err <= 0)
			continue;
		room--;
		--*budget;
		if (!plugged && room && conn->stage == DSM_CONN_OPEN &&
		    has_next(conn)) {
			plugged = conn->peer;
			dsm_tcp_plug(plugged);
		}
		err = frame_done(conn);
	}
	if (plugged)
		dsm_tcp_unplug(plugged);
	return err;
}

void dsm_tcp_rx_work(struct work_struct *work)
{
	struct dsm_conn *conn = container_of(work, struct dsm_conn, rx_work);
	unsigned int noio = memalloc_noio_save();
	int budget = DSM_RX_BUDGET, err = 0;

	while (!err && budget && is_listening(conn))
		err = receive_batch(conn, &budget);
	memalloc_noio_restore(noio);

	if (err && err != -EAGAIN)
		dsm_tcp_fail(conn);
	else if (!budget)
		queue_work(conn->node->wq, work);
}
