// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge. It sees every step, every message and every access, and keeps its
 * own book of what memory holds; it never changes a run.
 *
 * Sequential consistency asks for one order of all accesses to all pages, that
 * all nodes agree on: each thread's accesses are in it in the order of its
 * program, and a read returns what the last write before it stored. Here the
 * virtual clock gives the order. An access happens at one moment, and a thread
 * begins the next one later. memory[] holds what was stored last, whoever
 * stored it, and every read has to return just that, on whatever page. No two
 * writes of a word store the same, so the right value is the right write's.
 * (This asks for more than sequential consistency: the order is real time's.)
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

/*
 * A hold time that covers the way from the first use to the accesses of all
 * threads that were woken for it.
 */
#define HOLD_ENOUGH_US	30

/*
 * The price of a miss, whatever its kind, in messages: what a read takes and
 * its DONE, and what a write takes beside two for each copy.
 */
#define READ_MOST	(3 + 1)
#define WRITE_MOST	4

/*
 * With so many requests to each home, a home's share of uniform accesses is
 * LOAD_PERCENT away from the mean only if the pages are badly dealt, and not by
 * chance: that would be four and a half standard deviations.
 */
#define LOAD_ENOUGH	8000
#define LOAD_PERCENT	5

/* What happened to a request, for the table. */
enum kind {
	ALONE,
	READ_ZERO,
	READ_HOME,
	READ_OWNER,
	READ_MIGRATORY,
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
	[READ_MIGRATORY] = "read, migratory",
	[WRITE_ZERO]	= "write, never written",
	[WRITE_MISS]	= "write",
	[UPGRADE]	= "upgrade",
	[REFUSED]	= "refused",
};

/**
 * struct plan - what a home set out to do for a request
 * @access:	of enum dsm_right
 * @kind:	of enum kind
 * @copies:	how many other nodes had one
 * @bound:	messages it may take at most, DONE included; 0: no plan yet
 */
struct plan {
	u8 access;
	u8 kind;
	u16 copies;
	u32 bound;
};

/**
 * struct request - a request in flight, by node and page
 * @since:	when it was made
 * @messages:	sent because of it so far
 * @data:	how many of them carried bytes
 * @plan:	what its home does about it
 */
struct request {
	u64 since;
	u32 messages;
	u32 data;
	struct plan plan;
};

/* The request that a home took up last, by page. */
struct served {
	bool any;
	u16 requester;
	u16 serial;
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
	u8 leaves;
	u8 want;
	u64 version;
	u64 home_version;
} before;

static u64 (*memory)[SIM_WORDS];
static u64 (*added)[SIM_WORDS];
static struct request *requests;	/* [node][page] */
static struct served *served;		/* [page] */
static struct line *lines;		/* [page] */
static u64 *holders;			/* [page], sets */
static u16 words;
static bool any_lost;

static struct {
	u64 count;
	u64 messages;
	u64 copies;
	u32 most;	/* messages; of a write, beside two for each copy */
} table[KINDS];
static u64 *home_requests;
static u64 *home_messages;
static u64 accesses;
static u64 faults;
static u64 messages;
static u64 dropped;
static u64 refusals;
static u64 longest_request;
static u64 longest_access;
static u64 *waits;
static size_t nr_waits;
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
	served = book(sim.pages, sizeof(*served));
	lines = book(sim.pages, sizeof(*lines));
	for (i = 0; i < sim.pages; i++)
		lines[i].nodes = book(sim.nodes, sizeof(u16));
	holders = book(sim.pages, words * sizeof(u64));
	home_requests = book(sim.nodes, sizeof(u64));
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

static bool home_crashed(u32 page)
{
	return cluster_crashed(cluster_home(page));
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

static bool is_noted(u32 page, u16 requester, u16 serial)
{
	const struct served *s = &served[page];

	return s->any && s->requester == requester && s->serial == serial;
}

/* A home took up a request. */
static void note(u32 page, u16 requester, u16 serial, const struct plan *plan)
{
	if (!any_lost) {
		if (!first_in_line(page, requester))
			sim_fail("node %u is served out of turn", requester);
		leave_line(page);
	}
	served[page] = (struct served) { true, requester, serial };
	request(requester, page)->plan = *plan;
}

/* What it means to do, if that takes more than this step. */
static void note_transaction(u32 page)
{
	const struct dsm_home *hm = cluster_directory(page);
	u16 home = cluster_home(page);
	struct plan plan;

	if (!hm->busy || is_noted(page, hm->requester, hm->serial))
		return;
	plan = (struct plan) {
		.access = hm->busy,
		.kind = kind_of(hm, home),
		.bound = bound_of(hm, home),
		.copies = dsm_set_count(hm->copyset, words) -
			  dsm_set_has(hm->copyset, hm->requester),
	};
	note(page, hm->requester, hm->serial, &plan);
}

static u8 kind_of_final(const struct dsm_msg *msg)
{
	bool write = msg->access == DSM_WRITE;

	if (msg->type == DSM_MSG_DATA)
		return write ? WRITE_MISS : READ_HOME;
	if (msg->flags & DSM_MSG_ZERO)
		return write ? WRITE_ZERO : READ_ZERO;
	return UPGRADE;
}

/* What its home has done with one message; it is the step of the home. */
static void note_final(u32 page, const struct dsm_msg *msg)
{
	const struct plan plan = {
		.access = msg->access,
		.kind = kind_of_final(msg),
		.bound = 2,	/* GET and this */
		.copies = before.state != DSM_NONE,
	};

	if (!is_noted(page, msg->requester, msg->serial))
		note(page, msg->requester, msg->serial, &plan);
}

static bool is_write(u8 kind)
{
	return kind == WRITE_ZERO || kind == WRITE_MISS || kind == UPGRADE;
}

/* What a request that was granted took, by its own plan and by the book. */
static void judge_price(u16 node, u8 kind, const struct request *r)
{
	const struct plan *plan = &r->plan;
	u32 most = is_write(kind) ? 2 * plan->copies + WRITE_MOST : READ_MOST;

	if (!plan->bound)
		sim_fail("node %u has what was not meant for it", node);
	if (r->messages > plan->bound || r->messages > most)
		sim_fail("%u messages where %u would do", r->messages,
			 plan->bound < most ? plan->bound : most);
	if (kind == UPGRADE && r->data)
		sim_fail("an upgrade moved bytes");
}

static void note_price(u8 kind, const struct request *r, u16 copies)
{
	u32 free = is_write(kind) ? 2 * copies : 0;
	u32 n = r->messages > free ? r->messages - free : 0;

	table[kind].count++;
	table[kind].messages += r->messages;
	table[kind].copies += copies;
	if (n > table[kind].most)
		table[kind].most = n;
}

static void request_over(u16 node, u32 page)
{
	const struct dsm_page *pg = &cluster_page(node, page)->core;
	struct request *r = request(node, page);
	const struct plan *plan = &r->plan;
	u64 waited = world_now - r->since;
	u8 kind;

	if (pg->error)
		kind = REFUSED;
	else if (!r->messages)
		kind = ALONE;
	else if (before.want == DSM_READ && plan->access == DSM_WRITE)
		kind = READ_MIGRATORY;
	else
		kind = plan->kind;

	/* What begins and ends in one step is never seen as a transaction. */
	if (kind == ALONE && first_in_line(page, node) && !any_lost)
		leave_line(page);
	if (kind != ALONE && kind != REFUSED && !any_lost)
		judge_price(node, kind, r);
	note_price(kind, r, kind == ALONE || kind == REFUSED ? 0 :
							       plan->copies);
	if (waited > longest_request)
		longest_request = waited;
	*r = (struct request) { 0 };
}

void oracle_before_step(u16 node, u32 page, u8 leaves)
{
	const struct dsm_page *pg = &cluster_page(node, page)->core;

	before.state = pg->state;
	before.leaves = leaves;
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

/*
 * One writer and nobody else, or readers; all of them known to the home. Only a
 * step that changes a state, or one of the home, can make that false.
 */
static void judge_holders(u16 node, u32 page)
{
	const struct dsm_home *hm = cluster_directory(page);
	u8 state = cluster_page(node, page)->core.state;
	u64 *set = holders_of(page);
	u16 other;

	if (state == before.state && node != cluster_home(page))
		return;
	if (state == DSM_NONE)
		dsm_set_del(set, node);
	else
		dsm_set_add(set, node);

	dsm_set_for_each(other, set, words) {
		if (other != node &&
		    (state == DSM_WRITE ||
		     (state != DSM_NONE &&
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
	if (ev->type != DSM_EV_EVICT && ev->type != DSM_EV_LOST &&
	    pg->state < before.leaves)
		sim_fail("more is taken than was foretold");
	judge_holders(node, page);
	if (!before.want && pg->want) {
		request(node, page)->since = world_now;
		home_requests[cluster_home(page)]++;
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
	if (msg->flags & DSM_MSG_FINAL)
		note_final(page, msg);
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

/* How long an access took that had to fault */
static void note_wait(u64 waited)
{
	static size_t room;

	if (nr_waits == room) {
		room = room ? 2 * room : 1024;
		waits = realloc(waits, room * sizeof(*waits));
		if (!waits)
			abort();
	}
	waits[nr_waits++] = waited;
}

void oracle_access_done(u32 pages, u64 waited, u32 nr_faults)
{
	accesses++;
	faults += nr_faults;
	if (nr_faults)
		note_wait(waited);
	if (waited > longest_access)
		longest_access = waited;
	if (nr_faults > most_faults)
		most_faults = nr_faults;
	/*
	 * A fault may share the request of a reader and then need its own; the
	 * hold time is there so that nothing is lost between right and use,
	 * unless the node stops just there, or has other work to do.
	 */
	if (pages == 1 && nr_faults > 3 && sim.hold_us >= HOLD_ENOUGH_US &&
	    !sim.faults.pause && !sim.work_us)
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
				 sim.hold_us + 6 * faults_longest_delay());
}

/* Every request has ended, at both its ends, and the copies are the memory. */
static void judge_rest(u32 page)
{
	const struct dsm_home *hm = cluster_directory(page);
	u16 node;

	if (!home_crashed(page) && (hm->busy || hm->queue_len))
		sim_fail("the home of page %u still has requests", page);
	for (node = 0; node < sim.nodes; node++) {
		const struct node_page *np = cluster_page(node, page);

		if (cluster_crashed(node))
			continue;
		if (np->core.want || np->core.deferred.type)
			sim_fail("node %u has not done with page %u", node,
				 page);
		if (np->core.state != DSM_NONE &&
		    memcmp(np->words, memory[page], sizeof(np->words)))
			sim_fail("node %u ends with old bytes of page %u", node,
				 page);
	}
}

static void judge_end(u32 page)
{
	u32 i;

	trace_about(page);
	for (i = 0; i < SIM_WORDS; i += SIM_WORDS - 1)
		if (added[page][i] != memory[page][i])
			sim_fail("a sum on page %u is wrong", page);
	judge_rest(page);
}

/* Whether each node is home of as many pages as any other. */
static bool dealt_evenly(void)
{
	u32 *n = book(sim.nodes, sizeof(*n));
	bool even = true;
	u32 i;

	for (i = 0; i < sim.pages; i++)
		n[cluster_home(i)]++;
	for (i = 0; i < sim.nodes; i++)
		even = even && n[i] == n[0];
	free(n);
	return even;
}

/* By how much a home's share of the requests is off the mean, at most. */
static double load_off(double *mean)
{
	double least, most;
	u64 sum = 0;
	u32 i;

	least = home_requests[0];
	most = home_requests[0];
	for (i = 0; i < sim.nodes; i++) {
		sum += home_requests[i];
		if (home_requests[i] < least)
			least = home_requests[i];
		if (home_requests[i] > most)
			most = home_requests[i];
	}
	*mean = (double)sum / sim.nodes;
	if (!sum)
		return 0;
	return 100 * (most - *mean > *mean - least ? most - *mean :
						     *mean - least) / *mean;
}

static void judge_load(void)
{
	double mean, off = load_off(&mean);

	if (sim.pattern == SIM_UNIFORM && !any_lost && mean >= LOAD_ENOUGH &&
	    dealt_evenly() && off > LOAD_PERCENT)
		sim_fail("a home's load is %.1f %% off its share", off);
}

void oracle_end(void)
{
	u32 page;

	for (page = 0; page < sim.pages; page++)
		judge_end(page);
	trace_about(SIM_NO_PAGE);
	judge_load();
	if (longest_request > wait_bound())
		sim_fail("a request took %llu us",
			 (unsigned long long)longest_request);
}

/* One line of what each home got. */
static void report_homes(const char *what, const u64 *counts)
{
	u64 least = counts[0], most = counts[0], sum = 0;
	u32 i;

	for (i = 0; i < sim.nodes; i++) {
		least = counts[i] < least ? counts[i] : least;
		most = counts[i] > most ? counts[i] : most;
		sum += counts[i];
	}
	printf("# %s to a home: at least %llu, mean %.1f, at most %llu\n", what,
	       (unsigned long long)least, (double)sum / sim.nodes,
	       (unsigned long long)most);
}

/* k is how many other nodes had a copy. */
static void report_kinds(void)
{
	u32 i;

	printf("# %-24s %9s %9s %9s %9s\n", "requests", "number", "messages",
	       "at most", "mean k");
	for (i = 0; i < KINDS; i++) {
		double n = table[i].count;
		char most[32];

		if (!table[i].count)
			continue;
		snprintf(most, sizeof(most), "%s%u",
			 is_write(i) ? "2k + " : "", table[i].most);
		printf("# %-24s %9.0f %9.2f %9s %9.2f\n", kinds[i], n,
		       table[i].messages / n, most, table[i].copies / n);
	}
}

static int by_length(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void report_waits(void)
{
	if (!nr_waits)
		return;
	qsort(waits, nr_waits, sizeof(*waits), by_length);
	printf("# waits: half at most %llu us, 99 %% at most %llu us; %.0f in a second\n",
	       (unsigned long long)waits[nr_waits / 2],
	       (unsigned long long)waits[nr_waits * 99 / 100],
	       nr_waits * 1e6 / world_now);
}

void oracle_report(void)
{
	double mean, off = load_off(&mean);

	report_kinds();
	report_homes("requests", home_requests);
	report_homes("messages", home_messages);
	if (dealt_evenly())
		printf("# requests to a home are %.1f %% off the mean at most%s\n",
		       off, mean < LOAD_ENOUGH ? ", too few to judge" : "");
	printf("# %llu accesses, %llu faults, %llu messages\n",
	       (unsigned long long)accesses, (unsigned long long)faults,
	       (unsigned long long)messages);
	printf("# longest request %llu us, longest access %llu us, at most %u faults\n",
	       (unsigned long long)longest_request,
	       (unsigned long long)longest_access, most_faults);
	report_waits();
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
	free(served);
	free(holders);
	free(home_requests);
	free(home_messages);
	free(waits);
}
