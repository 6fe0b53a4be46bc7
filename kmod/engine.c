// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: the only caller of dsm_step(). Messages, timers, and faults that
 * need more than is here become events; the actions of a step are carried out
 * in their order, under the slot's lock, by whoever brought the event. So a
 * read miss costs two wake-ups in all: of the thread that receives at the home,
 * and of the asker, which receives the answer itself (dsm_tcp_wait()).
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "dsm.h"
#include "trace.h"

static u64 now_us(void)
{
	return ktime_to_us(ktime_get());
}

/**
 * dsm_engine_is_spanned - an access may span a page and the next one
 * @node:	the node, active
 * @slot:	the page, locked
 * @now:	in microseconds
 *
 * An access that spans two pages needs both at once. Two nodes that each hold
 * one and wait for the other's would trade them for ever, so whoever has the
 * lower page keeps it until the upper one is here and had its time: the lower
 * page is taken first, as locks are taken in order. Nothing is known of the
 * access itself; a thread that used the lower page last and now asks for the
 * upper one is taken for it. (Threads are told apart by 5 bits of their id; a
 * mistake costs time, never coherence.)
 */
bool dsm_engine_is_spanned(struct dsm_node *node, const struct dsm_slot *slot,
			   u64 now)
{
	const struct dsm_slot *above;
	bool spans = false;

	rcu_read_lock();
	above = dsm_slot_peek(node, slot->index + 1);
	if (above && READ_ONCE(above->asked_by) & slot->used_by)
		spans = READ_ONCE(above->page.want) ||
			READ_ONCE(above->page.fresh) ||
			now < READ_ONCE(above->page.hold_until);
	rcu_read_unlock();
	return spans;
}

static u32 thread_bit(void)
{
	return 1U << (task_pid_nr(current) % DSM_STREAMS);
}

static void send(struct dsm_node *node, struct dsm_slot *slot, u16 to,
		 const struct dsm_msg *msg, struct dsm_plug *plug)
{
	struct dsm_peer *peer = dsm_node_peer(node, to);
	u32 length = msg->type == DSM_MSG_DATA ? node->set.block_size : 0;
	struct dsm_parcel *parcel = dsm_parcel_alloc(node, length, GFP_NOIO,
						     plug);

	parcel->frame.msg = *msg;
	if (length) {
		memcpy(parcel->payload, folio_address(slot->folio), length);
		dsm_stats_add(node, DSM_STAT_pages_out, 1);
		atomic64_inc(&peer->pages_out);
	}
	if (msg->type == DSM_MSG_INVALIDATE)
		dsm_stats_add(node, DSM_STAT_invalidations_out, 1);
	if (msg->type == DSM_MSG_DATA || msg->type == DSM_MSG_INVAL_ACK)
		WRITE_ONCE(slot->prob_owner, to);
	dsm_stats_add(node, DSM_STAT_messages_out, 1);
	atomic64_inc(&peer->messages_out);
	trace_dsm_send(node->core.self, to, msg);
	dsm_session_send(peer, parcel, plug);
}

static void send_set(struct dsm_node *node, struct dsm_slot *slot,
		     const struct dsm_act *act, struct dsm_plug *plug)
{
	u16 to;

	dsm_set_for_each(to, act->set, node->core.members.words)
		send(node, slot, to, &act->msg, plug);
}

static void start_timer(struct dsm_node *node, ktime_t at)
{
	lockdep_assert_held(&node->timer_lock);

	if (!node->timers_end)
		hrtimer_start(&node->timer, at, HRTIMER_MODE_ABS);
}

static void arm_timer(struct dsm_node *node, struct dsm_slot *slot, u64 at_us)
{
	unsigned long flags;

	spin_lock_irqsave(&node->timer_lock, flags);
	if (slot->armed)
		timerqueue_del(&node->timers, &slot->timer);
	else
		refcount_inc(&slot->users);
	slot->timer.expires = ns_to_ktime(at_us * NSEC_PER_USEC);
	slot->armed = true;
	if (timerqueue_add(&node->timers, &slot->timer))
		start_timer(node, slot->timer.expires);
	spin_unlock_irqrestore(&node->timer_lock, flags);
}

