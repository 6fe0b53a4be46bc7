// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nodes, the network and the programs. Each step's actions are carried out
 * in order, each complete before the next, as event.h demands.
 *
 * Programs have no memory: any thread may load or store at any time, so one
 * that faulted, was woken and looks again is one more of them.
 */
#include "explore.h"

static const u16 ids[EXPLORE_NODES] = { 0, 1, 2, 3 };
static struct dsm_core cores[EXPLORE_NODES];

/* Each page is in a stripe of its own. */
u64 shell_page(u32 page)
{
	return page * DSM_STRIPE_PAGES;
}

u16 shell_home(u32 page)
{
	return page % explore.nodes;
}

const struct dsm_core *shell_core(struct world *w, u16 node)
{
	cores[node].members.lost = &w->lost[node];
	return &cores[node];
}

static void init_slot(struct slot *s)
{
	memset(s, 0, sizeof(*s));
	dsm_page_init(&s->core);
	s->mapped = DSM_NONE;
}

static void init_directory(struct directory *d, u16 home)
{
	memset(d, 0, sizeof(*d));
	dsm_home_init(&d->core, home, d->copyset, d->inval, d->queue, 1);
}

void shell_init(struct world *w)
{
	u32 i, p;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < explore.nodes; i++) {
		cores[i] = (struct dsm_core) {
			.self = i,
			.pages = shell_page(explore.pages),
			.members = {
				.nr = explore.nodes,
				.words = 1,
				.ids = ids,
			},
		};
		for (p = 0; p < explore.pages; p++)
			init_slot(&w->slots[i][p]);
	}
	for (p = 0; p < explore.pages; p++)
		init_directory(&w->homes[p], shell_home(p));
}

/* Pack what rests, and take it up again. */
void shell_rest(struct world *w)
{
	struct {
		struct dsm_home_rest home;
		u64 words[1];
	} kept;
	u32 i, p;

	for (p = 0; p < explore.pages; p++) {
		struct directory *d = &w->homes[p];

		for (i = 0; i < explore.nodes; i++) {
			struct dsm_page *pg = &w->slots[i][p].core;

			if (dsm_page_rests(pg, EXPLORE_NOW))
				dsm_page_unpack(pg, dsm_page_pack(pg));
		}
		d->core.copyset = d->copyset;
		if (!dsm_home_rests(&d->core))
			continue;
		dsm_home_pack(&d->core, &kept.home, 1);
		init_directory(d, shell_home(p));
		dsm_home_unpack(&d->core, &kept.home, 1);
	}
}

static void send(struct world *w, u16 from, u16 to, u32 page,
		 const struct dsm_msg *msg)
{
	struct channel *c = &w->channels[from][to];
	struct letter l = {
		.msg = *msg,
		.latest = msg->type == DSM_MSG_DATA &&
			  w->slots[from][page].latest,
	};

	judge_sent(w, from, to, page, &l);
	if (!shell_alive(w, to))
		return;
	if (c->nr == EXPLORE_MESSAGES)
		explore_fail("more than %u messages from node %u to node %u",
			     EXPLORE_MESSAGES, from, to);
	c->letters[c->nr++] = l;
}

static void arm(struct slot *s, u64 at)
{
	s->timer = at > EXPLORE_NOW && at == s->core.hold_until ? TIMER_HOLD :
								  TIMER_SOON;
}

static void act(struct world *w, u16 node, u32 page, const struct dsm_act *a)
{
	struct slot *s = &w->slots[node][page];
	u16 to;

	switch (a->type) {
	case DSM_ACT_SEND:
		send(w, node, a->to, page, &a->msg);
		break;
	case DSM_ACT_SEND_SET:
		dsm_set_for_each(to, a->set, 1)
			send(w, node, to, page, &a->msg);
		break;
	case DSM_ACT_PROTECT:
		if (s->mapped > a->right)
			s->mapped = a->right;
		break;
	case DSM_ACT_ZERO:
		s->latest = !w->written[page];
		break;
	case DSM_ACT_WAKE:
		break;
	case DSM_ACT_TIMER:
		arm(s, a->at);
		break;
	default:
		explore_fail("action %u is unknown", a->type);
	}
}

