// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells stories: feeds the core what a file says, and compares what it does
 * with what the file says it does, to the letter. `story --rewrite FILE...`
 * puts what it does into the files instead; then look at the difference.
 *
 *	# a remark			nodes 3 [hold 100]	first of all
 *	1 reads 0			a fault at node 1 on page 0
 *	1 writes 0			the same
 *	1 uses 0			the right is there, the program goes on
 *	1 evicts 0			the shell wants the memory back
 *	1 spans 0, 1 spanned 0		it is in use, as event.h defines it
 *	1 pins 0, 1 unpins 0		it is pinned
 *	2 dies				node 2 has lost its memory
 *	1 loses 2			node 1 learns of it
 *	deliver 1>0, deliver all	the oldest message of one pair, or
 *					messages in the order they were sent
 *	time +100			microseconds pass, timers fire
 *	late +100			they pass, and timers fire afterwards
 *	1 ages 0, 1 outlasts 0		page 0 at node 1 alone has a clock that
 *					goes on, by 10 ms or 100 ms; no timer
 *					fires
 *	1 ticks 0			but this one, now
 *	show 0				what everybody knows of page 0
 *
 * What follows indented is what the core does: changes of state, then actions
 * in their order.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>

#include "show.h"

#define NODES		8
#define PAGES		64
#define MESSAGES	64
#define DEFAULT_DIR	"selftests/core/stories"

struct message {
	u16 from;
	u16 to;
	struct dsm_msg msg;
};

struct node {
	struct dsm_core core;
	u64 lost[1];
	bool dead;
	struct dsm_page pages[PAGES];
	bool touched[PAGES];
	bool in_use[PAGES];
	bool pinned[PAGES];
	bool armed[PAGES];
	u64 timer[PAGES];
	u64 ahead[PAGES];
};

static struct node nodes[NODES];
static struct dsm_home homes[PAGES];
static u64 copysets[PAGES][1];
static u64 invals[PAGES][1];
static u32 queues[PAGES][NODES];
static const u16 ids[NODES] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static u16 nr_nodes;
static u64 now;
static u32 hold_us;

static struct message messages[MESSAGES];
static u16 nr_messages;

static FILE *out;
static const char *file;
static unsigned int line_nr;

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list args;

	printf("# %s:%u: ", file, line_nr);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\nBail out! a story makes no sense\n");
	exit(1);
}

static void begin(u16 nr, u32 hold)
{
	u16 i, p;

	if (!nr || nr > NODES)
		die("1 to %u nodes", NODES);
	nr_nodes = nr;
	hold_us = hold;
	now = 0;
	nr_messages = 0;
	memset(nodes, 0, sizeof(nodes));
	for (i = 0; i < nr; i++) {
		nodes[i].core = (struct dsm_core) {
			.self = i,
			.pages = PAGES,
			.members = {
				.nr = nr,
				.words = 1,
				.ids = ids,
				.lost = nodes[i].lost,
			},
		};
		for (p = 0; p < PAGES; p++)
			dsm_page_init(&nodes[i].pages[p]);
	}
	for (p = 0; p < PAGES; p++)
		dsm_home_init(&homes[p], dsm_core_home(&nodes[0].core, p),
			      copysets[p], invals[p], queues[p], 1);
}

static u16 home_of(u64 page)
{
	return dsm_core_home(&nodes[0].core, page);
}

static void post(u16 from, u16 to, const struct dsm_msg *msg)
{
	if (nr_messages == MESSAGES)
		die("too many messages on their way");
	messages[nr_messages++] = (struct message) { from, to, *msg };
}

static void act(u16 id, u64 page, const struct dsm_act *a)
{
	char text[SHOW_MAX];
	u16 to;

	show_action(text, id, 1, a);
	if (a->type == DSM_ACT_SEND || a->type == DSM_ACT_SEND_SET)
		fprintf(out, "    %s\n", text);
	else
		fprintf(out, "    %u: %s\n", id, text);

	if (a->type == DSM_ACT_SEND) {
		post(id, a->to, &a->msg);
	} else if (a->type == DSM_ACT_SEND_SET) {
		dsm_set_for_each(to, a->set, 1)
			post(id, to, &a->msg);
	} else if (a->type == DSM_ACT_TIMER) {
		nodes[id].armed[page] = true;
		nodes[id].timer[page] = a->at;
	}
}

