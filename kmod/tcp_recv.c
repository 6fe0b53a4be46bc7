// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: a reassembler over a buffer of the connection's own. One call
 * takes what has come, many small frames, and they are handled where they lie.
 * Received into the page it is for, the bytes of a peer that stalls or lies
 * could arrive when that page is in use again. So a large page stays with TCP
 * until all of it has come, and then goes to its place at once, under the lock
 * of its slot. Where TCP has no room for it, the buffer takes it, too.
 *
 * Frames that came together are answered together, in small batches: an answer
 * does not wait for more than the rest of one, and not for what is not here.
 *
 * Each peer has a thread that receives from it. But a program that waits for a
 * page from the peer receives itself: when the page has come it is running
 * already, and need not be woken by the thread. There is one receiver at a
 * time, under peer->rx_lock. Who is woken when something comes is the first on
 * peer->rx_wait, a program if there is one that does not receive from another
 * peer; whoever leaves something behind wakes the next one. A program may be of
 * low priority, or have used up its time, so it handles a batch of what is not
 * for it at most.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "tcp.h"

static int header_done(struct dsm_conn *conn)
{
	bool hello, open = conn->stage == DSM_CONN_OPEN;
	int err = dsm_wire_decode(conn->rx_buf + conn->rx_at,
				  conn->node->set.block_size, &conn->rx_frame);

	if (err)
		return err;
	hello = conn->rx_frame.msg.type == DSM_MSG_HELLO;
	if (open == hello)
		return -EPROTO;
	conn->rx_need = DSM_WIRE_BYTES + conn->rx_frame.length;
	return 0;
}

/* Bytes of a frame that is not whole, or of its header, that are not here */
static u32 missing(const struct dsm_conn *conn)
{
	return (conn->rx_need ?: DSM_WIRE_BYTES) -
	       (conn->rx_end - conn->rx_at);
}

/* Return: 1 if a frame is whole, 0 if not, or an error. */
static int look(struct dsm_conn *conn)
{
	u32 have = conn->rx_end - conn->rx_at;
	int err;

	if (!conn->rx_need) {
		if (have < DSM_WIRE_BYTES)
			return 0;
		err = header_done(conn);
		if (err)
			return err;
	}
	return have >= conn->rx_need || conn->rx_whole;
}

/* Take a frame that is whole. */
static void take(struct dsm_conn *conn)
{
	u32 here = min(conn->rx_end - conn->rx_at, conn->rx_need);

	conn->rx_payload = conn->rx_buf + conn->rx_at + DSM_WIRE_BYTES;
	conn->rx_rest = conn->rx_need - here;
	conn->rx_at += here;
	conn->rx_need = 0;
	conn->rx_whole = false;
}

/* It is all there, and nobody else takes it: an error would be TCP's. */
static int recv_rest(struct dsm_conn *conn, void *to)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	int n;

	for (; conn->rx_rest; conn->rx_rest -= n, to += n) {
		struct kvec vec = { .iov_base = to, .iov_len = conn->rx_rest };

		n = kernel_recvmsg(conn->sock, &msg, &vec, 1, vec.iov_len,
				   msg.msg_flags);
		if (WARN_ON_ONCE(n <= 0))
			return -EPROTO;
	}
	return 0;
}

/**
 * dsm_tcp_recv_payload - bring the payload of a frame to its place
 * @peer:	from whom dsm_session_recv() has got the frame
 * @to:		the place
 *
 * Can be called once for each frame.
 *
 * Return: 0, or a negative error: then the connection has to go, and some of
 * the place may be written.
 */
int dsm_tcp_recv_payload(struct dsm_peer *peer, void *to)
{
	struct dsm_conn *conn = peer->conn;
	u32 here = conn->rx_frame.length - conn->rx_rest;

	lockdep_assert_held(&peer->rx_lock);

	memcpy(to, conn->rx_payload, here);
	return recv_rest(conn, to + here);
}

static int hello_done(struct dsm_conn *conn)
{
	int err;

	take(conn);
	err = dsm_hello_decode(conn->rx_payload, &conn->hello);
	if (err)
		return err;
	/* pairs with look_at_conn(): the hello comes before the stage */
	smp_store_release(&conn->stage, DSM_CONN_GREETED);
	dsm_tcp_kick(conn->node);
	return 0;
}