static void step(struct world *w, u16 node, u32 page, struct dsm_event *ev)
{
	struct slot *s = &w->slots[node][page];
	struct directory *d = &w->homes[page];
	struct dsm_home *hm = node == shell_home(page) ? &d->core : NULL;
	u64 hold_until = s->core.hold_until;
	enum dsm_verdict verdict;
	struct dsm_out out;
	u16 i;

	ev->now = EXPLORE_NOW;
	ev->hold_us = explore.hold_us;
	ev->page = shell_page(page);
	d->core.copyset = d->copyset;
	d->core.inval = d->inval;
	d->core.queue = d->queue;

	judge_before(w, node, page,
		     dsm_step_leaves(shell_core(w, node), &s->core, hm, ev));
	verdict = dsm_step(shell_core(w, node), &s->core, hm, ev, &out);
	judge_step(w, node, page, ev, verdict, &out);
	/* The time that the timer waits for is no longer the hold time. */
	if (s->timer == TIMER_HOLD && s->core.hold_until != hold_until)
		s->timer = TIMER_SOON;
	for (i = 0; i < out.nr; i++)
		act(w, node, page, &out.act[i]);
}

static void deliver(struct world *w, const struct move *m)
{
	struct channel *c = &w->channels[m->from][m->node];
	struct letter l = c->letters[0];
	struct dsm_event ev = {
		.type = DSM_EV_RECV, .in_use = m->in_use, .from = m->from,
		.msg = l.msg,
	};
	struct slot *s = &w->slots[m->node][m->page];

	c->nr--;
	memmove(&c->letters[0], &c->letters[1], c->nr * sizeof(l));
	if (l.msg.type == DSM_MSG_DATA && dsm_page_awaits_data(&s->core))
		s->latest = l.latest;
	step(w, m->node, m->page, &ev);
}

static void feed(struct world *w, const struct move *m, u8 type)
{
	struct dsm_event ev = { .type = type, .in_use = m->in_use };

	step(w, m->node, m->page, &ev);
}

static void fault(struct world *w, const struct move *m, u8 access)
{
	struct slot *s = &w->slots[m->node][m->page];

	feed(w, m, access == DSM_WRITE ? DSM_EV_WRITE : DSM_EV_READ);
	if (s->core.state < access)
		return;
	feed(w, m, DSM_EV_USED);
	if (s->mapped < access)
		s->mapped = access;
}

/* A new value: all other bytes are old now. */
static void store(struct world *w, u16 node, u32 page)
{
	u32 i, j, k;

	w->written[page] = true;
	for (i = 0; i < explore.nodes; i++) {
		w->slots[i][page].latest = i == node;
		for (j = 0; j < explore.nodes; j++) {
			struct channel *c = &w->channels[i][j];

			for (k = 0; k < c->nr; k++)
				if (c->letters[k].msg.page == shell_page(page))
					c->letters[k].latest = false;
		}
	}
}

/* What was sent may still arrive; nothing that is sent to it does. */
static void die(struct world *w, u16 node)
{
	u32 i, p;

	dsm_set_add(&w->dead, node);
	w->lost[node] = 0;
	for (i = 0; i < explore.nodes; i++)
		w->channels[i][node].nr = 0;
	for (p = 0; p < explore.pages; p++) {
		init_slot(&w->slots[node][p]);
		if (node == shell_home(p))
			init_directory(&w->homes[p], node);
	}
}

static void learn(struct world *w, const struct move *m)
{
	u32 p;

	w->channels[m->from][m->node].nr = 0;
	dsm_set_add(&w->lost[m->node], m->from);
	for (p = 0; p < explore.pages; p++) {
		struct dsm_event ev = { .type = DSM_EV_LOST, .from = m->from };

		step(w, m->node, p, &ev);
	}
}

void shell_move(struct world *w, const struct move *m)
{
	struct slot *s = &w->slots[m->node][m->page];

	switch (m->kind) {
	case MOVE_DELIVER:
		deliver(w, m);
		break;
	case MOVE_LEARN:
		learn(w, m);
		break;
	case MOVE_AGE:
		s->core.hold_until = EXPLORE_PAST;
		break;
	case MOVE_OUTLAST:
		s->core.deferred_since = EXPLORE_PAST;
		break;
	case MOVE_TICK:
		s->timer = TIMER_OFF;
		feed(w, m, DSM_EV_TICK);
		break;
	case MOVE_LOAD:
		fault(w, m, DSM_READ);
		break;
	case MOVE_STORE:
		fault(w, m, DSM_WRITE);
		break;
	case MOVE_WRITE:
		store(w, m->node, m->page);
		break;
	case MOVE_EVICT:
		feed(w, m, DSM_EV_EVICT);
		break;
	case MOVE_DIE:
		die(w, m->node);
		break;
	}
	judge_world(w);
}

