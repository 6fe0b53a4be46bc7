/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which event may come in which state. The dispatcher refuses the rest.
 */
#ifndef DSM_CORE_TABLE_H
#define DSM_CORE_TABLE_H

#include "event.h"

/*
 * The states of a page at a node that uses it. PENDING: a request is in flight.
 */
#define DSM_CACHE_STATES(X)	\
	X(NONE)			\
	X(NONE_PENDING)		\
	X(READ)			\
	X(READ_PENDING)		\
	X(WRITE)

/* The states of a directory entry; ABSENT: this node is not the home. */
#define DSM_HOME_STATES(X)	\
	X(ABSENT)		\
	X(IDLE)			\
	X(BUSY)

/* What can happen to a page: events, and messages by type. */
#define DSM_INPUTS(X)		\
	X(EV_READ)		\
	X(EV_WRITE)		\
	X(EV_USED)		\
	X(EV_EVICT)		\
	X(EV_TICK)		\
	X(EV_LOST)		\
	X(GET)			\
	X(FORWARD)		\
	X(INVALIDATE)		\
	X(INVAL_ACK)		\
	X(DATA)			\
	X(GRANT)		\
	X(DONE)			\
	X(REFUSE)		\
	X(RECOUNT)

#define DSM_TABLE_CACHE(name)	DSM_CACHE_##name,
#define DSM_TABLE_HOME(name)	DSM_HOME_##name,
#define DSM_TABLE_INPUT(name)	DSM_IN_##name,

enum dsm_cache_state { DSM_CACHE_STATES(DSM_TABLE_CACHE) DSM_CACHE_END };
enum dsm_home_state { DSM_HOME_STATES(DSM_TABLE_HOME) DSM_HOME_END };
enum dsm_input { DSM_INPUTS(DSM_TABLE_INPUT) DSM_IN_END };

/** dsm_cache_state() - which of the five @pg is in */
enum dsm_cache_state dsm_cache_state(const struct dsm_page *pg);

/** dsm_home_state() - which of the three; @hm may be NULL */
enum dsm_home_state dsm_home_state(const struct dsm_home *hm);

/** dsm_input_of() - which input @ev is; %DSM_IN_END if it is none */
enum dsm_input dsm_input_of(const struct dsm_event *ev);

/** dsm_table_legal() - whether @in may come in these states */
bool dsm_table_legal(enum dsm_cache_state cache, enum dsm_home_state home,
		     enum dsm_input in);

/* Names as in the lists above, for traces and transcripts. */
const char *dsm_cache_state_name(enum dsm_cache_state state);
const char *dsm_home_state_name(enum dsm_home_state state);
const char *dsm_input_name(enum dsm_input in);

#endif