static int frame_done(struct dsm_conn *conn, struct dsm_plug *plug)
{
	int err;

	take(conn);
	err = dsm_session_recv(conn->peer, &conn->rx_frame, plug);
	/* If nobody wanted it: the buffer has room for any payload. */
	return err ?: recv_rest(conn, conn->rx_buf);
}

/*
 * Make room for the rest of a frame. What is moved was taken with the frame
 * before, and is less than %DSM_RX_BYTES.
 */
static void make_room(struct dsm_conn *conn)
{
	u32 have = conn->rx_end - conn->rx_at;

	if (have && conn->rx_size - conn->rx_end >= missing(conn))
		return;
	memmove(conn->rx_buf, conn->rx_buf + conn->rx_at, have);
	conn->rx_at = 0;
	conn->rx_end = have;
}

/* How many bytes wait to be received; without the socket's lock, so a hint */
static u32 input(const struct dsm_conn *conn)
{
	/* Who counts too few is told of the rest when it comes. */
	return data_race(tcp_inq(conn->sock->sk));
}

/* Whether the peer has ended the connection, which is no input */
static bool is_over(const struct dsm_conn *conn)
{
	const struct sock *sk = conn->sock->sk;

	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
	       READ_ONCE(sk->sk_err);
}

/*
 * Whether the rest of a large frame is left with TCP until all of it has come,
 * or found to have (conn->rx_whole). It is if TCP has told the peer that there
 * is room for all of it. Until then TCP wakes nobody and acknowledges by itself
 * (tcp_data_ready(), __tcp_ack_snd_check()): who waits has to say how much for,
 * or the peer may wait for what a reader's call would say.
 */
static bool leaves_rest(struct dsm_conn *conn)
{
	struct sock *sk = conn->sock->sk;
	u32 rest = missing(conn), here;
	bool left = false;

	if (!conn->rx_need || conn->rx_frame.length <= PAGE_SIZE)
		return false;
	lock_sock(sk);
	here = tcp_inq(sk);
	if (here >= rest)
		conn->rx_whole = true;
	else
		left = !READ_ONCE(conn->rx_urged) && !is_over(conn) &&
		       !tcp_epollin_ready(sk, rest) &&
		       tcp_receive_window(tcp_sk(sk)) >= rest - here;
	WRITE_ONCE(sk->sk_rcvlowat, left ? rest : 1);
	WRITE_ONCE(conn->rx_urged, false);
	release_sock(sk);
	return left;
}

/* Receive some more. Return: 1 if a frame is whole, 0 if not, or an error. */
static int receive(struct dsm_conn *conn)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	u32 ahead = conn->node->order ? DSM_RX_AHEAD : DSM_RX_BYTES;
	int n = look(conn);
	struct kvec vec;

	if (n)
		return n;
	if (leaves_rest(conn))
		return -EAGAIN;
	if (conn->rx_whole)
		return 1;
	make_room(conn);
	vec.iov_len = max(missing(conn), ahead);
	vec.iov_len = min_t(size_t, vec.iov_len, conn->rx_size - conn->rx_end);
	vec.iov_base = conn->rx_buf + conn->rx_end;
	n = kernel_recvmsg(conn->sock, &msg, &vec, 1, vec.iov_len,
			   msg.msg_flags);
	if (n <= 0)
		return n ?: -ECONNRESET;
	conn->rx_end += n;
	/* A large page may take longer than a peer may be silent. */
	if (conn->peer)
		WRITE_ONCE(conn->peer->heard_at, jiffies);
	return look(conn);
}

/* Whether more has come behind a frame that is whole */
static bool has_next(const struct dsm_conn *conn)
{
	return conn->rx_end - conn->rx_at - conn->rx_need + input(conn) >=
	       DSM_WIRE_BYTES;
}

/**
 * struct receiver - a program that receives from a peer while it waits
 * @peer:	the peer
 * @slot:	the page that it waits for
 * @access:	what it needs, of enum dsm_right
 * @room:	how many frames it may still handle
 * @busy:	which of the program's own it receives for now, or NULL
 * @wait:	its place on peer->rx_wait
 */
