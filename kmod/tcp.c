// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections, and the keeper that owns them.
 *
 * Between two nodes the one with the lower id dials, so two simultaneous
 * connections need no tie-break. The socket's callbacks only queue work, or
 * wake who receives. The keeper runs now and then and when something happened:
 * it accepts, dials, judges HELLOs, ties connections to peers and closes what
 * is dead. As no one else does any of this, none of it needs a lock.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

#define DSM_TCP_BACKLOG	128

/* All that a stranger may say */
#define STRANGER_BYTES	(DSM_WIRE_BYTES + DSM_HELLO_BYTES)
static_assert(DSM_WIRE_BYTES + DSM_PING_PAYLOAD_MAX <= DSM_RX_BYTES);

void dsm_tcp_kick(struct dsm_node *node)
{
	mod_delayed_work(node->keeper_wq, &node->keeper, 0);
}

/** dsm_tcp_fail() - a connection is of no use any more */
void dsm_tcp_fail(struct dsm_conn *conn)
{
	WRITE_ONCE(conn->dead, true);
	dsm_tcp_kick(conn->node);
}

static void set_options(struct sock *sk)
{
	/*
	 * GFP_NOIO: sending must not end in reclaim that waits for sending. No
	 * task frag: the process may be inside another sendmsg() that uses it.
	 */
	sk->sk_allocation = GFP_NOIO;
	sock_no_task_frag(sk);
	tcp_sock_set_nodelay(sk);
}

/*
 * A fault can send on our socket while the process is inside sendmsg() on one
 * of its own, with that one's lock held. Lockdep tells them apart: sockets made
 * by the kernel, and those accepted from them, have classes of their own. (One
 * of this module's would pin the module for as long as a node is up.)
 */
static struct socket *make_socket(struct dsm_node *node, int family)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(node->net, family, SOCK_STREAM, IPPROTO_TCP,
			       &sock);
	if (err)
		return ERR_PTR(err);
	/* Timers of a socket closed last may outlive the node's reference. */
	sk_net_refcnt_upgrade(sock->sk);
	set_options(sock->sk);
	return sock;
}

/* Something came: its receiver has to look. */
static void tell(struct dsm_conn *conn)
{
	/* pairs with conn_open(): the peer comes before the stage */
	if (smp_load_acquire(&conn->stage) == DSM_CONN_OPEN)
		dsm_tcp_rx_tell(conn->peer);
	else
		queue_work(conn->node->wq, &conn->rx_work);
}