/* When to look at a page again: its hold may be over early, see end_hold(). */
static u64 look_at(const struct dsm_node *node, const struct dsm_slot *slot,
		   u64 at)
{
	u64 now = now_us();

	if (slot->page.fresh || slot->page.hold_until <= now ||
	    !dsm_hold_is_auto(node))
		return at;
	return min(at, now + dsm_hold_base(node));
}

static void act(struct dsm_node *node, struct dsm_slot *slot,
		const struct dsm_act *act, struct dsm_plug *plug)
{
	switch (act->type) {
	case DSM_ACT_SEND:
		send(node, slot, act->to, &act->msg, plug);
		break;
	case DSM_ACT_SEND_SET:
		send_set(node, slot, act, plug);
		break;
	case DSM_ACT_PROTECT:
		dsm_vm_protect(node, slot, act->right);
		break;
	case DSM_ACT_ZERO:
		memset(folio_address(slot->folio), 0, node->set.block_size);
		break;
	case DSM_ACT_WAKE:
		wake_up_all(&slot->wait);
		break;
	case DSM_ACT_TIMER:
		arm_timer(node, slot, look_at(node, slot, act->at));
		break;
	}
}

#ifdef CONFIG_DSM_DEBUG
static bool ack_early;
module_param(ack_early, bool, 0444);
MODULE_PARM_DESC(ack_early,
		 "break coherence: acknowledge invalidations before unmapping");

static bool acks_early(void)
{
	return ack_early;
}

/* Long enough for another node to store to the page that is still used here */
#define ACK_EARLY_MS	20

/*
 * The bug that ack_early orders, and that tests have to find: the message that
 * says the page is gone from here (INVAL_ACK, DATA) goes before the page does.
 */
static void act_early(struct dsm_node *node, struct dsm_slot *slot,
		      struct dsm_out *out)
{
	if (!ack_early || out->nr < 2 ||
	    out->act[0].type != DSM_ACT_PROTECT ||
	    out->act[0].right != DSM_NONE || out->act[1].type != DSM_ACT_SEND)
		return;
	act(node, slot, &out->act[1], NULL);
	msleep(ACK_EARLY_MS);
	act(node, slot, &out->act[0], NULL);
	out->nr -= 2;
	memmove(out->act, out->act + 2, out->nr * sizeof(out->act[0]));
}
#else
static bool acks_early(void)
{
	return false;
}

static void act_early(struct dsm_node *node, struct dsm_slot *slot,
		      struct dsm_out *out)
{
}
#endif

/* Comes before the folio is locked to take rights away: see acquire_again() */
static void lower_ready(struct dsm_slot *slot, u8 right)
{
	WRITE_ONCE(slot->ready, min(slot->ready, right));
}

/* What a step changed that others look at: counters, flags of the folio. */
static void note_change(struct dsm_node *node, struct dsm_slot *slot,
			const struct dsm_page *before, u64 now)
{
	const struct dsm_page *after = &slot->page;

	if (after->state != before->state) {
		trace_dsm_state(node->core.self, slot->index, before->state,
				after->state, after->version);
		dsm_stats_add(node, DSM_STAT_resident_pages,
			      (after->state != DSM_NONE) -
			      (before->state != DSM_NONE));
		if (before->state == DSM_NONE)
			slot->used_by = 0;
		if (after->state < before->state)
			dsm_hold_lowered(slot, now);
		lower_ready(slot, after->state);
	}
	dsm_stats_add(node, DSM_STAT_owned_pages,
		      after->owned - before->owned);
	if (after->want && !before->want) {
		slot->asked_at = jiffies;
		slot->asked_by = 0;
	}
	if (!after->want && slot->prefetched) {
		slot->prefetched = false;
		atomic_dec(&node->flying);
	}
}