/* One writer and nobody else: every story keeps to that after every step. */
static void check_writer(u64 page)
{
	u16 i, copies = 0, writers = 0;

	for (i = 0; i < nr_nodes; i++) {
		if (nodes[i].dead)
			continue;
		copies += nodes[i].pages[page].state != DSM_NONE;
		writers += nodes[i].pages[page].state == DSM_WRITE;
	}
	if (writers && copies > 1)
		die("a writer is not alone");
}

static void step(u16 id, struct dsm_event *ev)
{
	struct node *n = &nodes[id];
	struct dsm_page *pg = &n->pages[ev->page];
	struct dsm_home *hm = home_of(ev->page) == id ? &homes[ev->page] : NULL;
	enum dsm_cache_state cache = dsm_cache_state(pg);
	enum dsm_home_state home = dsm_home_state(hm);
	enum dsm_verdict verdict;
	struct dsm_out acts;
	u16 i;

	ev->now = now + n->ahead[ev->page];
	ev->hold_us = hold_us;
	ev->in_use = n->in_use[ev->page];
	ev->pinned = n->pinned[ev->page];
	n->touched[ev->page] = true;
	verdict = dsm_step(&n->core, pg, hm, ev, &acts);

	if (verdict != DSM_OK)
		fprintf(out, "    %s\n", verdict == DSM_STALE ? "stale" :
							       "refused");
	if (dsm_cache_state(pg) != cache)
		fprintf(out, "    %u: %s -> %s\n", id,
			dsm_cache_state_name(cache),
			dsm_cache_state_name(dsm_cache_state(pg)));
	if (dsm_home_state(hm) != home)
		fprintf(out, "    home: %s -> %s\n", dsm_home_state_name(home),
			dsm_home_state_name(dsm_home_state(hm)));
	if (acts.nr > DSM_ACTS_MAX)
		die("%u actions", acts.nr);
	for (i = 0; i < acts.nr; i++)
		act(id, ev->page, &acts.act[i]);
	check_writer(ev->page);
}

static void local(u16 id, u64 page, u8 type)
{
	struct dsm_event ev = { .type = type, .page = page };

	step(id, &ev);
}

static void deliver(u16 i)
{
	struct message m = messages[i];
	struct dsm_event ev = {
		.type = DSM_EV_RECV, .from = m.from, .page = m.msg.page,
		.msg = m.msg,
	};
	char text[SHOW_MAX];

	nr_messages--;
	memmove(&messages[i], &messages[i + 1],
		(nr_messages - i) * sizeof(*messages));
	show_message(text, m.from, m.to, &m.msg);
	if (nodes[m.to].dead ||
	    dsm_member_is_lost(&nodes[m.to].core.members, m.from)) {
		fprintf(out, "  %s is not heard\n", text);
		return;
	}
	fprintf(out, "  %s arrives\n", text);
	step(m.to, &ev);
}

static void deliver_from_to(u16 from, u16 to)
{
	u16 i;

	for (i = 0; i < nr_messages; i++) {
		if (messages[i].from == from && messages[i].to == to) {
			deliver(i);
			return;
		}
	}
	die("nothing is on its way from %u to %u", from, to);
}

static void lose(u16 id, u16 lost)
{
	struct dsm_event ev = { .type = DSM_EV_LOST, .from = lost };

	dsm_set_add(nodes[id].lost, lost);
	for (ev.page = 0; ev.page < PAGES; ev.page++)
		if (nodes[id].touched[ev.page])
			step(id, &ev);
}

/* When a timer fires, if no clock goes on by itself. */
static u64 due(const struct node *n, u16 page)
{
	return n->timer[page] > n->ahead[page] ?
		n->timer[page] - n->ahead[page] : 0;
}

