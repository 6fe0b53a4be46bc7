// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds at a node whatever its peers say. A liar may hurt those who need
 * it: its requests may wait for ever, and a home that lies owns its pages. But
 * this node never says what it does not keep, and its own books stay in order.
 */
#include "fuzz_step.h"

/* The node before the step. */
static struct {
	struct dsm_page page;
	struct dsm_home home;
	u64 copyset[DSM_SET_WORDS_MAX];
	u64 inval[DSM_SET_WORDS_MAX];
	u32 queue[FUZZ_NODES];
} before;

/* The right that the step has to leave */
static u8 leaves;

static u64 members[DSM_SET_WORDS_MAX];

/* How many acknowledgements of the latest version came, or have to come. */
struct acks {
	u64 version;
	u16 nr;
};

static struct acks acks_seen;
static struct acks acks_due;

/* Of the step in progress: what programs can do, and what was asked for. */
static u8 mapped;
static bool woken;

static bool is_right(u8 right)
{
	return right == DSM_READ || right == DSM_WRITE;
}

static bool is_within(const u64 *set, const u64 *limits, u16 words)
{
	u16 i;

	for (i = 0; i < words; i++)
		if (set[i] & ~limits[i])
			return false;
	return true;
}

void judge_begin(const struct fuzz_node *n)
{
	u16 i;

	dsm_set_clear(members, n->core.members.words);
	for (i = 0; i < n->core.members.nr; i++)
		dsm_set_add(members, n->core.members.ids[i]);
	acks_seen = (struct acks) { 0 };
	acks_due = (struct acks) { 0 };
}

static u16 acks_of(const struct acks *acks, u64 version)
{
	return acks->version == version ? acks->nr : 0;
}

void judge_before(struct fuzz_node *n, const struct dsm_event *ev)
{
	u16 bytes = n->core.members.words * sizeof(u64);

	memcpy(&before.page, &n->page, sizeof(n->page));
	leaves = ev->pinned ? n->page.state :
			      dsm_step_leaves(&n->core, &n->page, n->home, ev);
	if (!n->home)
		return;
	memcpy(&before.home, n->home, sizeof(*n->home));
	memcpy(before.copyset, n->home->copyset, bytes);
	memcpy(before.inval, n->home->inval, bytes);
	memcpy(before.queue, n->home->queue,
	       n->core.members.nr * sizeof(u32));
}

static bool is_unchanged(const struct fuzz_node *n)
{
	u16 bytes = n->core.members.words * sizeof(u64);

	if (memcmp(&before.page, &n->page, sizeof(n->page)))
		return false;
	return !n->home ||
	       (!memcmp(&before.home, n->home, sizeof(*n->home)) &&
		!memcmp(before.copyset, n->home->copyset, bytes) &&
		!memcmp(before.inval, n->home->inval, bytes) &&
		!memcmp(before.queue, n->home->queue,
			n->core.members.nr * sizeof(u32)));
}

/* Whether no correct peer, or none at all, can have sent it. */
static bool is_forged(const struct fuzz_node *n, const struct dsm_event *ev)
{
	const struct dsm_members *m = &n->core.members;
	u16 from = ev->from;

	if (from >= DSM_NODE_LIMIT || from / 64 >= m->words ||
	    !dsm_set_has(members, from) || from == n->core.self ||
	    dsm_member_is_lost(m, from) || ev->msg.page != ev->page)
		return true;
	switch (ev->msg.type) {
	case DSM_MSG_GET:
		return ev->msg.requester != from;
	case DSM_MSG_DONE:
		return from != before.home.requester;
	case DSM_MSG_FORWARD:
	case DSM_MSG_INVALIDATE:
		return from != n->home_id || ev->msg.requester == n->core.self;
	case DSM_MSG_GRANT:
		return from != n->home_id;
	case DSM_MSG_RECOUNT:
		return from != n->home_id || ev->msg.requester != n->core.self;
	case DSM_MSG_REFUSE:
		return from != (n->home ? before.home.source : n->home_id);
	case DSM_MSG_DATA:
		return ev->msg.flags & DSM_MSG_ZERO ||
		       (ev->msg.flags & DSM_MSG_FINAL && from != n->home_id) ||
		       (n->home && (before.home.requester != n->core.self ||
				    before.home.source != from));
	}
	/* INVAL_ACK: the home knows whom it told. */
	return ev->msg.requester != n->core.self ||
	       (n->home && (before.home.requester != n->core.self ||
			    !dsm_set_has(before.inval, from)));
}

