// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nodes: each step's actions are carried out in order, each complete before
 * the next, as event.h demands.
 */
#include <stdlib.h>

#include "sim.h"

/*
 * The pages used are runs of four around the border of two stripes, so that
 * homes are many and neighbours have different ones.
 */
#define RUN		4
#define FIRST		(DSM_STRIPE_PAGES - RUN / 2)

static u16 *ids;
static struct dsm_core *cores;
static bool *crashed;
static u64 *busy;		/* until when, or stopped */
static struct node_page *pages;		/* [node][page] */
static struct dsm_home *homes;		/* [page] */
static u16 words;
static u64 stamp;

u64 cluster_number(u32 page)
{
	return FIRST + (u64)page / RUN * DSM_STRIPE_PAGES + page % RUN;
}

u32 cluster_index(u64 number)
{
	return (number - FIRST) / DSM_STRIPE_PAGES * RUN +
	       (number - FIRST) % DSM_STRIPE_PAGES;
}

u16 cluster_home(u32 page)
{
	return dsm_core_home(&cores[0], cluster_number(page));
}

const struct dsm_core *cluster_core(u16 node)
{
	return &cores[node];
}

struct node_page *cluster_page(u16 node, u32 page)
{
	return &pages[(size_t)node * sim.pages + page];
}

struct dsm_home *cluster_directory(u32 page)
{
	return &homes[page];
}

bool cluster_crashed(u16 node)
{
	return crashed[node];
}

/* Until when nothing else happens at a node. */
u64 cluster_busy_until(u16 node)
{
	return busy[node];
}

/* A node has a message to send, or to handle. Return: when that is done */
u64 cluster_work(u16 node)
{
	if (busy[node] < world_now)
		busy[node] = world_now;
	return busy[node] += sim.work_us;
}

void cluster_stop(u16 node)
{
	busy[node] = world_now + 1 + faults_length(FAULT_PAUSE);
}