/* Of the timers that are due, the earliest. */
static bool fire(u64 until)
{
	u16 i, p, id = NODES, page = 0;
	u64 first = until;

	for (i = 0; i < nr_nodes; i++) {
		for (p = 0; p < PAGES; p++) {
			if (!nodes[i].armed[p] || nodes[i].dead ||
			    due(&nodes[i], p) > first)
				continue;
			if (id < NODES && due(&nodes[i], p) == first)
				continue;
			first = due(&nodes[i], p);
			id = i;
			page = p;
		}
	}
	if (id == NODES)
		return false;
	nodes[id].armed[page] = false;
	if (now < first)
		now = first;
	fprintf(out, "  at %llu: tick of page %u at node %u\n",
		(unsigned long long)now, page, id);
	local(id, page, DSM_EV_TICK);
	return true;
}

static void tick(u16 id, u16 page)
{
	if (!nodes[id].armed[page])
		die("no timer of page %u runs at node %u", page, id);
	nodes[id].armed[page] = false;
	local(id, page, DSM_EV_TICK);
}

static void pass(u64 us)
{
	u64 until = now + us;

	while (fire(until))
		;
	now = until;
}

static void show(u64 page)
{
	const struct dsm_home *hm = &homes[page];
	const char *comma = "";
	u16 i, node;

	for (i = 0; i < nr_nodes; i++) {
		const struct dsm_page *pg = &nodes[i].pages[page];

		if (!nodes[i].touched[page])
			continue;
		if (nodes[i].dead) {
			fprintf(out, "  %u: dead\n", i);
			continue;
		}
		fprintf(out, "  %u: %s v%llu%s%s%s\n", i,
			dsm_cache_state_name(dsm_cache_state(pg)),
			(unsigned long long)pg->version,
			pg->owned ? " owned" : "",
			pg->deferred.type ? " (asked to give it up)" : "",
			pg->error ? " (was refused)" : "");
	}
	fprintf(out, "  home: %s v%llu owner ",
		dsm_home_state_name(dsm_home_state(hm)),
		(unsigned long long)hm->version);
	if (hm->owner == DSM_NO_NODE)
		fprintf(out, "lost");
	else
		fprintf(out, "%u", hm->owner);
	fprintf(out, " copies {");
	dsm_set_for_each(node, hm->copyset, 1) {
		fprintf(out, "%s%u", comma, node);
		comma = ",";
	}
	fprintf(out, "} waiting %u%s\n", hm->queue_len,
		hm->migratory == DSM_MIGRATORY ? " migratory" : "");
}

/* "1 reads 0" and its like. */
static void tell_node(u16 id, const char *verb, u16 object)
{
	static const struct {
		const char *verb;
		u8 type;
	} verbs[] = {
		{ "reads", DSM_EV_READ },
		{ "writes", DSM_EV_WRITE },
		{ "uses", DSM_EV_USED },
		{ "evicts", DSM_EV_EVICT },
	};
	size_t i;

	if (id >= nr_nodes || nodes[id].dead || object >= PAGES)
		die("no such node or page");
	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!strcmp(verb, verbs[i].verb)) {
			local(id, object, verbs[i].type);
			return;
		}
	}
	if (!strcmp(verb, "spans"))
		nodes[id].in_use[object] = true;
	else if (!strcmp(verb, "spanned"))
		nodes[id].in_use[object] = false;
	else if (!strcmp(verb, "pins"))
		nodes[id].pinned[object] = true;
	else if (!strcmp(verb, "unpins"))
		nodes[id].pinned[object] = false;
	else if (!strcmp(verb, "ages"))
		nodes[id].ahead[object] += DSM_GRACE_US;
	else if (!strcmp(verb, "outlasts"))
		nodes[id].ahead[object] += DSM_IN_USE_MAX_US;
	else if (!strcmp(verb, "ticks"))
		tick(id, object);
	else if (!strcmp(verb, "loses") && object < nr_nodes)
		lose(id, object);
	else
		die("what is '%s'?", verb);
}