/* Whether it answers a request that is over. */
static bool is_late(const struct fuzz_node *n, const struct dsm_msg *msg)
{
	switch (msg->type) {
	case DSM_MSG_DATA:
	case DSM_MSG_GRANT:
	case DSM_MSG_INVAL_ACK:
	case DSM_MSG_RECOUNT:
		return msg->serial != before.page.serial;
	case DSM_MSG_REFUSE:
		return msg->serial != (n->home ? before.home.serial :
						 before.page.serial);
	case DSM_MSG_DONE:
		return msg->serial != before.home.serial;
	}
	return false;
}

static void judge_verdict(const struct fuzz_node *n, const struct dsm_event *ev,
			  enum dsm_verdict verdict)
{
	enum dsm_input in = dsm_input_of(ev);

	FUZZ_CHECK(verdict >= DSM_OK && verdict <= DSM_PROTO, "no verdict");
	if (verdict != DSM_OK) {
		FUZZ_CHECK(is_unchanged(n), "%s is dropped and changes things",
			   dsm_input_name(in));
		return;
	}
	FUZZ_CHECK(in < DSM_IN_END && ev->page < n->core.pages,
		   "an event that is none is taken");
	FUZZ_CHECK(dsm_table_legal(dsm_cache_state(&before.page),
				   dsm_home_state(n->home ? &before.home :
							    NULL), in),
		   "%s is taken against the table", dsm_input_name(in));
	if (ev->type != DSM_EV_RECV)
		return;
	FUZZ_CHECK(!is_forged(n, ev), "a forged %s is taken",
		   dsm_input_name(in));
	FUZZ_CHECK(!is_late(n, &ev->msg), "a late %s is taken",
		   dsm_input_name(in));
}

static void judge_page(const struct fuzz_node *n)
{
	const struct dsm_page *pg = &n->page;
	s16 nr = n->core.members.nr;

	FUZZ_CHECK(pg->state == DSM_NONE || is_right(pg->state), "state %u",
		   pg->state);
	FUZZ_CHECK(!pg->want || (is_right(pg->want) && pg->want > pg->state),
		   "wants %u in state %u", pg->want, pg->state);
	FUZZ_CHECK(!pg->granted || (is_right(pg->granted) && pg->want &&
				    pg->granted >= pg->want),
		   "granted %u for %u", pg->granted, pg->want);
	FUZZ_CHECK(pg->error < DSM_STATUS_END, "error %u", pg->error);
	FUZZ_CHECK(pg->want || !(pg->acks_left || pg->counted ||
				 pg->acks_version), "acks without a request");
	FUZZ_CHECK(pg->counted ? pg->acks_left >= 0 : pg->acks_left <= 0,
		   "acks_left %d, counted %u", pg->acks_left, pg->counted);
	FUZZ_CHECK(!pg->granted || !pg->counted || pg->acks_left,
		   "has everything, and waits");
	FUZZ_CHECK(pg->granted != DSM_READ, "a reader waits");
	FUZZ_CHECK(pg->acks_left >= -nr && pg->acks_left < nr, "acks_left %d",
		   pg->acks_left);
	FUZZ_CHECK(pg->state != DSM_WRITE || pg->owned, "write, not owned");
	FUZZ_CHECK(!pg->owned || pg->state != DSM_NONE, "owned, not here");
	FUZZ_CHECK(!pg->fresh || pg->state != DSM_NONE, "fresh, not here");
	FUZZ_CHECK(!pg->deferred.type ||
		   pg->deferred.type == DSM_MSG_FORWARD ||
		   pg->deferred.type == DSM_MSG_INVALIDATE, "puts off type %u",
		   pg->deferred.type);
	FUZZ_CHECK(!pg->deferred.type || pg->state != DSM_NONE,
		   "puts off what is not here");
	FUZZ_CHECK(pg->version >= before.page.version, "a version shrank");
}

