/* SPDX-License-Identifier: GPL-2.0-only */
/* What the three files of the transport share: a connection. */
#ifndef DSM_TCP_H
#define DSM_TCP_H

#include <linux/net.h>

#include "dsm.h"

/* Received at once, or what is left of a larger frame: seven pages of 4 KiB */
#define DSM_RX_BYTES	(32 << 10)
/* The same where pages are larger, of which it should have little */
#define DSM_RX_AHEAD	(4 << 10)

/**
 * enum dsm_conn_stage - a connection's life, in this order
 * @DSM_CONN_CALLING:	we dialed, TCP is not established yet
 * @DSM_CONN_HELLO:	established; the peer's HELLO has to come
 * @DSM_CONN_GREETED:	it is here; the keeper has to judge it
 * @DSM_CONN_OPEN:	tied to its peer
 *
 * The keeper moves it on, but for HELLO -> GREETED, which the receive worker
 * does.
 */
enum dsm_conn_stage {
	DSM_CONN_CALLING = 1,
	DSM_CONN_HELLO,
	DSM_CONN_GREETED,
	DSM_CONN_OPEN,
};

/**
 * struct dsm_conn - a connection
 * @list:	on node->conns; keeper only
 * @node:	whose
 * @sock:	its socket
 * @dialed:	whom we called; NULL if we were called
 * @peer:	whom it is tied to; set by the keeper before stage OPEN
 * @stage:	of enum dsm_conn_stage
 * @dead:	of no use any more; the keeper will close it
 * @since:	when it was made, in jiffies
 * @hello:	the peer's, from stage GREETED on
 * @rx_work:	receives until stage GREETED; all rx fields are its own
 * @rx_buf:	what came; from stage OPEN on all rx fields are under
 *		peer->rx_lock
 * @rx_size:	room in it: for a HELLO, and from stage OPEN on for a page, or
 *		%DSM_RX_BYTES if that is more
 * @rx_at:	where in it the frame begins that is looked at
 * @rx_end:	where in it ends what came
 * @rx_frame:	that frame's header, decoded, from when @rx_need is set until
 *		the frame was handled
 * @rx_need:	bytes of that frame; 0: its header is not here, or it was taken
 * @rx_whole:	what the buffer lacks of that large frame is all with TCP
 * @rx_urged:	it is not to stay there for longer, see dsm_tcp_rx_urge()
 * @rx_payload:	what the buffer has of the payload of the frame that was taken
 * @rx_rest:	bytes of that payload that are with TCP
 * @tx_work:	sends on when the socket has room again
 * @tx:		parcels being sent; all tx fields under peer->tx_lock
 * @tx_headers:	their headers
 * @tx_at:	the first that is not sent
 * @tx_end:	how many they are; all are sent if @tx_at is as much
 * @tx_done:	bytes of that first one that are sent, header included
 * @tx_more:	others come after them
 */
struct dsm_conn {
	struct list_head list;
	struct dsm_node *node;
	struct socket *sock;
	struct dsm_peer *dialed;
	struct dsm_peer *peer;
	u8 stage;
	bool dead;
	unsigned long since;
	struct dsm_hello hello;

	struct work_struct rx_work;
	u8 *rx_buf;
	u32 rx_size;
	u32 rx_at;
	u32 rx_end;
	struct dsm_frame rx_frame;
	u32 rx_need;
	bool rx_whole;
	bool rx_urged;
	const u8 *rx_payload;
	u32 rx_rest;

	struct work_struct tx_work;
	struct dsm_parcel *tx[DSM_BATCH];
	u8 tx_headers[DSM_BATCH][DSM_WIRE_BYTES];
	unsigned int tx_at;
	unsigned int tx_end;
	u32 tx_done;
	bool tx_more;
};

/* tcp.c */
void dsm_tcp_kick(struct dsm_node *node);
void dsm_tcp_fail(struct dsm_conn *conn);

/* tcp_recv.c */
void dsm_tcp_rx_work(struct work_struct *work);
void dsm_tcp_rx_tell(struct dsm_peer *peer);
void dsm_tcp_rx_urge(struct dsm_peer *peer);
void dsm_tcp_tx_urge(struct dsm_peer *peer);
int dsm_tcp_rx_start(struct dsm_peer *peer);
void dsm_tcp_rx_stop(struct dsm_peer *peer);

/* tcp_send.c */
void dsm_tcp_tx_work(struct work_struct *work);
void dsm_tcp_tx_stop(struct dsm_conn *conn);
int dsm_tcp_send_hello(struct dsm_conn *conn, const struct dsm_hello *hello);

#endif
