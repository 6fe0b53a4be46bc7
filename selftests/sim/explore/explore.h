/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The explorer: every state that a small cluster of the real core can get into.
 *
 * shell.c does to dsm_step() what the kernel shell does, judge.c says what must
 * be true. settle.c, names.c and pack.c make one string of bytes of all worlds
 * that behave the same, store.c keeps those strings, search.c walks through
 * them, tale.c tells how to get to one of them. main.c explains the method.
 */
#ifndef DSM_EXPLORE_H
#define DSM_EXPLORE_H

#include "rest.h"
#include "step.h"
#include "table.h"

/* The largest world, and the most messages on their way between two nodes. */
#define EXPLORE_NODES		4
#define EXPLORE_PAGES		2
#define EXPLORE_MESSAGES	7

/*
 * It is always now. What is to come has not happened yet, and what is past has;
 * more of time cannot be told apart (see settle.c).
 */
#define EXPLORE_NOW		1000000000ULL
#define EXPLORE_TO_COME		(EXPLORE_NOW + DSM_GRACE_US)
#define EXPLORE_PAST		0

/**
 * struct explore_config - what the command line says
 * @nodes:	how many
 * @pages:	how many; each of the first has a home of its own
 * @evict:	the shell asks for memory back
 * @spans:	pages are in use, as event.h defines it
 * @lose:	so many nodes lose their memory, at most
 * @hold_us:	as in sysfs
 * @symmetry:	worlds that differ in the names of nodes count as one
 * @states_max:	stop there
 * @last:	tell the story of the state found last
 * @quiet:	print only what failed, and the result
 */
struct explore_config {
	u32 nodes;
	u32 pages;
	bool evict;
	bool spans;
	u32 lose;
	u32 hold_us;
	bool symmetry;
	u32 states_max;
	bool last;
	bool quiet;
};

extern struct explore_config explore;

/**
 * enum timer - of a page at a node
 * @TIMER_OFF:	not armed
 * @TIMER_HOLD:	fires when the hold time is over
 * @TIMER_SOON:	fires at any time
 */
enum timer {
	TIMER_OFF,
	TIMER_HOLD,
	TIMER_SOON,
};

/**
 * struct slot - a page at a node, as its shell and its MMU see it
 * @core:	what the core knows
 * @mapped:	of enum dsm_right: what the page tables allow
 * @timer:	of enum timer
 * @latest:	the bytes are those of the last store, by anybody
 */
struct slot {
	struct dsm_page core;
	u8 mapped;
	u8 timer;
	bool latest;
};

/**
 * struct directory - an entry with its storage
 * @core:	what the core knows; its pointers are set for each step
 * @copyset:	its storage
 * @inval:	the same
 * @queue:	the same
 */
struct directory {
	struct dsm_home core;
	u64 copyset[1];
	u64 inval[1];
	u32 queue[EXPLORE_NODES];
};

/**
 * struct letter - a message on its way
 * @msg:	the message
 * @latest:	DATA: of the bytes
 */
struct letter {
	struct dsm_msg msg;
	bool latest;
};

/**
 * struct channel - what is on its way from one node to another, oldest first
 * @nr:		how many
 * @letters:	them
 */
struct channel {
	u8 nr;
	struct letter letters[EXPLORE_MESSAGES];
};

/**
 * struct world - a cluster at one moment
 * @dead:	nodes that have lost their memory, as a set
 * @lost:	by node: those of @dead that it knows of
 * @written:	by page: somebody has stored to it
 * @slots:	by node and page
 * @homes:	by page
 * @channels:	by sender and receiver
 */
struct world {
	u64 dead;
	u64 lost[EXPLORE_NODES];
	bool written[EXPLORE_PAGES];
	struct slot slots[EXPLORE_NODES][EXPLORE_PAGES];
	struct directory homes[EXPLORE_PAGES];
	struct channel channels[EXPLORE_NODES][EXPLORE_NODES];
};