static bool held(const struct slot *s)
{
	return s->core.hold_until > EXPLORE_NOW;
}

static u32 add(struct move *moves, u32 nr, struct move m)
{
	if (nr == EXPLORE_MOVES)
		explore_fail("more than %u moves", EXPLORE_MOVES);
	moves[nr] = m;
	return nr + 1;
}

/*
 * Only a page that is here, or that something is put off for, can be in use,
 * and that is asked only after its hold time. What takes longest comes first.
 */
static u32 add_used(struct move *moves, u32 nr, const struct world *w,
		    struct move m)
{
	const struct slot *s = &w->slots[m.node][m.page];
	bool here = s->core.state != DSM_NONE || s->core.deferred.type;

	if (explore.spans && here && !held(s)) {
		m.in_use = true;
		nr = add(moves, nr, m);
		m.in_use = false;
	}
	return add(moves, nr, m);
}

static u32 page_of(const struct letter *l)
{
	return l->msg.page / DSM_STRIPE_PAGES;
}

static u32 arrivals(const struct world *w, u32 node, struct move *moves, u32 nr)
{
	u32 i;

	for (i = 0; i < explore.nodes; i++)
		if (w->channels[i][node].nr)
			nr = add_used(moves, nr, w, (struct move) {
				.kind = MOVE_DELIVER, .node = node, .from = i,
				.page = page_of(w->channels[i][node].letters),
			});
	for (i = 0; i < explore.nodes; i++)
		if (!shell_alive(w, i) && !dsm_set_has(&w->lost[node], i))
			nr = add(moves, nr, (struct move) {
				.kind = MOVE_LEARN, .node = node, .from = i,
			});
	return nr;
}

static u32 times(const struct world *w, u32 node, u32 page,
		 struct move *moves, u32 nr)
{
	const struct slot *s = &w->slots[node][page];
	struct move m = { .node = node, .page = page };

	if (held(s)) {
		m.kind = MOVE_AGE;
		nr = add(moves, nr, m);
	} else if (explore.spans && s->core.deferred.type &&
		   s->core.deferred_since != EXPLORE_PAST) {
		m.kind = MOVE_OUTLAST;
		nr = add(moves, nr, m);
	}
	if (s->timer == TIMER_SOON || (s->timer == TIMER_HOLD && !held(s))) {
		m.kind = MOVE_TICK;
		nr = add_used(moves, nr, w, m);
	}
	return nr;
}

/* Threads that would only wait with others are left out. */
static bool faults(const struct slot *s, u8 access)
{
	return s->mapped < access &&
	       (s->core.state >= access || !s->core.want);
}

static u32 programs(const struct world *w, u32 node, u32 page,
		    struct move *moves, u32 nr)
{
	const struct slot *s = &w->slots[node][page];
	struct move m = { .node = node, .page = page };

	if (faults(s, DSM_READ)) {
		m.kind = MOVE_LOAD;
		nr = add(moves, nr, m);
	}
	if (faults(s, DSM_WRITE)) {
		m.kind = MOVE_STORE;
		nr = add(moves, nr, m);
	}
	if (s->mapped == DSM_WRITE) {
		m.kind = MOVE_WRITE;
		nr = add(moves, nr, m);
	}
	if (explore.evict && dsm_cache_state(&s->core) == DSM_CACHE_READ) {
		m.kind = MOVE_EVICT;
		nr = add(moves, nr, m);
	}
	return nr;
}

/* All that can happen, the inevitable first. Return: how many. */
u32 shell_moves(const struct world *w, struct move *moves)
{
	bool more = dsm_set_count(&w->dead, 1) < explore.lose;
	u32 i, p, nr = 0;

	for (i = 0; i < explore.nodes; i++)
		if (shell_alive(w, i))
			nr = arrivals(w, i, moves, nr);
	for (i = 0; i < explore.nodes; i++)
		for (p = 0; p < explore.pages && shell_alive(w, i); p++)
			nr = times(w, i, p, moves, nr);
	for (i = 0; i < explore.nodes; i++) {
		for (p = 0; p < explore.pages && shell_alive(w, i); p++)
			nr = programs(w, i, p, moves, nr);
		if (more && shell_alive(w, i))
			nr = add(moves, nr, (struct move) {
				.kind = MOVE_DIE, .node = i,
			});
	}
	return nr;
}