static void judge_queue(const struct fuzz_node *n)
{
	const struct dsm_home *hm = n->home;
	u16 nr = n->core.members.nr, i;
	u64 seen[DSM_SET_WORDS_MAX];

	FUZZ_CHECK(hm->queue_len <= nr && hm->queue_head < nr,
		   "%u wait from %u on", hm->queue_len, hm->queue_head);
	dsm_set_clear(seen, n->core.members.words);
	if (hm->busy)
		dsm_set_add(seen, hm->requester);
	for (i = 0; i < hm->queue_len; i++) {
		u32 word = hm->queue[(hm->queue_head + i) % nr];
		u16 node = word % DSM_NODE_LIMIT;

		FUZZ_CHECK(is_right(word / DSM_NODE_LIMIT & 3), "waits for %u",
			   word);
		FUZZ_CHECK(node / 64 < n->core.members.words &&
			   dsm_set_has(members, node), "node %u waits", node);
		FUZZ_CHECK(!dsm_member_is_lost(&n->core.members, node),
			   "lost node %u waits", node);
		FUZZ_CHECK(!dsm_set_has(seen, node), "node %u waits twice",
			   node);
		dsm_set_add(seen, node);
	}
}

static bool is_member(const struct fuzz_node *n, u16 node)
{
	return node / 64 < n->core.members.words && dsm_set_has(members, node);
}

static void judge_home(const struct fuzz_node *n)
{
	const struct dsm_members *m = &n->core.members;
	const struct dsm_home *hm = n->home;

	FUZZ_CHECK(!hm->busy || is_right(hm->busy), "busy with %u", hm->busy);
	FUZZ_CHECK(hm->busy || hm->requester == DSM_NO_NODE, "idle for %u",
		   hm->requester);
	FUZZ_CHECK(!hm->busy || (is_member(n, hm->requester) &&
				 !dsm_member_is_lost(m, hm->requester)),
		   "busy for node %u", hm->requester);
	FUZZ_CHECK(hm->source == DSM_NO_NODE ||
		   (hm->busy && is_member(n, hm->source) &&
		    hm->source != hm->requester),
		   "node %u sends the bytes to node %u", hm->source,
		   hm->requester);
	FUZZ_CHECK(!hm->upgrade || hm->busy == DSM_WRITE, "upgrade of nothing");
	FUZZ_CHECK(hm->owner == DSM_NO_NODE ||
		   (is_member(n, hm->owner) &&
		    !dsm_member_is_lost(m, hm->owner)), "owner %u", hm->owner);
	FUZZ_CHECK(hm->version || hm->owner == n->core.self,
		   "owner %u of a page of zeros", hm->owner);
	FUZZ_CHECK(hm->migratory <= DSM_MIGRATORY, "migratory %u",
		   hm->migratory);
	FUZZ_CHECK(is_within(hm->copyset, members, m->words), "a copy nowhere");
	FUZZ_CHECK(is_within(hm->inval, members, m->words), "told nobody");
	FUZZ_CHECK(hm->version >= before.home.version, "a version shrank");
	FUZZ_CHECK(!n->page.deferred.type ||
		   (hm->busy && n->page.deferred.requester == hm->requester),
		   "puts off what was for node %u",
		   n->page.deferred.requester);
	judge_queue(n);
}

static void note_acks(const struct dsm_msg *msg)
{
	switch (msg->type) {
	case DSM_MSG_INVAL_ACK:
		acks_seen.nr = acks_of(&acks_seen, msg->version) + 1;
		acks_seen.version = msg->version;
		break;
	case DSM_MSG_DATA:
	case DSM_MSG_GRANT:
	case DSM_MSG_RECOUNT:
		if (msg->version >= acks_due.version)
			acks_due = (struct acks) { msg->version, msg->acks };
		break;
	}
}