static void conn_data_ready(struct sock *sk)
{
	struct dsm_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn)
		tell(conn);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void conn_write_space(struct sock *sk)
{
	struct dsm_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		queue_work(conn->node->wq, &conn->tx_work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void conn_state_change(struct sock *sk)
{
	struct dsm_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		dsm_tcp_kick(conn->node);
		tell(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void listener_data_ready(struct sock *sk)
{
	struct dsm_node *node;

	read_lock_bh(&sk->sk_callback_lock);
	node = sk->sk_user_data;
	if (node && sk->sk_state == TCP_LISTEN)
		dsm_tcp_kick(node);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void set_callbacks(struct socket *sock, struct dsm_conn *conn)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = conn;
	sk->sk_data_ready = conn_data_ready;
	sk->sk_write_space = conn_write_space;
	sk->sk_state_change = conn_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* TCP may keep the socket for a while after us; so give back its own. */
static void clear_callbacks(struct dsm_node *node, struct socket *sock)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = node->sk_data_ready;
	sk->sk_write_space = node->sk_write_space;
	sk->sk_state_change = node->sk_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

static struct dsm_conn *conn_create(struct dsm_node *node, struct socket *sock,
				    struct dsm_peer *dialed)
{
	struct dsm_conn *conn = kzalloc_obj(*conn);

	if (!conn)
		return NULL;
	conn->rx_buf = kvmalloc(STRANGER_BYTES, GFP_KERNEL);
	if (!conn->rx_buf) {
		kfree(conn);
		return NULL;
	}
	conn->rx_size = STRANGER_BYTES;
	conn->node = node;
	conn->sock = sock;
	conn->dialed = dialed;
	conn->stage = dialed ? DSM_CONN_CALLING : DSM_CONN_HELLO;
	conn->since = jiffies;
	INIT_WORK(&conn->rx_work, dsm_tcp_rx_work);
	INIT_WORK(&conn->tx_work, dsm_tcp_tx_work);
	list_add_tail(&conn->list, &node->conns);
	set_callbacks(sock, conn);
	return conn;
}

/*
 * After the callbacks and the works are off, nobody knows the connection: the
 * peer's receivers and senders went through their locks, and the keeper is who
 * calls this.
 */
static void conn_close(struct dsm_conn *conn)
{
	struct dsm_peer *peer = conn->peer;

	WRITE_ONCE(conn->dead, true);
	if (peer) {
		mutex_lock(&peer->rx_lock);
		mutex_lock(&peer->tx_lock);
		peer->conn = NULL;
		WRITE_ONCE(peer->linked, false);
		mutex_unlock(&peer->tx_lock);
		mutex_unlock(&peer->rx_lock);
	}
	clear_callbacks(conn->node, conn->sock);
	kernel_sock_shutdown(conn->sock, SHUT_RDWR);
	cancel_work_sync(&conn->rx_work);
	cancel_work_sync(&conn->tx_work);
	dsm_tcp_tx_stop(conn);
	sock_release(conn->sock);
	list_del(&conn->list);
	if (!peer && !conn->dialed)
		conn->node->strangers--;
	kvfree(conn->rx_buf);
	kfree(conn);
}

static size_t address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						sizeof(struct sockaddr_in);
}

static void dial(struct dsm_peer *peer)
{
	struct sockaddr_storage address = peer->address;
	struct dsm_node *node = peer->node;
	struct dsm_conn *conn;
	struct socket *sock;
	int err;

	sock = make_socket(node, address.ss_family);
	if (IS_ERR(sock))
		return;
	/* What was sent on a call that is given up must not arrive later. */
	sock_no_linger(sock->sk);
	conn = conn_create(node, sock, peer);
	if (!conn) {
		sock_release(sock);
		return;
	}
	err = kernel_connect(sock, (struct sockaddr_unsized *)&address,
			     address_length(&address), O_NONBLOCK);
	if (err && err != -EINPROGRESS)
		WRITE_ONCE(conn->dead, true);
}

static void accept_all(struct dsm_node *node)
{
	u32 budget = DSM_STRANGERS_MAX;
	struct socket *sock;

	while (budget-- && !kernel_accept(node->listener, &sock, O_NONBLOCK)) {
		struct dsm_conn *conn = NULL;

		set_options(sock->sk);
		if (node->strangers < DSM_STRANGERS_MAX)
			conn = conn_create(node, sock, NULL);
		if (!conn) {
			clear_callbacks(node, sock);
			sock_release(sock);
			continue;
		}
		node->strangers++;
		/* Bytes that came before the callbacks were set. */
		queue_work(node->wq, &conn->rx_work);
	}
}

/*
 * Whoever has said who he is may send whole pages. Nothing is in the buffer: it
 * had no room for more than the HELLO.
 */
static int enlarge_buffer(struct dsm_conn *conn)
{
	u32 bytes = max_t(u32, DSM_RX_BYTES,
			  DSM_WIRE_BYTES + conn->node->set.block_size);
	u8 *buf = kvmalloc(bytes, GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	kvfree(conn->rx_buf);
	conn->rx_buf = buf;
	conn->rx_size = bytes;
	conn->rx_at = 0;
	conn->rx_end = 0;
	return 0;
}

/* Tie a connection to its peer: from now on the session uses it. */
static void conn_open(struct dsm_conn *conn, struct dsm_peer *peer)
{
	if (!conn->dialed)
		conn->node->strangers--;
	conn->peer = peer;
	mutex_lock(&peer->rx_lock);
	mutex_lock(&peer->tx_lock);
	peer->conn = conn;
	WRITE_ONCE(peer->linked, true);
	mutex_unlock(&peer->tx_lock);
	/* pairs with tell() */
	smp_store_release(&conn->stage, DSM_CONN_OPEN);
	mutex_unlock(&peer->rx_lock);
	dsm_tcp_rx_tell(peer);
	dsm_tcp_push(peer, NULL);
}

/* Whom the HELLO is from, if that is somebody we expect on this connection. */
static struct dsm_peer *greeter(struct dsm_conn *conn)
{
	struct dsm_node *node = conn->node;

	if (conn->dialed)
		return conn->dialed;
	return conn->hello.from < node->core.self ?
		dsm_node_peer(node, conn->hello.from) : NULL;
}

/*
 * Whether a greeting is from another machine with a peer's id, as that peer is
 * heard on its connection. One that restarts is not: its TCP resets what it
 * does not know, once something is sent there.
 */
static bool is_second(const struct dsm_peer *peer,
		      const struct dsm_hello *theirs)
{
	const struct dsm_conn *conn = peer->conn;

	return conn && !READ_ONCE(conn->dead) &&
	       READ_ONCE(conn->sock->sk->sk_state) == TCP_ESTABLISHED &&
	       dsm_peer_is_up(peer) && peer->generation != theirs->generation;
}

static u32 judge(struct dsm_conn *conn, struct dsm_peer *peer,
		 struct dsm_hello *mine)
{
	u32 told = conn->hello.refusal, refusal;
	bool lost;

	dsm_peer_hello(conn->node, conn->hello.from, peer, mine);
	if (conn->dialed)
		mine->to = conn->dialed->id;
	/* A peer that has restarted says so; its loss is seen below. */
	if (told && told != DSM_REFUSAL_RESTARTED)
		return told;
	refusal = dsm_hello_check(mine, &conn->hello);
	if (!refusal && !peer)
		refusal = DSM_REFUSAL_NODE;
	if (refusal)
		return told ?: refusal;

	if (is_second(peer, &conn->hello)) {
		dev_warn_ratelimited(&conn->node->dev,
				     "another machine calls itself node %u\n",
				     peer->id);
		return DSM_REFUSAL_NODE;
	}
	refusal = dsm_session_judge(peer, &conn->hello, &lost);
	if (lost) {
		/* Nothing of its old self may come after the pages know. */
		if (peer->conn)
			conn_close(peer->conn);
		dsm_session_lose(peer);
	}
	return told ?: refusal;
}

/* The peer has given up the old connection, or it would not call again. */
static void replace_conn(struct dsm_conn *conn, struct dsm_peer *peer,
			 struct dsm_hello *mine)
{
	if (peer->conn) {
		conn_close(peer->conn);
		dsm_peer_hello(conn->node, peer->id, peer, mine);
	}
	dsm_session_meet(peer, &conn->hello);
}

static void greet(struct dsm_conn *conn)
{
	struct dsm_peer *peer = greeter(conn);
	struct dsm_hello mine;

	mine.refusal = judge(conn, peer, &mine);
	if (mine.refusal) {
		WRITE_ONCE(conn->dead, true);
		if (peer && !READ_ONCE(peer->linked))
			dsm_peer_refuse(peer, mine.refusal);
		else if (!peer)
			dev_warn_ratelimited(&conn->node->dev,
					     "a stranger was turned away\n");
	}
	if (!mine.refusal) {
		/* Without memory for it the connection has to be made again. */
		if (enlarge_buffer(conn)) {
			WRITE_ONCE(conn->dead, true);
			return;
		}
		replace_conn(conn, peer, &mine);
	}
	if (!conn->dialed && dsm_tcp_send_hello(conn, &mine))
		WRITE_ONCE(conn->dead, true);
	if (!READ_ONCE(conn->dead))
		conn_open(conn, peer);
}

static void call_answered(struct dsm_conn *conn)
{
	struct dsm_hello mine;

	dsm_peer_hello(conn->node, conn->dialed->id, conn->dialed, &mine);
	WRITE_ONCE(conn->stage, DSM_CONN_HELLO);
	if (dsm_tcp_send_hello(conn, &mine))
		WRITE_ONCE(conn->dead, true);
	else
		queue_work(conn->node->wq, &conn->rx_work);
}

static bool is_past(unsigned long since, u32 ms)
{
	return time_after(jiffies, since + msecs_to_jiffies(ms));
}

static void look_at_conn(struct dsm_conn *conn)
{
	u8 tcp_state = READ_ONCE(conn->sock->sk->sk_state);

	if (READ_ONCE(conn->stage) == DSM_CONN_CALLING) {
		if (tcp_state == TCP_ESTABLISHED)
			call_answered(conn);
		else if (tcp_state != TCP_SYN_SENT &&
			 tcp_state != TCP_SYN_RECV)
			WRITE_ONCE(conn->dead, true);
	}
	/* What a caller said before it hung up need not hold any more. */
	if (!conn->dialed && READ_ONCE(conn->stage) != DSM_CONN_OPEN &&
	    tcp_state != TCP_ESTABLISHED)
		WRITE_ONCE(conn->dead, true);
	if (READ_ONCE(conn->dead))
		return;
	/* pairs with hello_done(): conn->hello is whole */
	if (smp_load_acquire(&conn->stage) == DSM_CONN_GREETED)
		greet(conn);
	if (READ_ONCE(conn->stage) != DSM_CONN_OPEN) {
		if (is_past(conn->since, DSM_HELLO_WAIT_MS))
			WRITE_ONCE(conn->dead, true);
	} else if (is_past(READ_ONCE(conn->peer->heard_at), DSM_CUT_MS)) {
		WRITE_ONCE(conn->dead, true);
	}
}

static void look_at_conns(struct dsm_node *node)
{
	struct dsm_conn *conn, *next;

	/* greet() may close another one, but then that one is dead. */
	list_for_each_entry(conn, &node->conns, list)
		if (!READ_ONCE(conn->dead))
			look_at_conn(conn);
	list_for_each_entry_safe(conn, next, &node->conns, list)
		if (READ_ONCE(conn->dead))
			conn_close(conn);
}

static bool is_calling(struct dsm_peer *peer)
{
	struct dsm_conn *conn;

	list_for_each_entry(conn, &peer->node->conns, list)
		if (conn->dialed == peer)
			return true;
	return false;
}

static void look_at_peers(struct dsm_node *node)
{
	struct dsm_peer *peer;
	unsigned long id;

	xa_for_each(&node->peers, id, peer) {
		if (peer->conn) {
			dsm_tcp_rx_urge(peer);
			dsm_peer_beat(peer);
			dsm_tcp_tx_urge(peer);
			continue;
		}
		if (id < node->core.self || peer->state == DSM_PEER_LOST ||
		    time_before(jiffies, peer->dial_at) || is_calling(peer))
			continue;
		peer->dial_at = jiffies + msecs_to_jiffies(DSM_REDIAL_MS);
		dial(peer);
	}
	dsm_hold_measure(node);
}

static void keeper(struct work_struct *work)
{
	struct dsm_node *node = container_of(to_delayed_work(work),
					     struct dsm_node, keeper);

	if (READ_ONCE(node->keeper_stop))
		return;
	accept_all(node);
	look_at_conns(node);
	look_at_peers(node);
	queue_delayed_work(node->keeper_wq, &node->keeper,
			   msecs_to_jiffies(DSM_KEEPER_MS));
}

static int listen(struct dsm_node *node)
{
	struct sockaddr_storage address = node->set.listen;
	struct socket *sock;
	int err;

	sock = make_socket(node, address.ss_family);
	if (IS_ERR(sock))
		return PTR_ERR(sock);
	node->sk_data_ready = sock->sk->sk_data_ready;
	node->sk_write_space = sock->sk->sk_write_space;
	node->sk_state_change = sock->sk->sk_state_change;
	sock_set_reuseaddr(sock->sk);
	err = kernel_bind(sock, (struct sockaddr_unsized *)&address,
			  address_length(&address));
	if (err)
		goto err_release;

	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->sk->sk_user_data = node;
	sock->sk->sk_data_ready = listener_data_ready;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	node->listener = sock;
	err = kernel_listen(sock, DSM_TCP_BACKLOG);
	if (err)
		goto err_release;
	return 0;

err_release:
	dev_err(&node->dev, "cannot listen at %s: error %d\n",
		node->set.listen_text, err);
	clear_callbacks(node, sock);
	sock_release(sock);
	node->listener = NULL;
	return err;
}

static void rx_stop_all(struct dsm_node *node)
{
	struct dsm_peer *peer;
	unsigned long id;

	xa_for_each(&node->peers, id, peer)
		dsm_tcp_rx_stop(peer);
}

/** dsm_tcp_start() - listen, and begin to look for the peers */
int dsm_tcp_start(struct dsm_node *node)
{
	struct dsm_peer *peer;
	unsigned long id;
	int err;

	INIT_DELAYED_WORK(&node->keeper, keeper);
	node->keeper_stop = false;
	node->strangers = 0;
	xa_for_each(&node->peers, id, peer) {
		peer->dial_at = jiffies;
		err = dsm_tcp_rx_start(peer);
		if (err)
			goto err_stop;
	}
	err = listen(node);
	if (err)
		goto err_stop;
	dsm_tcp_kick(node);
	return 0;

err_stop:
	rx_stop_all(node);
	return err;
}

/** dsm_tcp_stop() - close everything; on return no message is being handled */
void dsm_tcp_stop(struct dsm_node *node)
{
	struct dsm_conn *conn, *next;

	WRITE_ONCE(node->keeper_stop, true);
	cancel_delayed_work_sync(&node->keeper);
	clear_callbacks(node, node->listener);
	sock_release(node->listener);
	node->listener = NULL;
	list_for_each_entry_safe(conn, next, &node->conns, list)
		conn_close(conn);
	rx_stop_all(node);
	/* A callback may have queued it once more in between. */
	cancel_delayed_work_sync(&node->keeper);
}