/*
 * Take from all programs what this step may take from the node, so that nobody
 * can pin the page any more; then look whether somebody has.
 */
static bool withdraw(struct dsm_node *node, struct dsm_slot *slot,
		     const struct dsm_event *ev)
{
	const struct dsm_page *pg = &slot->page;
	u64 since = pg->deferred.type ? pg->deferred_since : ev->now;
	u8 leaves = dsm_step_leaves(&node->core, &slot->page, slot->home, ev);

	if (leaves >= pg->state || acks_early())
		return false;
	lower_ready(slot, leaves);
	slot->withdrawn = true;
	return dsm_vm_withdraw(node, slot, leaves,
			       ev->now - since < DSM_REFERENCED_US);
}

static enum dsm_verdict step(struct dsm_node *node, struct dsm_slot *slot,
			     struct dsm_event *ev, struct dsm_plug *plug)
{
	struct dsm_page before = slot->page;
	enum dsm_verdict verdict;
	/* Kernels that clear what is on the stack would clear 776 bytes. */
	struct dsm_out out __uninitialized;
	u16 i;

	lockdep_assert_held(&slot->lock);

	ev->page = slot->index;
	ev->now = now_us();
	if (ev->type == DSM_EV_RECV || ev->type == DSM_EV_TICK) {
		ev->in_use = dsm_engine_is_spanned(node, slot, ev->now);
		ev->pinned = withdraw(node, slot, ev);
	}

	verdict = dsm_step(&node->core, &slot->page, slot->home, ev, &out);
	if (WARN_ON_ONCE(out.nr > DSM_ACTS_MAX))
		out.nr = DSM_ACTS_MAX;
	note_change(node, slot, &before, ev->now);
	act_early(node, slot, &out);
	for (i = 0; i < out.nr; i++)
		act(node, slot, &out.act[i], plug);
	/* Who has to look again waits longer than the node that wants it. */
	if (before.state != DSM_NONE && slot->page.state == DSM_NONE)
		dsm_futex_gone(node, slot);
	/* Its bytes are here: faults on pages near it may map it, too. */
	if (slot->withdrawn || before.state == DSM_NONE)
		dsm_vm_restore(slot);
	slot->withdrawn = false;
	return verdict;
}

/* Whoever has to wait for a page holds nothing back meanwhile. */
static void lock(struct dsm_slot *slot, struct dsm_plug *plug)
{
	if (mutex_trylock(&slot->lock))
		return;
	if (plug)
		dsm_tcp_unplug(plug);
	mutex_lock(&slot->lock);
}

static void use(struct dsm_node *node, struct dsm_slot *slot, u32 hold_us)
{
	struct dsm_event ev = { .type = DSM_EV_USED, .hold_us = hold_us };

	step(node, slot, &ev, NULL);
}

/*
 * Somebody wants a page: it is held for those who use it, and not for those who
 * went to sleep. A holder of a lock that waits for another one, say.
 */
static void end_hold(struct dsm_node *node, struct dsm_slot *slot)
{
	if (!slot->page.fresh && slot->page.hold_until > now_us() &&
	    dsm_hold_is_auto(node) && dsm_use_is_left(node, slot))
		use(node, slot, 0);
}

/* End the hold of a page that only the running program has used. */
static void leave(struct dsm_node *node, struct dsm_slot *slot)
{
	struct dsm_event ev = { .type = DSM_EV_TICK };

	mutex_lock(&slot->lock);
	if (!slot->page.fresh && slot->used_by == thread_bit()) {
		use(node, slot, 0);
		if (slot->page.deferred.type)
			step(node, slot, &ev, NULL);
	}
	mutex_unlock(&slot->lock);
}

/*
 * The running program is about to wait for a page. Meanwhile it cannot use the
 * page that it came to last: unless somebody else here does, or one instruction
 * needs both, that one is not held any longer. So who waits for a lock that was
 * just released need not wait for the hold time, too.
 */
