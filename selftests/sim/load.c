// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs: threads that load, store and add, and fault where the page
 * tables do not let them, in the loop that the kernel's fault handler makes.
 */
#include <stdlib.h>

#include "sim.h"

/* A woken thread runs so much later, at most, in microseconds. */
#define WAKE_US		20

enum op_kind {
	LOAD,
	STORE,
	ADD,		/* atomic */
	ADD_PAIR,	/* atomic, on the last word of a page and the next */
};

/**
 * struct thread - one thread of a program
 * @node:	where it runs
 * @left:	operations to do, the one in progress included
 * @busy:	an operation is in progress
 * @kind:	of enum op_kind
 * @page:	index of the (first) page that the operation touches
 * @word:	the word of it
 * @since:	when the operation began
 * @faults:	how often it faulted
 * @waits:	page that the thread waits for, or SIM_NO_PAGE
 * @woken:	it will look at @waits again
 * @stamp:	of the moment it runs next; one named earlier does not count
 * @used:	page that it used last
 * @used_before: another page that it used before that
 */
struct thread {
	u16 node;
	u32 left;
	bool busy;
	u8 kind;
	u32 page;
	u32 word;
	u64 since;
	u32 faults;
	u32 waits;
	bool woken;
	u64 stamp;
	u32 used;
	u32 used_before;
};

static const char * const patterns[SIM_PATTERNS] = {
	[SIM_UNIFORM]		= "uniform",
	[SIM_HOT]		= "hot",
	[SIM_MIGRATORY]		= "migratory",
	[SIM_PRODUCER]		= "producer-consumer",
	[SIM_FALSE_SHARING]	= "false-sharing",
	[SIM_SEQUENTIAL]	= "sequential",
	[SIM_CROSSING]		= "crossing",
};

static struct thread *threads;
static u32 unfinished;
static u64 stored;
static u64 stamp;

static u32 nr_threads(void)
{
	return sim.nodes * sim.threads;
}

const char *load_pattern_name(u32 pattern)
{
	return pattern < SIM_PATTERNS ? patterns[pattern] : NULL;
}

u16 load_node(u32 thread)
{
	return threads[thread].node;
}

static void run_at(struct thread *t, u64 at)
{
	t->stamp = ++stamp;
	world_at(at, (struct world_event) {
		.kind = WORLD_THREAD, .who = t - threads, .stamp = stamp,
	});
}

void load_init(void)
{
	u32 i;

	threads = calloc(nr_threads(), sizeof(*threads));
	if (!threads)
		abort();
	unfinished = nr_threads();
	for (i = 0; i < nr_threads(); i++) {
		threads[i] = (struct thread) {
			.node = i / sim.threads,
			.left = sim.steps,
			.waits = SIM_NO_PAGE,
			.used = SIM_NO_PAGE,
			.used_before = SIM_NO_PAGE,
		};
		run_at(&threads[i], world_now + world_random(sim.think_us));
	}
}

/* Some words are only added to, so that the sums can be checked. */
static bool sums(u32 word)
{
	return word == 0 || word == SIM_WORDS - 1;
}

static void mix(struct thread *t, u32 loads, u32 stores, u32 adds)
{
	u32 n = world_random(loads + stores + adds);

	if (n < loads) {
		t->kind = LOAD;
		t->word = world_random(SIM_WORDS);
	} else if (n < loads + stores) {
		t->kind = STORE;
		t->word = 1 + world_random(SIM_WORDS - 2);
	} else {
		t->kind = ADD;
		t->word = world_chance(2) ? 0 : SIM_WORDS - 1;
	}
}

/* Whether the page with the next index is the next in memory, too. */
static bool has_next(u32 page)
{
	return page + 1 < sim.pages &&
	       cluster_number(page + 1) == cluster_number(page) + 1;
}

static void choose(struct thread *t)
{
	u32 nth = sim.steps - t->left;
	u32 before = t->page;

	t->page = world_random(sim.pages);
	switch (sim.pattern) {
	case SIM_UNIFORM:
		mix(t, 6, 3, 1);
		break;
	case SIM_HOT:
		if (!world_chance(5))
			t->page = 0;
		mix(t, 5, 3, 2);
		break;
	case SIM_MIGRATORY:
		/* A load, then an addition to the same page. */
		if (nth % 2) {
			t->page = before;
			mix(t, 0, 0, 1);
		} else {
			mix(t, 1, 0, 0);
		}
		break;
	case SIM_PRODUCER:
		if (t->page % sim.nodes == t->node)
			mix(t, 0, 1, 0);
		else
			mix(t, 1, 0, 0);
		break;
	case SIM_FALSE_SHARING:
		/* A word that no other node touches, on a page that some do. */
		t->page = t->node / SIM_WORDS % sim.pages;
		t->word = t->node % SIM_WORDS;
		t->kind = sums(t->word) ? ADD : STORE;
		if (world_chance(3))
			t->kind = LOAD;
		break;
	case SIM_SEQUENTIAL:
		t->page = nth % sim.pages;
		mix(t, 4, 1, 1);
		break;
	case SIM_CROSSING:
		mix(t, 2, 1, 1);
		if (has_next(t->page) && !world_chance(3)) {
			t->kind = ADD_PAIR;
			t->word = SIM_WORDS - 1;
		}
		break;
	}
	t->busy = true;
	t->since = world_now;
	t->faults = 0;
}