static void *table(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

void cluster_init(void)
{
	u32 i;

	words = dsm_words_for(sim.nodes - 1);
	ids = table(sim.nodes, sizeof(*ids));
	cores = table(sim.nodes, sizeof(*cores));
	crashed = table(sim.nodes, sizeof(*crashed));
	busy = table(sim.nodes, sizeof(*busy));
	pages = table((size_t)sim.nodes * sim.pages, sizeof(*pages));
	homes = table(sim.pages, sizeof(*homes));

	for (i = 0; i < sim.nodes; i++) {
		ids[i] = i;
		cores[i] = (struct dsm_core) {
			.self = i,
			.pages = cluster_number(sim.pages) + 1,
			.members = {
				.nr = sim.nodes,
				.words = words,
				.ids = ids,
				.lost = table(words, sizeof(u64)),
			},
		};
	}
	for (i = 0; i < sim.nodes * sim.pages; i++) {
		dsm_page_init(&pages[i].core);
		pages[i].mapped = DSM_NONE;
		/* Nobody may see bytes that no ZERO and no DATA brought. */
		memset(pages[i].words, 0xa5, sizeof(pages[i].words));
	}
	for (i = 0; i < sim.pages; i++)
		dsm_home_init(&homes[i], cluster_home(i),
			      table(words, sizeof(u64)),
			      table(words, sizeof(u64)),
			      table(sim.nodes, sizeof(u32)), words);
}

static void send(u16 from, u16 to, u32 page, const struct dsm_msg *msg)
{
	oracle_sent(from, to, page, msg);
	trace_sent(from, to, msg);
	session_send(from, to, msg, msg->type == DSM_MSG_DATA ?
		     cluster_page(from, page)->words : NULL);
}

static void arm(u16 node, u32 page, u64 at)
{
	struct node_page *np = cluster_page(node, page);

	np->timer = ++stamp;
	world_at(at > world_now ? at : world_now, (struct world_event) {
		.kind = WORLD_TICK, .who = node, .page = page, .stamp = stamp,
	});
}

static void act(u16 node, u32 page, const struct dsm_act *a)
{
	struct node_page *np = cluster_page(node, page);
	u16 to;

	switch (a->type) {
	case DSM_ACT_SEND:
		send(node, a->to, page, &a->msg);
		break;
	case DSM_ACT_SEND_SET:
		dsm_set_for_each(to, a->set, words)
			send(node, to, page, &a->msg);
		break;
	case DSM_ACT_PROTECT:
		if (np->mapped > a->right)
			np->mapped = a->right;
		break;
	case DSM_ACT_ZERO:
		memset(np->words, 0, sizeof(np->words));
		break;
	case DSM_ACT_WAKE:
		load_wake(node, page);
		break;
	case DSM_ACT_TIMER:
		arm(node, page, a->at);
		break;
	default:
		sim_fail("action %u is unknown", a->type);
	}
}

/*
 * Every other microsecond a page at rest is packed and taken up again: it has
 * to be as good as one that never rested.
 */
static void rest(u32 page, struct dsm_page *pg, struct dsm_home *hm)
{
	struct dsm_home_rest *kept;

	if (world_now % 2 || !dsm_page_rests(pg, world_now) ||
	    (hm && !dsm_home_rests(hm)))
		return;
	dsm_page_unpack(pg, dsm_page_pack(pg));
	if (!hm)
		return;
	kept = table(1, sizeof(*kept) + words * sizeof(u64));
	dsm_home_pack(hm, kept, words);
	dsm_home_init(hm, cluster_home(page), hm->copyset, hm->inval, hm->queue,
		      words);
	dsm_home_unpack(hm, kept, words);
	free(kept);
}

static void step(u16 node, u32 page, struct dsm_event *ev)
{
	struct node_page *np = cluster_page(node, page);
	struct dsm_home *hm = node == cluster_home(page) ? &homes[page] : NULL;
	u8 before = dsm_cache_state(&np->core);
	enum dsm_verdict verdict;
	struct dsm_out out;
	u8 leaves;
	u16 i;

	ev->now = world_now;
	ev->hold_us = sim.hold_us;
	ev->page = cluster_number(page);
	ev->in_use = load_in_use(node, page);

	rest(page, &np->core, hm);
	leaves = dsm_step_leaves(&cores[node], &np->core, hm, ev);
	ev->pinned = leaves < np->core.state && faults_strike(FAULT_PIN);

	trace_about(page);
	oracle_before_step(node, page, ev->pinned ? np->core.state : leaves);
	verdict = dsm_step(&cores[node], &np->core, hm, ev, &out);
	trace_step(node, ev, before, dsm_cache_state(&np->core), verdict);
	oracle_after_step(node, page, ev, verdict, out.nr);
	for (i = 0; i < out.nr; i++)
		act(node, page, &out.act[i]);
	oracle_after_actions(node, page);
}

void cluster_feed(u16 node, u32 page, u8 type)
{
	struct dsm_event ev = { .type = type };

	step(node, page, &ev);
}

void cluster_message(const struct world_event *wev)
{
	struct dsm_event ev = { .type = DSM_EV_RECV, .from = wev->from };
	u64 data[SIM_WORDS];
	u16 node = wev->who;
	u32 page;

	if (crashed[node] || !session_receive(wev, &ev.msg, data))
		return;
	cluster_work(node);
	page = cluster_index(ev.msg.page);
	if (ev.msg.type == DSM_MSG_DATA &&
	    dsm_page_awaits_data(&cluster_page(node, page)->core))
		memcpy(cluster_page(node, page)->words, data, sizeof(data));
	step(node, page, &ev);
}

void cluster_tick(const struct world_event *ev)
{
	if (!crashed[ev->who] &&
	    cluster_page(ev->who, ev->page)->timer == ev->stamp)
		cluster_feed(ev->who, ev->page, DSM_EV_TICK);
}

/* Some node would like the memory of some page back. */
void cluster_evict(void)
{
	u16 node = world_random(sim.nodes);
	u32 page = world_random(sim.pages);

	if (!crashed[node] &&
	    dsm_cache_state(&cluster_page(node, page)->core) == DSM_CACHE_READ)
		cluster_feed(node, page, DSM_EV_EVICT);
}

void cluster_crash(u16 node)
{
	u16 i;

	crashed[node] = true;
	load_crash(node);
	oracle_crash(node);
	for (i = 0; i < sim.nodes; i++)
		if (!crashed[i])
			world_at(world_now + 1 +
				 world_random(4 * faults_longest_delay()),
				 (struct world_event) {
					.kind = WORLD_LOST, .who = i,
					.from = node,
				 });
}

/* A survivor learns of the loss, for all pages at once. */
void cluster_lost(u16 node, u16 lost)
{
	u32 page;

	if (crashed[node])
		return;
	session_lose(node, lost);
	dsm_member_lose(&cores[node].members, lost);
	for (page = 0; page < sim.pages; page++) {
		struct dsm_event ev = { .type = DSM_EV_LOST, .from = lost };

		step(node, page, &ev);
	}
}

void cluster_exit(void)
{
	u32 i;

	for (i = 0; i < sim.nodes; i++)
		free(cores[i].members.lost);
	for (i = 0; i < sim.pages; i++) {
		free(homes[i].copyset);
		free(homes[i].inval);
		free(homes[i].queue);
	}
	free(ids);
	free(cores);
	free(crashed);
	free(busy);
	free(pages);
	free(homes);
}