static void leave_last(struct dsm_node *node, const struct dsm_slot *slot)
{
	struct dsm_slot *left;
	u64 page;

	if (!dsm_hold_is_auto(node) || !dsm_use_is_over(node, &page) ||
	    page == slot->index || page + 1 == slot->index)
		return;
	left = dsm_slot_get_awake(node, page);
	if (!left)
		return;
	if (!READ_ONCE(left->page.fresh) &&
	    READ_ONCE(left->page.hold_until) > now_us())
		leave(node, left);
	dsm_slot_put(left);
}

/*
 * How long the running task may wait, in milliseconds; 0: for ever. A task that
 * is exiting looks at its robust futexes, and no signal would end that.
 */
static u32 patience(const struct dsm_node *node)
{
	u32 timeout = READ_ONCE(node->set.fault_timeout_ms);

	if (current->flags & PF_EXITING && (!timeout || timeout > DSM_EXIT_MS))
		return DSM_EXIT_MS;
	return timeout;
}

/* Whether the request has gone unanswered for too long. */
static bool overdue(struct dsm_node *node, const struct dsm_slot *slot)
{
	u32 timeout = patience(node);

	return timeout && time_after_eq(jiffies, slot->asked_at +
					msecs_to_jiffies(timeout));
}

static void count_fault(struct dsm_node *node, const struct dsm_slot *slot,
			u8 access, u8 state, bool asked)
{
	enum dsm_stat stat;

	if (slot->page.state >= access)
		stat = DSM_STAT_faults_local;
	else if (!asked)
		return;		/* shares the request of another */
	else if (access == DSM_READ)
		stat = DSM_STAT_read_faults;
	else if (state == DSM_READ)
		stat = DSM_STAT_upgrades;
	else
		stat = DSM_STAT_write_faults;
	dsm_stats_add(node, stat, 1);
}

/*
 * Take a right that this thread, or one that is told apart from it by nothing,
 * has had since anything happened to the page: no step would change anything.
 * Whoever takes the right away needs the folio's lock for that, and has lowered
 * slot->ready before.
 */
static bool acquire_again(struct dsm_node *node, struct dsm_slot *slot,
			  u8 access)
{
	if (READ_ONCE(slot->ready) < access || READ_ONCE(slot->page.fresh) ||
	    !(READ_ONCE(slot->used_by) & thread_bit()))
		return false;
	folio_lock(slot->folio);
	/* pairs with dsm_engine_acquire(): the page's bytes come before */
	if (smp_load_acquire(&slot->ready) < access) {
		folio_unlock(slot->folio);
		return false;
	}
	dsm_stats_add(node, DSM_STAT_faults_local, 1);
	dsm_use_note(node, slot);
	return true;
}

/**
 * dsm_engine_acquire - get a right to a page, or ask for it
 * @node:	the node, active
 * @slot:	the page, with its folio
 * @access:	of enum dsm_right
 * @how:	of enum dsm_how
 *
 * Does not sleep for the network.
 *
 * Return: 0 if the right is here: then the folio is locked, and the right stays
 * until the caller unlocks it. %-EAGAIN if it is being asked for: wait with
 * dsm_engine_wait(), then try again. %-EIO if it cannot be had, or not in time.
 */
