// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: a reassembler driven by one counter, the bytes of the frame that
 * are here. The payload of DATA goes straight into its page.
 */
#include <linux/sched/mm.h>

#include "tcp.h"

static bool is_listening(const struct dsm_conn *conn)
{
	u8 stage = smp_load_acquire(&conn->stage); /* pairs with conn_open() */

	return !READ_ONCE(conn->dead) &&
	       (stage == DSM_CONN_HELLO || stage == DSM_CONN_OPEN);
}

/* Where the payload of the frame that @conn->rx_frame announces should go. */
static void choose_room(struct dsm_conn *conn)
{
	const struct dsm_msg *msg = &conn->rx_frame.msg;

	conn->rx_to = NULL;
	if (msg->type == DSM_MSG_DATA)
		conn->rx_to = dsm_engine_fill_begin(conn->node, conn, msg);
	if (!conn->rx_to)
		conn->rx_to = page_address(conn->scratch);
}

static bool fills_page(const struct dsm_conn *conn)
{
	return conn->rx_have >= DSM_WIRE_BYTES &&
	       conn->rx_frame.msg.type == DSM_MSG_DATA &&
	       conn->rx_to != page_address(conn->scratch);
}

static int header_done(struct dsm_conn *conn)
{
	bool hello, open = conn->stage == DSM_CONN_OPEN;
	int err = dsm_wire_decode(conn->rx_header, conn->node->set.block_size,
				  &conn->rx_frame);

	if (err)
		return err;
	hello = conn->rx_frame.msg.type == DSM_MSG_HELLO;
	if (open == hello)
		return -EPROTO;
	choose_room(conn);
	return 0;
}

static int frame_done(struct dsm_conn *conn)
{
	int err;

	if (conn->stage == DSM_CONN_OPEN) {
		err = dsm_peer_recv(conn->peer, fills_page(conn) ? conn : NULL,
				    &conn->rx_frame, conn->rx_to);
		if (!err)
			conn->rx_have = 0;
		return err;
	}

	err = dsm_hello_decode(conn->rx_to, &conn->hello);
	if (err)
		return err;
	conn->rx_have = 0;
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
		if (n) {
			/* There is no valid header for rx_stop() to look at. */
			conn->rx_have = 0;
			return n;
		}
	} else {
		have -= DSM_WIRE_BYTES;
		n = receive_into(conn, conn->rx_to + have,
				 conn->rx_frame.length - have);
		if (n < 0)
			return n;
	}
	return conn->rx_have == DSM_WIRE_BYTES + conn->rx_frame.length;
}

void dsm_tcp_rx_work(struct work_struct *work)
{
	struct dsm_conn *conn = container_of(work, struct dsm_conn, rx_work);
	unsigned int noio = memalloc_noio_save();
	int budget = DSM_RX_BUDGET, err = 0;

	while (is_listening(conn) && budget) {
		err = receive(conn);
		if (err > 0) {
			err = frame_done(conn);
			budget--;
		}
		if (err)
			break;
	}
	memalloc_noio_restore(noio);

	if (err && err != -EAGAIN)
		dsm_tcp_fail(conn);
	else if (!budget)
		queue_work(conn->node->wq, work);
}

/** dsm_tcp_rx_stop() - the connection is over; rx_work does not run any more */
void dsm_tcp_rx_stop(struct dsm_conn *conn)
{
	if (fills_page(conn))
		dsm_engine_fill_abort(conn->node, conn,
				      conn->rx_frame.msg.page);
}
