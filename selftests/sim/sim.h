/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator: many nodes of the real core in one process, a virtual clock,
 * a network with random delays, programs, and a judge.
 *
 * One seed makes one run: world.c holds the only source of randomness and the
 * only clock. session.c and net.c carry messages, cluster.c does to dsm_step()
 * what the kernel shell does, load.c plays the programs, faults.c says what
 * goes wrong, oracle.c judges and never changes anything.
 */
#ifndef DSM_SIM_H
#define DSM_SIM_H

#include "rest.h"
#include "step.h"
#include "table.h"

/* Words of data that a simulated page has. */
#define SIM_WORDS	4

/* "No page", where the index of a page is expected. */
#define SIM_NO_PAGE	0xffffffff

enum sim_pattern {
	SIM_UNIFORM,
	SIM_HOT,
	SIM_MIGRATORY,
	SIM_PRODUCER,
	SIM_FALSE_SHARING,
	SIM_SEQUENTIAL,
	SIM_CROSSING,
	SIM_PATTERNS,
};

/**
 * struct sim_faults - what goes wrong, each with its probability in millionths
 * @delay:	of a message: it takes longer, a little or very much
 * @stall:	of a message: its direction of the connection stands still
 * @cut:	of a message: its connection breaks, and is made again
 * @pause:	of an event at a node: after it the node stops for a while
 * @lose:	of a node: at some time it loses its memory, for good
 * @pin:	of an event that would take a right: the kernel has the page
 *		pinned
 */
struct sim_faults {
	u32 delay;
	u32 stall;
	u32 cut;
	u32 pause;
	u32 lose;
	u32 pin;
};

/**
 * struct sim_config - what the command line says
 * @seed:	the only thing that a run depends on, besides the rest of this
 * @nodes:	how many
 * @pages:	how many pages the programs use
 * @threads:	programs' threads on each node
 * @steps:	operations that each thread does
 * @pattern:	of enum sim_pattern
 * @faults:	what goes wrong
 * @evict:	the shell asks for memory back
 * @trace:	print every step, not only the last ones before a failure
 * @quiet:	print only what failed
 * @hold_us:	as in sysfs
 * @wire_us:	shortest delay of a message in a connection that works
 * @delay_us:	what may be added to it, at most
 * @work_us:	what a node needs to send a message, and to handle one; it does
 *		one thing at a time
 * @think_us:	longest time between two operations of a thread
 */
struct sim_config {
	u64 seed;
	u32 nodes;
	u32 pages;
	u32 threads;
	u32 steps;
	u32 pattern;
	struct sim_faults faults;
	bool evict;
	bool trace;
	bool quiet;
	u32 hold_us;
	u32 wire_us;
	u32 delay_us;
	u32 work_us;
	u32 think_us;
};

extern struct sim_config sim;

/* world.c: time, chance, and what happens next */

enum world_kind {
	WORLD_MESSAGE,		/* who: receiver, from: sender; see net.c */
	WORLD_RESUME,		/* who, from: the ends of a connection */
	WORLD_TICK,		/* who: node, page, serial */
	WORLD_THREAD,		/* who: thread */
	WORLD_EVICT,
	WORLD_CRASH,		/* who: node */
	WORLD_LOST,		/* who: survivor, from: the lost node */
};

struct world_event {
	u64 at;
	u64 serial;
	u8 kind;
	u16 from;
	u32 who;
	u32 page;
	u64 stamp;
	struct session_packet *packet;
};

extern u64 world_now;

void world_init(u64 seed);
u64 world_random(u64 below);
bool world_chance(u32 in);
bool world_fault(u32 millionths);
void world_at(u64 at, struct world_event ev);
void world_again(u64 at, const struct world_event *ev);
bool world_next(struct world_event *ev);
bool world_pending(void);
void world_exit(void);

/* faults.c: what goes wrong, and how often it did */

enum fault_kind {
	FAULT_DELAY,
	FAULT_STALL,
	FAULT_CUT,
	FAULT_PAUSE,
	FAULT_LOSE,
	FAULT_PIN,
	FAULT_KINDS,
};

