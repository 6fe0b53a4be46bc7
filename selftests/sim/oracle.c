// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge. It sees every step, every message and every access, and keeps its
 * own book of what memory holds; it never changes a run.
 *
 * As there is at most one writer and then no reader, accesses happen in one
 * order, and a read has to return what the last write before it stored. That
 * is more than sequential consistency asks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

/* A hold time that covers the way from the use to the access. */
#define HOLD_ENOUGH_US	10

/* What happened to a request, for the table. */
enum kind {
	ALONE,
	READ_ZERO,
	READ_HOME,
	READ_OWNER,
	WRITE_ZERO,
	WRITE_MISS,
	UPGRADE,
	REFUSED,
	KINDS,
};

static const char * const kinds[KINDS] = {
	[ALONE]		= "at home, no message",
	[READ_ZERO]	= "read, never written",
	[READ_HOME]	= "read, home has it",
	[READ_OWNER]	= "read, other owner",
	[WRITE_ZERO]	= "write, never written",
	[WRITE_MISS]	= "write",
	[UPGRADE]	= "upgrade",
	[REFUSED]	= "refused",
};

/**
 * struct request - a request in flight, by node and page
 * @since:	when it was made
 * @messages:	sent because of it so far
 * @data:	how many of them carried bytes
 */
struct request {
	u64 since;
	u32 messages;
	u32 data;
};

/**
 * struct transaction - what a home set out to do, by page
 * @requester:	for whom
 * @access:	of enum dsm_right
 * @kind:	of enum kind
 * @copies:	how many other nodes had one
 * @bound:	messages it may take at most, DONE included
 * @version:	that it makes or moves
 */
struct transaction {
	u16 requester;
	u8 access;
	u8 kind;
	u16 copies;
	u32 bound;
	u64 version;
};

/* Nodes whose requests are at the home and not taken up, by page: a ring. */
struct line {
	u32 head;
	u32 len;
	u16 *nodes;
};

/* Before the step in progress. */
static struct {
	u8 state;
	u8 want;
	u64 version;
	u64 home_version;
} before;

static u64 (*memory)[SIM_WORDS];
static u64 (*added)[SIM_WORDS];
static struct request *requests;	/* [node][page] */
static struct transaction *transactions;
static struct line *lines;		/* [page] */
static u64 *holders;			/* [page], sets */
static u16 words;
static bool any_lost;

static struct {
	u64 count;
	u64 messages;
	u64 copies;
} table[KINDS];
static u64 *home_messages;
static u64 accesses;
static u64 faults;
static u64 messages;
static u64 dropped;
static u64 refusals;
static u64 longest_request;
static u64 longest_access;
static u32 most_faults;
static u16 most_actions;