void judge_step(const struct fuzz_node *n, const struct dsm_event *ev,
		enum dsm_verdict verdict, const struct dsm_out *out)
{
	judge_verdict(n, ev, verdict);
	FUZZ_CHECK(out->nr <= DSM_ACTS_MAX, "%u actions", out->nr);
	FUZZ_CHECK(verdict == DSM_OK || !out->nr, "dropped, and acts");
	judge_page(n);
	if (n->home)
		judge_home(n);

	FUZZ_CHECK(ev->type == DSM_EV_EVICT || ev->type == DSM_EV_LOST ||
		   n->page.state >= leaves, "more is taken than was foretold");
	mapped = before.page.state;
	woken = false;
	if (verdict != DSM_OK || ev->type != DSM_EV_RECV)
		return;
	note_acks(&ev->msg);
}

/* Its home is idle, or serves another, and counts the requester in. */
static bool is_final(const struct fuzz_node *n, const struct dsm_msg *msg)
{
	const struct dsm_home *hm = n->home;

	return hm && !msg->acks && hm->requester != msg->requester &&
	       dsm_set_has(hm->copyset, msg->requester) &&
	       (msg->access == DSM_READ || hm->owner == msg->requester);
}

/* Only to others, and nothing that another's core would not listen to. */
static void judge_message(const struct fuzz_node *n, u16 to,
			  const struct dsm_msg *msg)
{
	const struct dsm_page *pg = &n->page;
	u16 self = n->core.self;
	u8 left;

	FUZZ_CHECK(is_member(n, to) && to != self, "%s to node %u",
		   dsm_wire_type_name(msg->type), to);
	FUZZ_CHECK(is_member(n, msg->requester), "%s for node %u",
		   dsm_wire_type_name(msg->type), msg->requester);
	FUZZ_CHECK(msg->page == n->number, "of another page");
	FUZZ_CHECK(!(msg->flags & DSM_MSG_FINAL) || is_final(n, msg),
		   "%s ends what is not over", dsm_wire_type_name(msg->type));

	switch (msg->type) {
	case DSM_MSG_GET:
		FUZZ_CHECK(!n->home && to == n->home_id &&
			   msg->requester == self && !before.page.want &&
			   msg->access == pg->want, "a GET for nobody");
		break;
	case DSM_MSG_DONE:
		FUZZ_CHECK(!n->home && to == n->home_id &&
			   msg->requester == self && before.page.want &&
			   (msg->status || !pg->final), "a DONE for nothing");
		break;
	case DSM_MSG_FORWARD:
		FUZZ_CHECK(n->home && to == n->home->source &&
			   to != msg->requester, "FORWARD to node %u", to);
		break;
	case DSM_MSG_INVALIDATE:
		FUZZ_CHECK(n->home && to != msg->requester,
			   "INVALIDATE to node %u", to);
		break;
	case DSM_MSG_GRANT:
		FUZZ_CHECK(n->home && to == msg->requester &&
			   (msg->flags & DSM_MSG_FINAL ||
			    msg->access == n->home->busy), "GRANT to node %u",
			   to);
		break;
	case DSM_MSG_RECOUNT:
		FUZZ_CHECK(n->home && to == msg->requester, "RECOUNT to %u",
			   to);
		break;
	case DSM_MSG_REFUSE:
		FUZZ_CHECK(msg->status, "refused without a reason");
		break;
	case DSM_MSG_INVAL_ACK:
		FUZZ_CHECK(mapped == DSM_NONE && to == msg->requester,
			   "acknowledged, and still here");
		break;
	case DSM_MSG_DATA:
		FUZZ_CHECK(is_right(msg->access) && to == msg->requester,
			   "DATA for nothing");
		FUZZ_CHECK(before.page.state != DSM_NONE ||
			   pg->state != DSM_NONE, "bytes that are not here");
		left = msg->access == DSM_WRITE ? DSM_NONE : DSM_READ;
		FUZZ_CHECK(mapped <= left && pg->state <= left,
			   "bytes are sent, and the right is kept");
		break;
	default:
		FUZZ_CHECK(false, "type %u is sent", msg->type);
	}
}