static void tell(const char *line)
{
	unsigned int a, b = 100;
	char verb[16];
	int end = 0;

	if (sscanf(line, "nodes %u%n hold %u%n", &a, &end, &b, &end) >= 1 &&
	    !line[end]) {
		begin(a, b);
		return;
	}
	if (!nr_nodes)
		die("a story begins with its nodes");
	if (!strcmp(line, "deliver all")) {
		while (nr_messages)
			deliver(0);
	} else if (sscanf(line, "deliver %u>%u%n", &a, &b, &end) == 2 &&
		   !line[end]) {
		deliver_from_to(a, b);
	} else if (sscanf(line, "time +%u%n", &a, &end) == 1 && !line[end]) {
		pass(a);
	} else if (sscanf(line, "late +%u%n", &a, &end) == 1 && !line[end]) {
		now += a;
		pass(0);
	} else if (sscanf(line, "show %u%n", &a, &end) == 1 && !line[end] &&
		   a < PAGES) {
		show(a);
	} else if (sscanf(line, "%u dies%n", &a, &end) == 1 && end &&
		   !line[end] && a < nr_nodes) {
		nodes[a].dead = true;
	} else if (sscanf(line, "%u %15s %u%n", &a, verb, &b, &end) == 3 &&
		   !line[end]) {
		tell_node(a, verb, b);
	} else {
		die("what is '%s'?", line);
	}
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f || getdelim(&text, &size, 0, f) < 0) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return text;
}

/* The story as it happens. Return: allocated text. */
static char *play(const char *path, const char *text)
{
	char *told = NULL, *copy = strdup(text), *rest = copy, *line;
	size_t size;

	file = path;
	line_nr = 0;
	nr_nodes = 0;
	out = open_memstream(&told, &size);
	if (!out || !copy)
		abort();
	while ((line = strsep(&rest, "\n"))) {
		line_nr++;
		if (isspace((unsigned char)line[0]))
			continue;
		if (rest || line[0])
			fprintf(out, "%s\n", line);
		if (line[0] && line[0] != '#')
			tell(line);
	}
	fclose(out);
	free(copy);
	return told;
}

/* The first line in which two texts differ. */
static void print_difference(const char *want, const char *got)
{
	unsigned int nr = 1;
	const char *w = want, *g = got;

	while (*want && *want == *got) {
		if (*want == '\n') {
			nr++;
			w = want + 1;
			g = got + 1;
		}
		want++;
		got++;
	}
	printf("# line %u says '%.*s'\n", nr, (int)strcspn(w, "\n"), w);
	printf("# but it is   '%.*s'\n", (int)strcspn(g, "\n"), g);
}

static bool run(const char *path, bool rewrite, int nr)
{
	char *text = slurp(path), *told = play(path, text);
	const char *name = strrchr(path, '/');
	bool same = !strcmp(text, told);

	if (rewrite && !same) {
		FILE *f = fopen(path, "w");

		if (!f || fputs(told, f) < 0 || fclose(f))
			die("cannot write");
		same = true;
	}
	if (!same)
		print_difference(text, told);
	printf("%s %d %s\n", same ? "ok" : "not ok", nr,
	       name ? name + 1 : path);
	free(text);
	free(told);
	return same;
}

static int is_story(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && !strcmp(end, ".txt");
}

int main(int argc, char **argv)
{
	bool rewrite = argc > 1 && !strcmp(argv[1], "--rewrite");
	int i, nr, first = 1 + rewrite, failed = 0;
	struct dirent **list;
	char path[512];

	printf("KTAP version 1\n");
	if (first < argc) {
		printf("1..%d\n", argc - first);
		for (i = first; i < argc; i++)
			failed += !run(argv[i], rewrite, i - first + 1);
		return failed > 0;
	}
	nr = scandir(DEFAULT_DIR, &list, is_story, alphasort);
	if (nr <= 0) {
		printf("Bail out! no stories in %s\n", DEFAULT_DIR);
		return 1;
	}
	printf("1..%d\n", nr);
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", DEFAULT_DIR,
			 list[i]->d_name);
		failed += !run(path, rewrite, i + 1);
		free(list[i]);
	}
	free(list);
	return failed > 0;
}