static void *book(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

void oracle_init(void)
{
	u32 i;

	words = dsm_words_for(sim.nodes - 1);
	memory = book(sim.pages, sizeof(*memory));
	added = book(sim.pages, sizeof(*added));
	requests = book((size_t)sim.nodes * sim.pages, sizeof(*requests));
	transactions = book(sim.pages, sizeof(*transactions));
	lines = book(sim.pages, sizeof(*lines));
	for (i = 0; i < sim.pages; i++)
		lines[i].nodes = book(sim.nodes, sizeof(u16));
	holders = book(sim.pages, words * sizeof(u64));
	home_messages = book(sim.nodes, sizeof(u64));
}

static struct request *request(u16 node, u32 page)
{
	return &requests[(size_t)node * sim.pages + page];
}

static u64 *holders_of(u32 page)
{
	return &holders[(size_t)page * words];
}

/* A request came to its home. */
static void line_up(u32 page, u16 node)
{
	struct line *l = &lines[page];

	l->nodes[(l->head + l->len++) % sim.nodes] = node;
}

static bool first_in_line(u32 page, u16 node)
{
	const struct line *l = &lines[page];

	return l->len && l->nodes[l->head] == node;
}

static void leave_line(u32 page)
{
	lines[page].head = (lines[page].head + 1) % sim.nodes;
	lines[page].len--;
}

/* How many messages the transaction that a home takes up may take. */
static u32 bound_of(const struct dsm_home *hm, u16 home)
{
	u32 n = hm->requester == home ? 0 : 2;		/* GET and DONE */
	u16 node;

	if (hm->busy == DSM_WRITE) {
		dsm_set_for_each(node, hm->copyset, words) {
			if (node == hm->requester || node == hm->source)
				continue;
			/* The home needs no INVALIDATE, maybe an INVAL_ACK. */
			n += node == home ? 1 : 2;
		}
	}
	if (hm->source == DSM_NO_NODE)
		n += hm->requester == home ? 0 : 1;	/* GRANT */
	else
		n += hm->source == home ? 1 : 2;	/* FORWARD, DATA */
	return n;
}

static u8 kind_of(const struct dsm_home *hm, u16 home)
{
	if (hm->upgrade)
		return UPGRADE;
	if (hm->busy == DSM_WRITE)
		return hm->source == DSM_NO_NODE ? WRITE_ZERO : WRITE_MISS;
	if (hm->source == DSM_NO_NODE)
		return READ_ZERO;
	return hm->source == home ? READ_HOME : READ_OWNER;
}

/* A home took up a request: note what it means to do. */
static void note_transaction(u32 page)
{
	const struct dsm_home *hm = cluster_directory(page);
	struct transaction *t = &transactions[page];
	u64 version = hm->version + (hm->busy == DSM_WRITE);

	if (!hm->busy)
		t->access = 0;
	if (!hm->busy || (t->requester == hm->requester &&
			  t->access == hm->busy && t->version == version))
		return;
	if (!any_lost) {
		if (!first_in_line(page, hm->requester))
			sim_fail("node %u is served out of turn",
				 hm->requester);
		leave_line(page);
	}
	t->requester = hm->requester;
	t->access = hm->busy;
	t->version = version;
	t->kind = kind_of(hm, cluster_home(page));
	t->bound = bound_of(hm, cluster_home(page));
	t->copies = dsm_set_count(hm->copyset, words) -
		    dsm_set_has(hm->copyset, hm->requester);
}

static void request_over(u16 node, u32 page)
{
	const struct dsm_page *pg = &cluster_page(node, page)->core;
	const struct transaction *t = &transactions[page];
	struct request *r = request(node, page);
	u64 waited = world_now - r->since;
	u8 kind;

	if (pg->error)
		kind = REFUSED;
	else if (!r->messages)
		kind = ALONE;
	else
		kind = t->kind;

	/* What begins and ends in one step is never seen as a transaction. */
	if (kind == ALONE && first_in_line(page, node) && !any_lost)
		leave_line(page);
	if (kind != ALONE && kind != REFUSED && !any_lost) {
		if (t->requester != node)
			sim_fail("node %u has what was meant for node %u", node,
				 t->requester);
		if (r->messages > t->bound)
			sim_fail("%u messages where %u would do", r->messages,
				 t->bound);
		if (kind == UPGRADE && r->data)
			sim_fail("an upgrade moved bytes");
	}
	table[kind].count++;
	table[kind].messages += r->messages;
	table[kind].copies += kind == ALONE ? 0 : t->copies;
	if (waited > longest_request)
		longest_request = waited;
	*r = (struct request) { 0 };
}

void oracle_before_step(u16 node, u32 page)
{
	const struct dsm_page *pg = &cluster_page(node, page)->core;

	before.state = pg->state;
	before.want = pg->want;
	before.version = pg->version;
	before.home_version = cluster_directory(page)->version;
}

static void judge_verdict(const struct dsm_event *ev, enum dsm_verdict verdict)
{
	if (verdict == DSM_OK)
		return;
	dropped++;
	if (!any_lost)
		sim_fail("%s was dropped among correct peers",
			 dsm_input_name(dsm_input_of(ev)));
}

/* One writer and nobody else, or readers; all of them known to the home. */
static void judge_holders(u16 node, u32 page)
{
	const struct dsm_home *hm = cluster_directory(page);
	u64 *set = holders_of(page);
	u16 other;

	if (cluster_page(node, page)->core.state == DSM_NONE)
		dsm_set_del(set, node);
	else
		dsm_set_add(set, node);

	dsm_set_for_each(other, set, words) {
		if (other != node &&
		    (cluster_page(node, page)->core.state == DSM_WRITE ||
		     (dsm_set_has(set, node) &&
		      cluster_page(other, page)->core.state == DSM_WRITE)))
			sim_fail("nodes %u and %u have page %u, one to write",
				 node, other, page);
		if (!any_lost && other != hm->requester &&
		    !dsm_set_has(hm->copyset, other))
			sim_fail("the home does not know of node %u's copy",
				 other);
	}
}

void oracle_after_step(u16 node, u32 page, const struct dsm_event *ev,
		       enum dsm_verdict verdict, u16 actions)
{
	const struct dsm_page *pg = &cluster_page(node, page)->core;

	judge_verdict(ev, verdict);
	if (actions > most_actions)
		most_actions = actions;
	if (actions > DSM_ACTS_MAX)
		sim_fail("%u actions", actions);
	if (pg->version < before.version ||
	    cluster_directory(page)->version < before.home_version)
		sim_fail("a version shrank");
	judge_holders(node, page);
	if (!before.want && pg->want) {
		request(node, page)->since = world_now;
		if (node == cluster_home(page))
			line_up(page, node);
	}
	if (ev->type == DSM_EV_RECV && ev->msg.type == DSM_MSG_GET &&
	    !any_lost)
		line_up(page, ev->from);
}

/* Also settles what the step began: the messages are sent only now. */
void oracle_after_actions(u16 node, u32 page)
{
	const struct node_page *np = cluster_page(node, page);

	if (np->mapped > np->core.state)
		sim_fail("page %u stays mapped at node %u", page, node);
	if (np->core.state > before.state &&
	    memcmp(np->words, memory[page], sizeof(np->words)))
		sim_fail("node %u got old bytes of page %u", node, page);
	if (before.want && !np->core.want)
		request_over(node, page);
	else if (!before.want && !np->core.want &&
		 request(node, page)->messages && !any_lost)
		sim_fail("node %u has messages for no request", node);
	if (node == cluster_home(page))
		note_transaction(page);
}

void oracle_sent(u16 from, u16 to, u32 page, const struct dsm_msg *msg)
{
	struct request *r = request(msg->requester, page);
	const struct node_page *np = cluster_page(from, page);
	u8 leaves = DSM_WRITE;

	messages++;
	r->messages++;
	if (msg->type == DSM_MSG_GET || msg->type == DSM_MSG_DONE)
		home_messages[to]++;
	if (msg->type == DSM_MSG_DATA) {
		r->data++;
		leaves = msg->access == DSM_WRITE ? DSM_NONE : DSM_READ;
		if (memcmp(np->words, memory[page], sizeof(np->words)))
			sim_fail("node %u sends old bytes", from);
	} else if (msg->type == DSM_MSG_INVAL_ACK) {
		leaves = DSM_NONE;
	}
	if (np->mapped > leaves)
		sim_fail("node %u promises what it does not keep", from);
}

void oracle_read(u16 node, u32 page, u32 word)
{
	u64 got = cluster_page(node, page)->words[word];

	if (got != memory[page][word])
		sim_fail("node %u reads %#llx from page %u, not %#llx", node,
			 (unsigned long long)got, page,
			 (unsigned long long)memory[page][word]);
}

void oracle_write(u16 node, u32 page, u32 word, u64 value)
{
	cluster_page(node, page)->words[word] = value;
	memory[page][word] = value;
}

void oracle_added(u32 page, u32 word)
{
	added[page][word]++;
}

void oracle_access_done(u32 pages, u64 waited, u32 nr_faults)
{
	accesses++;
	faults += nr_faults;
	if (waited > longest_access)
		longest_access = waited;
	if (nr_faults > most_faults)
		most_faults = nr_faults;
	/*
	 * A fault may share the request of a reader and then need its own; the
	 * hold time is there so that nothing is lost between right and use.
	 */
	if (pages == 1 && nr_faults > 3 && sim.hold_us >= HOLD_ENOUGH_US)
		sim_fail("an access took %u faults", nr_faults);
}

void oracle_refused(u16 node, u32 page)
{
	refusals++;
	if (!any_lost)
		sim_fail("node %u was refused page %u", node, page);
}

void oracle_crash(u16 node)
{
	u32 page;

	any_lost = true;
	for (page = 0; page < sim.pages; page++)
		dsm_set_del(holders_of(page), node);
}

void oracle_stuck(u16 node, u32 page)
{
	if (page == SIM_NO_PAGE)
		sim_fail("a thread of node %u sleeps for no page", node);
	sim_fail("node %u waits for page %u for ever", node, page);
}

static u64 wait_bound(void)
{
	return (u64)sim.nodes * (DSM_IN_USE_MAX_US + DSM_GRACE_US +
				 sim.hold_us + 6 * net_longest_delay());
}

void oracle_end(void)
{
	u32 page, i;

	for (page = 0; page < sim.pages; page++)
		for (i = 0; i < SIM_WORDS; i += SIM_WORDS - 1)
			if (added[page][i] != memory[page][i])
				sim_fail("a sum on page %u is wrong", page);
	if (longest_request > wait_bound())
		sim_fail("a request took %llu us",
			 (unsigned long long)longest_request);
}

void oracle_report(void)
{
	u64 min = ~0ULL, max = 0, sum = 0;
	u32 i;

	printf("# %-24s %9s %9s %9s\n", "requests", "number", "messages",
	       "copies");
	for (i = 0; i < KINDS; i++) {
		double n = table[i].count;

		if (table[i].count)
			printf("# %-24s %9.0f %9.2f %9.2f\n", kinds[i], n,
			       table[i].messages / n, table[i].copies / n);
	}
	for (i = 0; i < sim.nodes; i++) {
		u64 n = home_messages[i];

		min = n < min ? n : min;
		max = n > max ? n : max;
		sum += n;
	}
	printf("# messages to a home: min %llu, mean %.1f, max %llu\n",
	       (unsigned long long)min, (double)sum / sim.nodes,
	       (unsigned long long)max);
	printf("# %llu accesses, %llu faults, %llu messages\n",
	       (unsigned long long)accesses, (unsigned long long)faults,
	       (unsigned long long)messages);
	printf("# longest request %llu us, longest access %llu us, at most %u faults\n",
	       (unsigned long long)longest_request,
	       (unsigned long long)longest_access, most_faults);
	printf("# most actions in a step: %u\n", most_actions);
	if (any_lost)
		printf("# after losses: %llu messages dropped, %llu accesses refused\n",
		       (unsigned long long)dropped,
		       (unsigned long long)refusals);
}

void oracle_exit(void)
{
	u32 i;

	for (i = 0; i < sim.pages; i++)
		free(lines[i].nodes);
	free(lines);
	free(memory);
	free(added);
	free(requests);
	free(transactions);
	free(holders);
	free(home_messages);
}