struct receiver {
	struct dsm_peer *peer;
	const struct dsm_slot *slot;
	u8 access;
	u8 room;
	const struct receiver **busy;
	struct wait_queue_entry wait;
};

/* Whether a program has done what it can; the thread never has. */
static bool is_done(const struct receiver *r)
{
	return r && (!r->room || dsm_engine_is_answered(r->slot, r->access));
}

/* Take some frames that came together. Return: 0 or an error. */
static int receive_batch(struct dsm_conn *conn, struct receiver *r)
{
	struct dsm_plug plug = {};
	int room = DSM_BATCH, err = 0;

	while (!err && room && !READ_ONCE(conn->dead) && !is_done(r)) {
		err = receive(conn);
		if (err <= 0) {
			/* Of a large frame the rest may be long in coming. */
			dsm_tcp_unplug(&plug);
			continue;
		}
		room--;
		if (r)
			r->room--;
		err = frame_done(conn, room && has_next(conn) ? &plug : NULL);
	}
	dsm_tcp_unplug(&plug);
	if (room < DSM_BATCH)
		dsm_prefetch_go_on(conn->node);
	return err;
}

/* Until the HELLO is here; then the keeper says who goes on. */
void dsm_tcp_rx_work(struct work_struct *work)
{
	struct dsm_conn *conn = container_of(work, struct dsm_conn, rx_work);
	unsigned int noio = memalloc_noio_save();
	int err = 0;

	while (!err && !READ_ONCE(conn->dead) &&
	       READ_ONCE(conn->stage) == DSM_CONN_HELLO)
		err = receive(conn);
	if (err > 0)
		err = hello_done(conn);
	memalloc_noio_restore(noio);
	if (err && err != -EAGAIN)
		dsm_tcp_fail(conn);
}

/* Receive until nothing is left, or @r is done. */
static void receive_all(struct dsm_peer *peer, struct receiver *r)
{
	struct dsm_conn *conn = peer->conn;
	unsigned int noio;
	int err = 0;

	lockdep_assert_held(&peer->rx_lock);

	/* What comes after this sets it again, what came before is seen. */
	smp_store_mb(peer->rx_ready, false);
	if (!conn)
		return;
	noio = memalloc_noio_save();
	while (!err && !READ_ONCE(conn->dead) && !is_done(r)) {
		err = receive_batch(conn, r);
		cond_resched();
	}
	memalloc_noio_restore(noio);
	if (err && err != -EAGAIN)
		dsm_tcp_fail(conn);
	/* What is left on a connection that is given up is for nobody. */
	if (!err && !READ_ONCE(conn->dead) &&
	    (look(conn) || input(conn) || is_over(conn)))
		WRITE_ONCE(peer->rx_ready, true);
}

/* If this fails, whoever receives now looks once more when he is done. */
static bool begin_receiving(struct dsm_peer *peer)
{
	if (!READ_ONCE(peer->rx_ready))
		return false;
	smp_mb();	/* pairs with those before it is looked at again */
	return mutex_trylock(&peer->rx_lock);
}

/*
 * A program on the queue looks before it sleeps, so one of them is enough. But
 * who receives from another peer may be there for long: the next one, then.
 */
static int wake_receiver(struct wait_queue_entry *wait, unsigned int mode,
			 int flags, void *key)
{
	const struct receiver *r = container_of(wait, struct receiver, wait);
	const struct receiver *busy = READ_ONCE(*r->busy);

	if (busy && busy != r)
		return 0;
	default_wake_function(wait, mode, flags, key);
	return 1;
}

static void join_queue(struct receiver *r)
{
	init_waitqueue_func_entry(&r->wait, wake_receiver);
	r->wait.private = current;
	spin_lock_irq(&r->peer->rx_wait.lock);
	__add_wait_queue_exclusive(&r->peer->rx_wait, &r->wait);
	spin_unlock_irq(&r->peer->rx_wait.lock);
}

static void leave_queue(struct receiver *r)
{
	remove_wait_queue(&r->peer->rx_wait, &r->wait);
	smp_mb();	/* pairs with the one in begin_receiving() */
	if (READ_ONCE(r->peer->rx_ready))
		wake_up(&r->peer->rx_wait);
}