int dsm_engine_acquire(struct dsm_node *node, struct dsm_slot *slot, u8 access,
		       unsigned int how)
{
	struct dsm_event ev = {
		.type = access == DSM_WRITE ? DSM_EV_WRITE : DSM_EV_READ,
	};
	struct dsm_page *pg = &slot->page;
	u8 state, want;
	int err = 0;

	if (acquire_again(node, slot, access))
		return 0;
	mutex_lock(&slot->lock);
	state = pg->state;
	want = pg->want;
	if (how & DSM_HOW_AGAIN && pg->error && state < access && !want) {
		err = -EIO;
		goto out;
	}
	step(node, slot, &ev, NULL);
	if (!want && pg->want) {
		dsm_hold_asked(node, slot, ev.now, how & DSM_HOW_PROGRAM);
		dsm_prefetch_give_way(node, slot);
	}
	count_fault(node, slot, access, state, !want && pg->want);
	if (pg->state >= access) {
		slot->used_by |= thread_bit();
		use(node, slot, dsm_hold_us(node, slot));
		dsm_use_note(node, slot);
		/* pairs with acquire_again() */
		smp_store_release(&slot->ready, max(slot->ready, access));
		folio_lock(slot->folio);
		goto out;
	}
	/* Begun by a prefetch: whoever waits first has all his time. */
	if (!slot->asked_by)
		slot->asked_at = jiffies;
	slot->asked_by |= thread_bit();
	if (!pg->want)
		err = -EIO;
	else
		err = overdue(node, slot) ? -EIO : -EAGAIN;
out:
	mutex_unlock(&slot->lock);
	return err;
}

/** dsm_engine_is_writer() - this thread waits for write permission to a page */
bool dsm_engine_is_writer(const struct dsm_slot *slot)
{
	return READ_ONCE(slot->page.want) == DSM_WRITE &&
	       READ_ONCE(slot->asked_by) & thread_bit();
}

/** dsm_engine_is_answered() - nobody need wait for this right to a page */
bool dsm_engine_is_answered(const struct dsm_slot *slot, u8 access)
{
	return !READ_ONCE(slot->page.want) ||
	       READ_ONCE(slot->page.state) >= access;
}

static long wait_for_answer(struct dsm_slot *slot, u8 access, long left)
{
	return wait_event_killable_timeout(slot->wait,
					   dsm_engine_is_answered(slot, access),
					   left);
}

/*
 * Who is likely to bring a page: its home, and the owner that the home may send
 * the request on to. Where nothing is known of the owner, it may be that of the
 * page that this thread came to last. These are guesses, made without a lock.
 *
 * Return: how many they are.
 */
static unsigned int bringers(struct dsm_node *node, const struct dsm_slot *slot,
			     struct dsm_peer *peers[DSM_BRINGERS])
{
	u16 home = dsm_core_home(&node->core, slot->index);
	u16 owner = READ_ONCE(slot->prob_owner);
	unsigned int nr = 0;

	if (slot->home)
		owner = READ_ONCE(slot->home->source);
	else if (owner == DSM_NO_NODE)
		owner = dsm_use_prob_owner(node);
	peers[nr] = dsm_node_peer(node, home);
	nr += !!peers[nr];
	if (owner == home)
		return nr;
	peers[nr] = dsm_node_peer(node, owner);
	return nr + !!peers[nr];
}

/**
 * dsm_engine_wait - wait until a request for a page has an answer
 * @node:	the node, active
 * @slot:	the page
 * @access:	of enum dsm_right
 * @receives:	the caller is a program in a fault of its own, without a lock:
 *		it may handle messages meanwhile
 *
 * Killable, and bounded by fault_timeout_ms from the start of the request.
 *
 * Return: 0, also when time is up, as dsm_engine_acquire() will say; %-EINTR
 * if the caller is being killed.
 */
int dsm_engine_wait(struct dsm_node *node, struct dsm_slot *slot, u8 access,
		    bool receives)
{
	struct dsm_peer *peers[DSM_BRINGERS];
	unsigned int nr = receives ? bringers(node, slot, peers) : 0;
	u32 timeout = patience(node);
	long left = MAX_SCHEDULE_TIMEOUT;

	if (receives)
		leave_last(node, slot);
	if (timeout) {
		left = (long)(READ_ONCE(slot->asked_at) +
			      msecs_to_jiffies(timeout) - jiffies);
		if (left <= 0)
			return 0;
	}
	/* What is left of "for ever" is no int. */
	if (nr)
		left = dsm_tcp_wait(peers, nr, slot, access, left);
	if (left > 0)
		left = wait_for_answer(slot, access, left);
	return left < 0 ? -EINTR : 0;
}