/**
 * enum move_kind - what can happen next
 * @MOVE_DELIVER:	the oldest message of one pair arrives
 * @MOVE_LEARN:		a survivor learns of a loss
 * @MOVE_AGE:		a page's hold time is over
 * @MOVE_OUTLAST:	a page was in use for as long as that can put it off
 * @MOVE_TICK:		a timer fires
 * @MOVE_LOAD:		a program needs to load: a fault, and if the right is
 *			there, the page is mapped
 * @MOVE_STORE:		the same, to store
 * @MOVE_WRITE:		a program stores to a page that is mapped
 * @MOVE_EVICT:		the shell wants the memory back
 * @MOVE_DIE:		a node loses its memory
 *
 * The first ones happen whatever programs do.
 */
enum move_kind {
	MOVE_DELIVER,
	MOVE_LEARN,
	MOVE_AGE,
	MOVE_OUTLAST,
	MOVE_TICK,
	MOVE_LOAD,
	MOVE_STORE,
	MOVE_WRITE,
	MOVE_EVICT,
	MOVE_DIE,
};

/**
 * struct move - one step from world to world
 * @kind:	of enum move_kind
 * @node:	where it happens
 * @from:	DELIVER: sender; LEARN: the lost node
 * @page:	index of the page
 * @in_use:	the page is in use meanwhile
 */
struct move {
	u8 kind;
	u8 node;
	u8 from;
	u8 page;
	bool in_use;
};

/* More than any world has. */
#define EXPLORE_MOVES	128

static inline bool move_is_inevitable(const struct move *m)
{
	return m->kind <= MOVE_TICK;
}

/* shell.c: what the kernel shell does */

void shell_init(struct world *w);
void shell_rest(struct world *w);
u64 shell_page(u32 page);
u16 shell_home(u32 page);
const struct dsm_core *shell_core(struct world *w, u16 node);
u32 shell_moves(const struct world *w, struct move *moves);
void shell_move(struct world *w, const struct move *m);

static inline bool shell_alive(const struct world *w, u16 node)
{
	return !dsm_set_has(&w->dead, node);
}

/* judge.c: what must be true */

extern u16 judge_most_actions;

void judge_before(const struct world *w, u16 node, u32 page, u8 leaves);
void judge_step(const struct world *w, u16 node, u32 page,
		const struct dsm_event *ev, enum dsm_verdict verdict,
		const struct dsm_out *out);
void judge_sent(const struct world *w, u16 from, u16 to, u32 page,
		const struct letter *l);
void judge_world(const struct world *w);
void judge_end(const struct world *w);

/* Where a word of dsm_home.queue has its serial (see queue.c). */
#define EXPLORE_QUEUE_SERIAL	16

/* settle.c: what counts of a world */

void settle(struct world *w);
void settle_directory(struct directory *d);

/* names.c: the same world with other names for its nodes */

void names_init(void);
u32 names_nr(void);
const u8 *names_order(u32 i);
void names_change(const struct world *w, const u8 *to, struct world *r);

/* pack.c: worlds as bytes */

#define PACK_MAX	250

/**
 * struct pack - a world as bytes, the same for all that behave the same
 * @len:	how many
 * @bytes:	them
 * @names:	of nodes in the world that was packed, by name in this one
 */
struct pack {
	u32 len;
	u8 bytes[PACK_MAX];
	u8 names[EXPLORE_NODES];
};

void pack(const struct world *w, struct pack *p);
void unpack(const u8 *bytes, u32 len, struct world *w);
bool pack_keeps(const struct world *w);
bool pack_rests(const struct world *w);

/* store.c: the worlds found so far, by number */

#define STORE_NONE	0xffffffff

u32 store_nr(void);
u32 store_add(const struct pack *p);
const u8 *store_get(u32 nr, u32 *len);
u64 store_bytes(void);

/* search.c: from world to world */

/* Return: the state found last. */
u32 search(void);
u32 search_parent(u32 nr);

/* tale.c: how to get there */

void tale(u32 nr, const struct move *last);

/* main.c */

__attribute__((noreturn, format(printf, 1, 2)))
void explore_fail(const char *fmt, ...);

/* What explore_fail() tells of: a world found, and maybe a move from there. */
void explore_at(u32 nr, const struct move *m);

#endif
