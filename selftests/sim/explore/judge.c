// SPDX-License-Identifier: GPL-2.0-only
/* What must be true of every step, of every world, and of one at rest. */
#include "explore.h"

u16 judge_most_actions;

/* Of the step in progress, before it. */
static struct {
	struct dsm_page pg;
	u8 leaves;
	u64 home_version;
	u16 queue[EXPLORE_NODES];
	u16 queue_len;
} before;

static bool any_dead(const struct world *w)
{
	return w->dead;
}

static u16 queue_node(const struct directory *d, u16 i)
{
	u32 word = d->queue[(d->core.queue_head + i) % explore.nodes];

	return word % DSM_NODE_LIMIT;
}

void judge_before(const struct world *w, u16 node, u32 page, u8 leaves)
{
	const struct directory *d = &w->homes[page];
	u16 i;

	before.pg = w->slots[node][page].core;
	before.leaves = leaves;
	before.home_version = d->core.version;
	before.queue_len = d->core.queue_len;
	for (i = 0; i < before.queue_len; i++)
		before.queue[i] = queue_node(d, i);
}

static void judge_verdict(const struct world *w, const struct dsm_event *ev,
			  enum dsm_verdict verdict)
{
	if (verdict != DSM_OK && !any_dead(w))
		explore_fail("%s was dropped among correct peers",
			     dsm_input_name(dsm_input_of(ev)));
}

static void judge_versions(const struct world *w, u16 node, u32 page)
{
	if (w->slots[node][page].core.version < before.pg.version ||
	    w->homes[page].core.version < before.home_version)
		explore_fail("a version shrank");
}

static bool acts_have(const struct dsm_out *out, u8 type)
{
	u16 i;

	for (i = 0; i < out->nr; i++)
		if (out->act[i].type == type)
			return true;
	return false;
}

/* Who waits is woken; nobody is refused while all live. */
static void judge_request(const struct world *w, u16 node, u32 page,
			  const struct dsm_out *out)
{
	const struct dsm_page *pg = &w->slots[node][page].core;

	if (before.pg.want && !pg->want && !acts_have(out, DSM_ACT_WAKE))
		explore_fail("nobody is woken at node %u", node);
	if (pg->error && !before.pg.error && !any_dead(w))
		explore_fail("node %u was refused page %u", node, page);
}

/* A page is kept for its hold time, unless the one it is for is lost. */
static void judge_hold(const struct world *w, u16 node, u32 page,
		       const struct dsm_event *ev, const struct dsm_out *out)
{
	if (ev->type != DSM_EV_LOST && acts_have(out, DSM_ACT_PROTECT) &&
	    w->slots[node][page].core.hold_until > EXPLORE_NOW)
		explore_fail("node %u gives page %u away too soon", node, page);
}

/* Whether this event can put a request at the end of the queue, and whose. */
static u16 new_in_queue(u16 node, const struct dsm_event *ev)
{
	if (ev->type == DSM_EV_READ || ev->type == DSM_EV_WRITE)
		return node;
	if (ev->type == DSM_EV_RECV && ev->msg.type == DSM_MSG_GET)
		return ev->from;
	return DSM_NO_NODE;
}

/* Requests leave the queue at its head and join it at its end. */
static void judge_queue(const struct world *w, u16 node, u32 page,
			const struct dsm_event *ev)
{
	const struct directory *d = &w->homes[page];
	u16 line[EXPLORE_NODES + 1];
	u16 i, nr = 0, len = d->core.queue_len;

	if (node != shell_home(page))
		return;
	for (i = 0; i < before.queue_len; i++)
		if (ev->type != DSM_EV_LOST || before.queue[i] != ev->from)
			line[nr++] = before.queue[i];
	if (new_in_queue(node, ev) != DSM_NO_NODE)
		line[nr++] = new_in_queue(node, ev);
	/* Somebody new may have been served at once. */
	if (new_in_queue(node, ev) != DSM_NO_NODE && nr > len &&
	    len == before.queue_len)
		nr--;
	if (nr < len)
		explore_fail("the queue grows by itself");
	for (i = 0; i < len; i++)
		if (queue_node(d, i) != line[nr - len + i])
			explore_fail("node %u is served out of turn",
				     d->core.requester);
}

