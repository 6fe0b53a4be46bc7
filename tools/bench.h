/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dsmbench: what its files share
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "libdsm.h"

#define NODES_MAX	16	/* that take part in a measure */
#define PATIENCE_S	300	/* far more than a measure takes */
#define TEXT_CHARS	200

#define PAGE		4096
#define SMALL		64	/* bytes of a request, in plain TCP exchanges */
#define LARGE		(SMALL + PAGE)

/* bench.c */

void __attribute__((format(printf, 1, 2), noreturn)) die(const char *fmt, ...);

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void pause_ms(unsigned int ms);

/* bench_stat.c */

#define BUCKETS		40

/**
 * struct samples - times of single accesses, or exchanges, in nanoseconds
 * @values:	in the order in which they were taken
 * @nr:		how many there are
 * @room:	how many there is room for
 */
struct samples {
	uint64_t *values;
	size_t nr;
	size_t room;
};

void samples_add(struct samples *s, uint64_t value);
void samples_free(struct samples *s);
uint64_t samples_percentile(const struct samples *s, unsigned int percent);
double samples_mean(const struct samples *s);
void samples_histogram(const struct samples *s, uint64_t buckets[BUCKETS]);

/* bench_pages.c */

/**
 * struct memory - the shared memory, as one node sees it
 * @instance:	its name, NULL for the first
 * @fd:		of the device
 * @map:	all of it
 * @info:	sizes, and who we are
 */
struct memory {
	const char *instance;
	int fd;
	volatile char *map;
	struct dsm_info info;
};

/**
 * struct pages - pages that belong together
 * @first:	page number of the first
 * @count:	how many
 * @run:	so many follow each other
 * @stride:	from the beginning of one run to the next, in pages
 */
struct pages {
	uint64_t first;
	uint32_t count;
	uint32_t run;
	uint32_t stride;
};

enum touch { TOUCH_LOAD, TOUCH_STORE };

void memory_open(struct memory *m, const char *instance);
uint64_t memory_counter(const struct memory *m, const char *name);
struct pages pages_part(const struct pages *set, uint32_t part, uint32_t parts);
uint64_t pages_offset(const struct pages *set, uint32_t n);
uint32_t *pages_shuffle(uint32_t count);
void page_touch(const struct memory *m, uint64_t offset, enum touch how);
void pages_touch(const struct memory *m, const struct pages *set,
		 enum touch how);
bool pages_are(const struct memory *m, const struct pages *set, uint32_t state,
	       uint32_t owner, char text[TEXT_CHARS]);
uint64_t pages_untouched(const struct memory *m);

/* bench_wire.c */

bool wire_send(int fd, const void *data, size_t length);
bool wire_receive(int fd, void *data, size_t length);
int wire_listen(const char *host, uint16_t port);
int wire_dial(const char *host, uint16_t port);
bool wire_answer(int fd, size_t in, size_t out, uint64_t count);
bool wire_ask(int fd, size_t out, size_t in, uint64_t count,
	      struct samples *s);
bool wire_pour(int fd, uint64_t bytes);
bool wire_drain(int fd, uint64_t bytes);

/* bench_peer.c */

enum op {
	OP_TOUCH = 1,	/* pages, how */
	OP_EXPECT,	/* pages, state, owner */
	OP_UNTOUCHED,	/* value is the first page behind all touched ones */
	OP_SLAB,	/* value is the kernel's slab memory in bytes, or 0 */
	OP_ANSWER,	/* count exchanges: in bytes come, out bytes go */
	OP_POUR,	/* out bytes go, on the same connection */
	OP_FAULT,	/* pages, how, threads: touch all; value is the time */
	OP_ASK,		/* node, threads, count exchanges by each; the same */
	OP_TURNS,	/* offset, count, kind: hand a lock to and fro */
	OP_QUIT,
};

/**
 * struct request - what a server shall do; it answers with struct reply
 * @op:		of enum op, which tells what of the rest counts
 * @node:	whom to ask
 * @threads:	how many do it at once
 * @how:	of enum touch
 * @state:	of enum dsm_page_state
 * @owner:	at the pages' home, else %DSM_NODE_NONE
 * @kind:	of enum turns
 * @pad:	zero
 * @pages:	which
 * @offset:	where, in bytes
 * @count:	how often
 * @in:		bytes to the server, each time
 * @out:	bytes from it
 */
struct request {
	uint32_t op;
	uint32_t node;
	uint32_t threads;
	uint32_t how;
	uint32_t state;
	uint32_t owner;
	uint32_t kind;
	uint32_t pad;
	struct pages pages;
	uint64_t offset;
	uint64_t count;
	uint64_t in;
	uint64_t out;
};