static void reject(struct dsm_node *node, u16 from, const struct dsm_msg *msg)
{
	dsm_stats_add(node, DSM_STAT_rejected_messages, 1);
	dev_warn_ratelimited(&node->dev,
			     "node %u: unexpected %s for page %llu dropped\n",
			     from, dsm_wire_type_name(msg->type), msg->page);
}

/* Nobody is on his way to a page that came unasked: its hold time runs now. */
static void use_unasked(struct dsm_node *node, struct dsm_slot *slot)
{
	if (slot->page.fresh && !slot->asked_by)
		use(node, slot, dsm_hold_us(node, slot));
}

/**
 * dsm_engine_use_late - nobody comes for a page that came
 * @node:	the node, active
 * @slot:	the page, locked; whoever asked for it does not wait any more
 *
 * So its hold time need not wait for the first use.
 */
void dsm_engine_use_late(struct dsm_node *node, struct dsm_slot *slot)
{
	if (slot->page.fresh && slot->page.hold_until <= now_us())
		use(node, slot, 0);
}

/*
 * The page that a message is about, with a reference. Only a request can be
 * about one that was never seen here.
 */
static struct dsm_slot *slot_of(struct dsm_node *node,
				const struct dsm_msg *msg,
				struct dsm_plug *plug)
{
	struct dsm_slot *slot;

	if (msg->type != DSM_MSG_GET && !dsm_slot_is_known(node, msg->page))
		return NULL;
	slot = dsm_slot_get(node, msg->page, GFP_NOWAIT | __GFP_NOWARN);
	if (slot)
		return slot;
	/* Memory may take a while. */
	if (plug)
		dsm_tcp_unplug(plug);
	return dsm_slot_get(node, msg->page, GFP_NOIO | __GFP_NOFAIL);
}

/**
 * dsm_engine_recv - a protocol message came
 * @peer:	who sent it, as the session proved
 * @frame:	the message
 * @plug:	where the answers wait for others, or NULL
 *
 * The caller calls dsm_prefetch_go_on() before long.
 *
 * Return: 0, or a negative error if the page's bytes cannot be had.
 */
int dsm_engine_recv(struct dsm_peer *peer, const struct dsm_frame *frame,
		    struct dsm_plug *plug)
{
	const struct dsm_msg *msg = &frame->msg;
	struct dsm_node *node = peer->node;
	u16 from = peer->id;
	struct dsm_event ev = {
		.type = DSM_EV_RECV, .from = from, .msg = *msg,
	};
	enum dsm_verdict verdict;
	struct dsm_slot *slot;
	int err = 0;

	dsm_stats_add(node, DSM_STAT_messages_in, 1);
	trace_dsm_recv(node->core.self, from, msg);
	if (frame->epoch != node->core.members.epoch ||
	    msg->page >= node->core.pages) {
		reject(node, from, msg);
		return 0;
	}
	slot = slot_of(node, msg, plug);
	if (!slot) {
		reject(node, from, msg);
		return 0;
	}

	lock(slot, plug);
	/* Nobody can see the page while it waits for its bytes. */
	if (msg->type == DSM_MSG_DATA && dsm_page_awaits_data(&slot->page)) {
		err = dsm_tcp_recv_payload(peer, folio_address(slot->folio));
		if (err)
			goto out;
		WRITE_ONCE(slot->prob_owner, from);
	}
	end_hold(node, slot);
	verdict = step(node, slot, &ev, plug);
	use_unasked(node, slot);
out:
	mutex_unlock(&slot->lock);
	dsm_slot_put(slot);
	if (err)
		return err;

	if (verdict == DSM_PROTO) {
		reject(node, from, msg);
	} else if (msg->type == DSM_MSG_DATA) {
		dsm_stats_add(node, DSM_STAT_pages_in, 1);
		atomic64_inc(&peer->pages_in);
	} else if (msg->type == DSM_MSG_INVALIDATE) {
		dsm_stats_add(node, DSM_STAT_invalidations_in, 1);
	}
	return 0;
}