bool faults_parse(const char *text);
bool faults_strike(enum fault_kind kind);
u64 faults_length(enum fault_kind kind);
u64 faults_longest_delay(void);
void faults_report(void);

/* net.c: connections, and what is on its way in them */

void net_init(void);
bool net_up(u16 a, u16 b);
void net_transmit(u16 from, u16 to, struct session_packet *packet, u64 ack);
bool net_arrived(const struct world_event *ev);
void net_resume(u16 a, u16 b);
void net_exit(void);

/* session.c: what is to arrive once and in order */

/**
 * struct session_packet - a message, kept until it is acknowledged
 * @next:	the one sent after it
 * @seq:	its number in its direction, from 1
 * @ack:	the number of the last message that came the other way
 * @msg:	the message
 * @words:	the bytes of a DATA
 */
struct session_packet {
	struct session_packet *next;
	u64 seq;
	u64 ack;
	struct dsm_msg msg;
	u64 words[SIM_WORDS];
};

void session_init(void);
void session_send(u16 from, u16 to, const struct dsm_msg *msg,
		  const u64 *words);
bool session_receive(const struct world_event *ev, struct dsm_msg *msg,
		     u64 *words);
void session_resume(u16 from, u16 to);
void session_lose(u16 at, u16 lost);
void session_end(void);
void session_report(void);
void session_exit(void);

/* cluster.c: the nodes, and what they do with actions */

/**
 * struct node_page - a page at a node, as its shell and its MMU see it
 * @core:	what the core knows
 * @mapped:	of enum dsm_right: what the page tables allow
 * @timer:	stamp of the timer that counts; an earlier one was replaced
 * @words:	the bytes
 */
struct node_page {
	struct dsm_page core;
	u8 mapped;
	u64 timer;
	u64 words[SIM_WORDS];
};

void cluster_init(void);
u64 cluster_number(u32 page);
u32 cluster_index(u64 number);
u16 cluster_home(u32 page);
const struct dsm_core *cluster_core(u16 node);
struct node_page *cluster_page(u16 node, u32 page);
struct dsm_home *cluster_directory(u32 page);
bool cluster_crashed(u16 node);
u64 cluster_busy_until(u16 node);
u64 cluster_work(u16 node);
void cluster_stop(u16 node);
void cluster_feed(u16 node, u32 page, u8 type);
void cluster_message(const struct world_event *ev);
void cluster_tick(const struct world_event *ev);
void cluster_evict(void);
void cluster_crash(u16 node);
void cluster_lost(u16 node, u16 lost);
void cluster_exit(void);

/* load.c: the programs */

void load_init(void);
u16 load_node(u32 thread);
void load_run(const struct world_event *ev);
void load_wake(u16 node, u32 page);
bool load_in_use(u16 node, u32 page);
void load_crash(u16 node);
bool load_finished(void);
void load_end(void);
void load_exit(void);
const char *load_pattern_name(u32 pattern);

/* oracle.c: the judge */

void oracle_init(void);
void oracle_before_step(u16 node, u32 page, u8 leaves);
void oracle_after_step(u16 node, u32 page, const struct dsm_event *ev,
		       enum dsm_verdict verdict, u16 actions);
void oracle_after_actions(u16 node, u32 page);
void oracle_sent(u16 from, u16 to, u32 page, const struct dsm_msg *msg);
void oracle_read(u16 node, u32 page, u32 word);
void oracle_write(u16 node, u32 page, u32 word, u64 value);
void oracle_added(u32 page, u32 word);
void oracle_access_done(u32 pages, u64 waited, u32 faults);
void oracle_refused(u16 node, u32 page);
void oracle_crash(u16 node);
void oracle_stuck(u16 node, u32 page);
void oracle_end(void);
void oracle_report(void);
void oracle_exit(void);

/* main.c */

__attribute__((noreturn, format(printf, 1, 2)))
void sim_fail(const char *fmt, ...);

/* trace.c: the last things that happened */

void trace_step(u16 node, const struct dsm_event *ev, u8 before, u8 after,
		enum dsm_verdict verdict);
void trace_sent(u16 from, u16 to, const struct dsm_msg *msg);
void trace_about(u32 page);
void trace_print(void);

#endif