/**
 * struct reply - and what came of it
 * @value:	see enum op
 * @error:	the rest says in words what went wrong
 * @text:	those words
 */
struct reply {
	uint64_t value;
	uint32_t error;
	char text[TEXT_CHARS];
};

/**
 * struct peer - another node's server
 * @node:	its id
 * @control:	connection for requests
 * @data:	connection for plain exchanges
 */
struct peer {
	uint32_t node;
	int control;
	int data;
};

void peer_serve(const struct memory *m, uint16_t port, bool background);
int peer_dial(const struct memory *m, uint32_t node, uint16_t port);
void peer_request(struct peer *p, const struct request *rq);
uint64_t peer_reply(struct peer *p);
uint64_t peer_call(struct peer *p, const struct request *rq);

/* bench_local.c */

uint64_t slab_bytes(const struct memory *m);

/* bench_lock.c */

enum turns { TURNS_MUTEX, TURNS_COND };

bool turns_follow(const struct memory *m, int fd, const struct request *rq);

/* the measures */

/**
 * struct figure - a ratio, and what it should be
 * @what:	of which values of both sides
 * @ratio:	of ours to the yardstick's
 * @goal:	0: none
 * @at_least:	the goal is a lower bound, not an upper one
 */
struct figure {
	const char *what;
	double ratio;
	double goal;
	bool at_least;
};

#define FIGURES_MAX	2

/**
 * struct result - what a measure has found
 * @ours:	times of what was measured
 * @yard:	times of the yardstick
 * @figures:	their ratios
 * @nr:		how many of them
 */
struct result {
	struct samples ours;
	struct samples yard;
	struct figure figures[FIGURES_MAX];
	unsigned int nr;
};

/**
 * struct bench - one run
 * @mem:	this node's memory
 * @peers:	all other nodes
 * @nr_peers:	how many they are
 * @port:	of all servers
 * @count:	samples for each measure of single accesses
 * @bulk:	pages for each measure of many
 * @next:	page number behind all that was used so far
 */
struct bench {
	struct memory mem;
	struct peer peers[NODES_MAX];
	unsigned int nr_peers;
	uint16_t port;
	uint32_t count;
	uint32_t bulk;
	uint64_t next;
};

/**
 * struct measure - one of them
 * @name:	on the command line and in results
 * @yard:	what it is compared with, in a few words
 * @bytes:	it is about bytes, not about time
 * @alone:	it needs NODES_MAX instances in one kernel, not servers
 * @run:	does it
 */
struct measure {
	const char *name;
	const char *yard;
	bool bytes;
	bool alone;
	void (*run)(struct bench *b, struct result *r);
};

void figure_add(struct result *r, const char *what, double ratio, double goal);
void figure_add_percentile(struct result *r, unsigned int percent, double goal);
void figure_add_rate(struct result *r, double goal);

/* bench_stage.c */

struct pages stage_homed(struct bench *b, uint32_t home, uint32_t count);
struct pages stage_row(struct bench *b, uint32_t count);
void stage_touch(struct bench *b, uint32_t node, const struct pages *set,
		 enum touch how);
void stage_expect(struct bench *b, uint32_t node, const struct pages *set,
		  uint32_t state, uint32_t owner);
void stage_settle(void);
struct pages stage_owned(struct bench *b, uint32_t home, uint32_t owner,
			 uint32_t count);
void stage_exchange(struct peer *p, size_t in, size_t out, uint64_t count,
		    struct samples *s);
void stage_stream(struct peer *p, uint32_t pages, struct samples *s);

void measure_read_home(struct bench *b, struct result *r);
void measure_read_third(struct bench *b, struct result *r);
void measure_upgrade(struct bench *b, struct result *r);
void measure_write_copies_3(struct bench *b, struct result *r);
void measure_write_copies_7(struct bench *b, struct result *r);
void measure_write_copies_15(struct bench *b, struct result *r);
void measure_urgent(struct bench *b, struct result *r);
void measure_seq_read(struct bench *b, struct result *r);
void measure_seq_write_first(struct bench *b, struct result *r);
void measure_seq_write_owned(struct bench *b, struct result *r);
void measure_resident(struct bench *b, struct result *r);
void measure_local_store(struct bench *b, struct result *r);
void measure_local_load(struct bench *b, struct result *r);
void measure_handover(struct bench *b, struct result *r);
void measure_handover_cond(struct bench *b, struct result *r);
void measure_served(struct bench *b, struct result *r);
void measure_metadata(struct bench *b, struct result *r);
void measure_untouched(struct bench *b, struct result *r);

/* bench_report.c */

void report_begin(bool json);
void report_add(const struct measure *m, const struct result *r, bool json);
void report_end(bool json);

#endif /* _BENCH_H */