/* Return: whether something may have come. */
static bool receive_as(struct receiver *r)
{
	if (is_done(r) || !begin_receiving(r->peer))
		return false;
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(*r->busy, r);
	receive_all(r->peer, r);
	mutex_unlock(&r->peer->rx_lock);
	WRITE_ONCE(*r->busy, NULL);
	if (!r->room)
		leave_queue(r);
	cond_resched();
	return true;
}

/**
 * dsm_tcp_wait - wait for a page, and receive from peers meanwhile
 * @peers:	who are likely to bring it
 * @nr:		how many they are, 1 to %DSM_BRINGERS
 * @slot:	the page
 * @access:	of enum dsm_right
 * @left:	how long, in jiffies
 *
 * Handles whatever the peers have to say, so the caller must hold no lock.
 * After %DSM_BATCH frames of one that is left to others.
 *
 * Return: 0 if time is up; %-ERESTARTSYS if the caller is being killed; else
 * what is left of the time, and there may be no answer yet.
 */
long dsm_tcp_wait(struct dsm_peer *const peers[], unsigned int nr,
		  struct dsm_slot *slot, u8 access, long left)
{
	DEFINE_WAIT_FUNC(answer, default_wake_function);
	struct receiver receivers[DSM_BRINGERS];
	const struct receiver *busy = NULL;
	struct receiver *r;

	add_wait_queue(&slot->wait, &answer);
	for (r = receivers; r < receivers + nr; r++) {
		*r = (struct receiver) {
			.peer = peers[r - receivers], .slot = slot,
			.access = access, .room = DSM_BATCH, .busy = &busy,
		};
		join_queue(r);
	}
	for (;;) {
		bool came = false, done = true;

		set_current_state(TASK_KILLABLE);
		for (r = receivers; r < receivers + nr; r++) {
			came |= receive_as(r);
			done &= is_done(r);
		}
		if (done)
			break;
		if (fatal_signal_pending(current)) {
			left = -ERESTARTSYS;
			break;
		}
		if (came)
			continue;
		if (!left)
			break;
		left = schedule_timeout(left);
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&slot->wait, &answer);
	for (r = receivers; r < receivers + nr; r++) {
		if (r->room)
			leave_queue(r);
	}
	return left;
}

/** dsm_tcp_rx_tell() - something has come from a peer, or its connection */
void dsm_tcp_rx_tell(struct dsm_peer *peer)
{
	WRITE_ONCE(peer->rx_ready, true);
	wake_up(&peer->rx_wait);
}

/**
 * dsm_tcp_rx_urge - do not wait for a program to receive; keeper only
 * @peer:	the peer, with its connection
 *
 * It may not get to run for long. And of a large page whose rest is slow in
 * coming what is there is received, so that the peer counts as heard.
 */
void dsm_tcp_rx_urge(struct dsm_peer *peer)
{
	struct dsm_conn *conn = peer->conn;

	if (READ_ONCE(conn->sock->sk->sk_rcvlowat) > 1) {
		WRITE_ONCE(conn->rx_urged, true);
		WRITE_ONCE(peer->rx_ready, true);
	}
	if (READ_ONCE(peer->rx_ready))
		wake_up_process(peer->rx_thread);
}

static int rx_thread(void *data)
{
	struct dsm_peer *peer = data;

	set_user_nice(current, MIN_NICE);
	for (;;) {
		wait_event_idle_exclusive(peer->rx_wait,
					  READ_ONCE(peer->rx_ready) ||
					  kthread_should_stop());
		if (kthread_should_stop())
			return 0;
		mutex_lock(&peer->rx_lock);
		receive_all(peer, NULL);
		mutex_unlock(&peer->rx_lock);
		cond_resched();
	}
}

/** dsm_tcp_rx_start() - receive from a peer that has no connection yet */
int dsm_tcp_rx_start(struct dsm_peer *peer)
{
	struct task_struct *thread;

	peer->rx_ready = false;
	thread = kthread_run(rx_thread, peer, "%s-rx-%u",
			     dev_name(&peer->node->dev), peer->id);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	peer->rx_thread = thread;
	return 0;
}

/** dsm_tcp_rx_stop() - the opposite, if it was done */
void dsm_tcp_rx_stop(struct dsm_peer *peer)
{
	if (peer->rx_thread)
		kthread_stop(peer->rx_thread);
	peer->rx_thread = NULL;
}