static u8 right_of(const struct thread *t)
{
	return t->kind == LOAD ? DSM_READ : DSM_WRITE;
}

static void finish(struct thread *t)
{
	t->busy = false;
	if (--t->left)
		run_at(t, world_now + 1 + world_random(sim.think_us));
	else
		unfinished--;
}

static void add(u16 node, u32 page, u32 word)
{
	oracle_read(node, page, word);
	oracle_write(node, page, word,
		     cluster_page(node, page)->words[word] + 1);
	oracle_added(page, word);
}

/* The page tables allow it: do it, in no time. */
static void perform(struct thread *t)
{
	trace_about(t->page);
	switch (t->kind) {
	case LOAD:
		oracle_read(t->node, t->page, t->word);
		break;
	case STORE:
		oracle_write(t->node, t->page, t->word, ++stored << 20);
		break;
	case ADD_PAIR:
		add(t->node, t->page + 1, 0);
		/* fall through */
	case ADD:
		add(t->node, t->page, t->word);
		break;
	}
	oracle_access_done(1 + (t->kind == ADD_PAIR), world_now - t->since,
			   t->faults);
	finish(t);
}

/* The right is there: map the page, and let the access happen. */
static void use(struct thread *t, u32 page)
{
	struct node_page *np = cluster_page(t->node, page);

	t->waits = SIM_NO_PAGE;
	t->woken = false;
	cluster_feed(t->node, page, DSM_EV_USED);
	if (np->mapped < right_of(t))
		np->mapped = right_of(t);
	if (t->used != page) {
		t->used_before = t->used;
		t->used = page;
	}
	run_at(t, world_now + 1);
}

static void refused(struct thread *t, u32 page)
{
	oracle_refused(t->node, page);
	t->waits = SIM_NO_PAGE;
	finish(t);
}

static bool allowed(const struct thread *t, u32 page)
{
	return cluster_page(t->node, page)->core.state >= right_of(t);
}

static void fault(struct thread *t, u32 page)
{
	const struct dsm_page *pg = &cluster_page(t->node, page)->core;

	t->faults++;
	t->waits = page;
	t->woken = false;
	cluster_feed(t->node, page,
		     right_of(t) == DSM_WRITE ? DSM_EV_WRITE : DSM_EV_READ);
	if (allowed(t, page))
		use(t, page);
	else if (!pg->want && pg->error)
		refused(t, page);
}

/* A woken thread that finds its page refused gives up, else tries again. */
static void look_again(struct thread *t)
{
	const struct dsm_page *pg = &cluster_page(t->node, t->waits)->core;

	if (!allowed(t, t->waits) && !pg->want && pg->error)
		refused(t, t->waits);
	else
		fault(t, t->waits);
}

void load_run(const struct world_event *ev)
{
	struct thread *t = &threads[ev->who];
	u32 page, last;

	if (ev->stamp != t->stamp || !t->left)
		return;
	if (t->waits != SIM_NO_PAGE) {
		look_again(t);
		return;
	}
	if (!t->busy)
		choose(t);
	last = t->page + (t->kind == ADD_PAIR);
	for (page = t->page; page <= last; page++) {
		if (cluster_page(t->node, page)->mapped < right_of(t)) {
			fault(t, page);
			return;
		}
	}
	perform(t);
}

void load_wake(u16 node, u32 page)
{
	u32 i;

	for (i = node * sim.threads; i < (node + 1) * sim.threads; i++) {
		struct thread *t = &threads[i];

		if (t->waits != page || t->woken)
			continue;
		t->woken = true;
		run_at(t, world_now + world_random(WAKE_US));
	}
}

/*
 * Whether a thread may need this page and the next at the same moment: it used
 * this one, and waits for the next or has only just got it.
 */
bool load_in_use(u16 node, u32 page)
{
	u32 i, next = page + 1;

	if (!has_next(page))
		return false;
	for (i = node * sim.threads; i < (node + 1) * sim.threads; i++) {
		const struct thread *t = &threads[i];

		if (t->waits == next && (t->used == page ||
					 (t->used == next &&
					  t->used_before == page)))
			return true;
		if (t->used == next && t->used_before == page &&
		    world_now < cluster_page(node, next)->core.hold_until)
			return true;
	}
	return false;
}

/* The programs of a node are gone. */
void load_crash(u16 node)
{
	u32 i;

	for (i = node * sim.threads; i < (node + 1) * sim.threads; i++) {
		unfinished -= threads[i].left > 0;
		threads[i].left = 0;
		threads[i].waits = SIM_NO_PAGE;
	}
}

bool load_finished(void)
{
	return !unfinished;
}

/* Nothing will happen any more: whoever still waits must have a reason. */
void load_end(void)
{
	u32 i;

	for (i = 0; i < nr_threads(); i++) {
		if (!threads[i].left)
			continue;
		trace_about(threads[i].waits);
		oracle_stuck(threads[i].node, threads[i].waits);
	}
}

void load_exit(void)
{
	free(threads);
}