/** dsm_engine_lose() - node @id has lost its memory: tell every page */
void dsm_engine_lose(struct dsm_node *node, u16 id)
{
	struct dsm_event ev = { .type = DSM_EV_LOST, .from = id };
	unsigned long place = 0;
	struct dsm_slot *slot;

	dsm_member_lose(&node->core.members, id);
	/* A slot that is being made either is found below or sees the set. */
	smp_mb();
	while ((slot = dsm_slot_next(node, &place, id))) {
		mutex_lock(&slot->lock);
		step(node, slot, &ev, NULL);
		mutex_unlock(&slot->lock);
		dsm_slot_put(slot);
		cond_resched();
	}
	dsm_prefetch_go_on(node);
}

/* A page whose time has come, with the reference of the timers, or NULL */
static struct dsm_slot *next_expired(struct dsm_node *node)
{
	struct dsm_slot *slot = NULL;
	struct timerqueue_node *first;
	unsigned long flags;

	spin_lock_irqsave(&node->timer_lock, flags);
	first = timerqueue_getnext(&node->timers);
	if (first && first->expires <= ktime_get()) {
		slot = container_of(first, struct dsm_slot, timer);
		timerqueue_del(&node->timers, first);
		slot->armed = false;
	} else if (first) {
		start_timer(node, first->expires);
	}
	spin_unlock_irqrestore(&node->timer_lock, flags);
	return slot;
}

static void tick_work(struct work_struct *work)
{
	struct dsm_node *node = container_of(work, struct dsm_node, tick_work);
	struct dsm_event ev = { .type = DSM_EV_TICK };
	struct dsm_slot *slot;

	while ((slot = next_expired(node))) {
		mutex_lock(&slot->lock);
		end_hold(node, slot);
		step(node, slot, &ev, NULL);
		mutex_unlock(&slot->lock);
		dsm_slot_put(slot);
		cond_resched();
	}
	dsm_prefetch_go_on(node);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct dsm_node *node = container_of(timer, struct dsm_node, timer);

	queue_work(node->wq, &node->tick_work);
	return HRTIMER_NORESTART;
}

/** dsm_engine_start() - make timers work; node->wq exists */
void dsm_engine_start(struct dsm_node *node)
{
	timerqueue_init_head(&node->timers);
	spin_lock_init(&node->timer_lock);
	node->timers_end = false;
	INIT_WORK(&node->tick_work, tick_work);
	hrtimer_setup(&node->timer, timer_fired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
}

/** dsm_engine_stop() - no timer fires after this; no message comes any more */
void dsm_engine_stop(struct dsm_node *node)
{
	spin_lock_irq(&node->timer_lock);
	node->timers_end = true;
	spin_unlock_irq(&node->timer_lock);
	hrtimer_cancel(&node->timer);
	cancel_work_sync(&node->tick_work);
}

/**
 * dsm_engine_prefetch - ask for a right to a page, if it is not here
 * @node:	the node, active
 * @slot:	the page, with its folio
 * @access:	of enum dsm_right
 * @plug:	where the request waits for others, or NULL
 *
 * Nobody waits for the answer: if none comes, or a refusal, that is no error.
 *
 * Return: whether a request is on its way now that was not before.
 */
bool dsm_engine_prefetch(struct dsm_node *node, struct dsm_slot *slot,
			 u8 access, struct dsm_plug *plug)
{
	struct dsm_event ev = {
		.type = access == DSM_WRITE ? DSM_EV_WRITE : DSM_EV_READ,
	};
	bool asked = false;

	lock(slot, plug);
	if (slot->page.state < access && !slot->page.want) {
		slot->asked_by = 0;
		step(node, slot, &ev, plug);
		use_unasked(node, slot);
		asked = slot->page.want;
		slot->prefetched = asked;
	}
	mutex_unlock(&slot->lock);
	return asked;
}