static void judge_taken(const struct world *w, u16 node, u32 page,
			const struct dsm_event *ev)
{
	if (ev->type != DSM_EV_EVICT && ev->type != DSM_EV_LOST &&
	    w->slots[node][page].core.state < before.leaves)
		explore_fail("more is taken than was foretold");
}

void judge_step(const struct world *w, u16 node, u32 page,
		const struct dsm_event *ev, enum dsm_verdict verdict,
		const struct dsm_out *out)
{
	if (out->nr > judge_most_actions)
		judge_most_actions = out->nr;
	if (out->nr > DSM_ACTS_MAX)
		explore_fail("%u actions", out->nr);
	judge_verdict(w, ev, verdict);
	judge_versions(w, node, page);
	judge_taken(w, node, page, ev);
	judge_request(w, node, page, out);
	judge_hold(w, node, page, ev, out);
	judge_queue(w, node, page, ev);
}

/* What a message says of its sender is true when it is sent. */
void judge_sent(const struct world *w, u16 from, u16 to, u32 page,
		const struct letter *l)
{
	const struct slot *s = &w->slots[from][page];
	u8 leaves = DSM_WRITE;

	if (to == from || to >= explore.nodes)
		explore_fail("node %u sends to node %u", from, to);
	if (l->msg.type == DSM_MSG_DATA) {
		leaves = l->msg.access == DSM_WRITE ? DSM_NONE : DSM_READ;
		if (!l->latest)
			explore_fail("node %u sends old bytes", from);
	} else if (l->msg.type == DSM_MSG_INVAL_ACK) {
		leaves = DSM_NONE;
	}
	if (s->mapped > leaves)
		explore_fail("node %u promises what it does not keep", from);
}

/* Its home has told it to go, and that is still on its way. */
static bool told_to_go(const struct world *w, u16 node, u32 page)
{
	const struct channel *c = &w->channels[shell_home(page)][node];
	const struct dsm_msg *put_off = &w->slots[node][page].core.deferred;
	u32 i;

	for (i = 0; i < c->nr; i++)
		if (c->letters[i].msg.page == shell_page(page) &&
		    (c->letters[i].msg.type == DSM_MSG_INVALIDATE ||
		     c->letters[i].msg.type == DSM_MSG_FORWARD))
			return true;
	return put_off->type;
}

/*
 * The home knows of the copy, or will know. After a loss it may have told it to
 * go; or the page is lost, and nobody gets it any more, but bytes that a lost
 * node had sent can still answer a new request.
 */
static bool known(const struct world *w, u16 node, u32 page)
{
	const struct directory *d = &w->homes[page];

	if (dsm_set_has(d->copyset, node) || d->core.requester == node)
		return true;
	return any_dead(w) && (!shell_alive(w, shell_home(page)) ||
			       d->core.owner == DSM_NO_NODE ||
			       told_to_go(w, node, page));
}

static void judge_slot(const struct world *w, u16 node, u32 page)
{
	const struct slot *s = &w->slots[node][page];

	if (s->mapped > s->core.state)
		explore_fail("page %u stays mapped at node %u", page, node);
	if (s->core.state == DSM_NONE)
		return;
	if (!s->latest)
		explore_fail("node %u has old bytes of page %u", node, page);
	if (!known(w, node, page))
		explore_fail("the home does not know of node %u's copy", node);
}

/* One writer and nobody else, or readers. */
static void judge_holders(const struct world *w, u32 page)
{
	u16 i, holder = DSM_NO_NODE, writer = DSM_NO_NODE;

	for (i = 0; i < explore.nodes; i++) {
		u8 state = w->slots[i][page].core.state;

		if (!shell_alive(w, i) || state == DSM_NONE)
			continue;
		if (holder != DSM_NO_NODE &&
		    (state == DSM_WRITE || writer != DSM_NO_NODE))
			explore_fail("nodes %u and %u have page %u, one to write",
				     holder, i, page);
		holder = i;
		if (state == DSM_WRITE)
			writer = i;
	}
}