void judge_action(const struct fuzz_node *n, const struct dsm_act *act)
{
	u16 words = n->core.members.words;
	u64 longest = n->hold_us > DSM_GRACE_US ? n->hold_us : DSM_GRACE_US;
	u16 to;

	/* What is pinned is looked at less and less often. */
	if (before.page.deferred.type)
		longest += (n->now - before.page.deferred_since) / 8;

	switch (act->type) {
	case DSM_ACT_SEND:
		judge_message(n, act->to, &act->msg);
		break;
	case DSM_ACT_SEND_SET:
		FUZZ_CHECK(act->msg.type == DSM_MSG_INVALIDATE, "to many");
		FUZZ_CHECK(dsm_set_count(act->set, words), "to nobody");
		if (act->msg.requester == n->core.self) {
			acks_due.version = act->msg.version;
			acks_due.nr = dsm_set_count(act->set, words);
		}
		dsm_set_for_each(to, act->set, words)
			judge_message(n, to, &act->msg);
		break;
	case DSM_ACT_PROTECT:
		FUZZ_CHECK(act->right >= DSM_NONE && act->right <= mapped,
			   "PROTECT makes %u of %u", act->right, mapped);
		mapped = act->right;
		break;
	case DSM_ACT_ZERO:
		FUZZ_CHECK(before.page.state == DSM_NONE, "ZERO of a copy");
		break;
	case DSM_ACT_WAKE:
		woken = true;
		break;
	case DSM_ACT_TIMER:
		FUZZ_CHECK(act->at <= n->now + longest, "a timer in %llu us",
			   (unsigned long long)(act->at - n->now));
		break;
	default:
		FUZZ_CHECK(false, "action %u", act->type);
	}
}

/* What was put off has its time: hold and use are bounded. */
static void judge_deferred(const struct fuzz_node *n,
			   const struct dsm_event *ev)
{
	const struct dsm_home *hm = n->home;

	FUZZ_CHECK(n->armed || !n->page.deferred.type,
		   "put off, and no timer brings it back");
	FUZZ_CHECK(n->armed || !hm || hm->busy || !hm->queue_len,
		   "some wait, and no timer serves them");
	if (ev->type == DSM_EV_TICK && before.page.deferred.type &&
	    n->now >= before.page.hold_until &&
	    !ev->pinned &&
	    (!ev->in_use ||
	     n->now >= before.page.deferred_since + DSM_IN_USE_MAX_US))
		FUZZ_CHECK(!n->page.deferred.type, "put off for ever");
}

void judge_after(const struct fuzz_node *n, const struct dsm_event *ev)
{
	const struct dsm_page *pg = &n->page;
	bool fault = ev->type == DSM_EV_READ || ev->type == DSM_EV_WRITE;
	u16 seen = acks_of(&acks_seen, pg->version);
	u16 due = acks_of(&acks_due, pg->version);

	if (ev->page != n->number)
		return;
	FUZZ_CHECK(mapped <= pg->state, "still mapped");
	FUZZ_CHECK(!before.page.want || pg->want || woken,
		   "a request ends, and who waits sleeps on");
	if (pg->state > before.page.state) {
		FUZZ_CHECK(before.page.want || fault, "a right out of nothing");
		FUZZ_CHECK(woken, "a right, and who waits sleeps on");
		FUZZ_CHECK(pg->state != DSM_WRITE || seen == due,
			   "%u acknowledgements of %u", seen, due);
	}
	FUZZ_CHECK(!fault || pg->want || woken ||
		   pg->state >= (ev->type == DSM_EV_WRITE ? DSM_WRITE :
							    DSM_READ),
		   "a fault without an end");
	if (!pg->want) {
		acks_seen = (struct acks) { 0 };
		acks_due = (struct acks) { 0 };
	}
	judge_deferred(n, ev);
}