/* The home has given the page up: then it knows of no copy. */
static void judge_lost(const struct world *w, u32 page)
{
	const struct directory *d = &w->homes[page];
	u16 i;

	if (!any_dead(w))
		explore_fail("page %u has no owner", page);
	for (i = 0; i < explore.nodes; i++)
		if (dsm_set_has(d->copyset, i) && shell_alive(w, i) &&
		    w->slots[i][page].core.state != DSM_NONE)
			explore_fail("page %u is lost, and node %u has it",
				     page, i);
}

/* The home has told it that it has a right, and that is still on its way. */
static bool told_to_have(const struct world *w, u16 node, u32 page)
{
	const struct channel *c = &w->channels[shell_home(page)][node];
	u32 i;

	for (i = 0; i < c->nr; i++)
		if (c->letters[i].msg.page == shell_page(page) &&
		    c->letters[i].msg.flags & DSM_MSG_FINAL)
			return true;
	return false;
}

/*
 * The owner has the bytes, and keeps them. The heir to a lost one may have
 * thrown them away, but for the home itself, which would know.
 */
static void judge_owner(const struct world *w, u32 page)
{
	const struct directory *d = &w->homes[page];
	u16 home = shell_home(page), owner = d->core.owner;
	const struct dsm_page *pg;

	if (d->core.busy || !d->core.version)
		return;
	if (owner == DSM_NO_NODE) {
		judge_lost(w, page);
		return;
	}
	if (owner >= explore.nodes || !dsm_set_has(d->copyset, owner))
		explore_fail("the owner is not among the copies");
	if (dsm_set_has(&w->lost[home], owner))
		explore_fail("the owner of page %u is lost", page);
	if (told_to_have(w, owner, page))
		return;
	pg = &w->slots[owner][page].core;
	if ((owner == home || !any_dead(w)) &&
	    (pg->state == DSM_NONE || !pg->owned))
		explore_fail("node %u owns page %u and does not know it",
			     owner, page);
}

static void judge_version(const struct world *w, u32 page, u64 version)
{
	const struct dsm_home *hm = &w->homes[page].core;

	u64 newest = hm->version;

	if (hm->busy == DSM_WRITE)
		newest++;
	if (version > newest)
		explore_fail("nobody has made version %llu of page %u",
			     (unsigned long long)version, page);
}

/* No version is newer than the one that the home makes now. */
static void judge_newest(const struct world *w, u32 page)
{
	u32 i, j, k;

	for (i = 0; i < explore.nodes; i++) {
		judge_version(w, page, w->slots[i][page].core.version);
		for (j = 0; j < explore.nodes; j++) {
			const struct channel *c = &w->channels[i][j];

			for (k = 0; k < c->nr; k++) {
				const struct dsm_msg *m = &c->letters[k].msg;

				if (m->page == shell_page(page))
					judge_version(w, page, m->version);
			}
		}
	}
}

void judge_world(const struct world *w)
{
	u32 i, p;

	for (p = 0; p < explore.pages; p++) {
		judge_holders(w, p);
		for (i = 0; i < explore.nodes; i++)
			if (shell_alive(w, i))
				judge_slot(w, i, p);
		if (shell_alive(w, shell_home(p))) {
			judge_owner(w, p);
			judge_newest(w, p);
		}
	}
}

/* Nothing is on its way and no timer runs: then everybody has an answer. */
void judge_end(const struct world *w)
{
	u32 i, p;

	for (p = 0; p < explore.pages; p++) {
		const struct directory *d = &w->homes[p];

		for (i = 0; i < explore.nodes; i++) {
			if (w->slots[i][p].core.want)
				explore_fail("node %u waits for page %u for ever",
					     i, p);
			if (w->slots[i][p].core.deferred.type)
				explore_fail("node %u puts off page %u for ever",
					     i, p);
		}
		if (shell_alive(w, shell_home(p)) &&
		    (d->core.busy || d->core.queue_len))
			explore_fail("page %u is served for ever", p);
	}
}
