// SPDX-License-Identifier: GPL-2.0-only
/* The legality table, and the names of its rows and columns. */
#include "table.h"

#define TABLE_NAME(name)	#name,

/* Sets of states of a page, a bit each. */
enum {
	HAS_NONE		= 1 << DSM_CACHE_NONE,
	HAS_NONE_PENDING	= 1 << DSM_CACHE_NONE_PENDING,
	HAS_READ		= 1 << DSM_CACHE_READ,
	HAS_READ_PENDING	= 1 << DSM_CACHE_READ_PENDING,
	HAS_WRITE		= 1 << DSM_CACHE_WRITE,

	PENDING			= HAS_NONE_PENDING | HAS_READ_PENDING,
	NO_WRITE		= HAS_NONE | HAS_READ | PENDING,
	NOT_READ		= HAS_NONE | HAS_WRITE | PENDING,
	ANY			= NO_WRITE | HAS_WRITE,
};

/*
 * Sets of states of a directory entry. FORWARD, INVALIDATE and GRANT come over
 * the wire only from the home, so never to the home itself. Those of a step's
 * own making do not pass here.
 */
enum {
	ELSEWHERE	= 1 << DSM_HOME_ABSENT,
	IDLE		= 1 << DSM_HOME_IDLE,
	BUSY		= 1 << DSM_HOME_BUSY,

	HERE		= IDLE | BUSY,
	ANYWHERE	= HERE | ELSEWHERE,
};

static const struct {
	u8 cache;
	u8 home;
} table[DSM_IN_END] = {
	/*			  page here	   directory entry here */
	[DSM_IN_EV_READ]	= { ANY,		ANYWHERE },
	[DSM_IN_EV_WRITE]	= { ANY,		ANYWHERE },
	[DSM_IN_EV_USED]	= { ANY,		ANYWHERE },
	[DSM_IN_EV_EVICT]	= { HAS_READ,		ANYWHERE },
	[DSM_IN_EV_TICK]	= { ANY,		ANYWHERE },
	[DSM_IN_EV_LOST]	= { ANY,		ANYWHERE },
	[DSM_IN_GET]		= { ANY,		HERE },
	[DSM_IN_FORWARD]	= { ANY,		ELSEWHERE },
	[DSM_IN_INVALIDATE]	= { NO_WRITE,		ELSEWHERE },
	[DSM_IN_INVAL_ACK]	= { ANY,		ANYWHERE },
	[DSM_IN_DATA]		= { HAS_NONE_PENDING,	ELSEWHERE | BUSY },
	[DSM_IN_GRANT]		= { PENDING,		ELSEWHERE },
	[DSM_IN_DONE]		= { ANY,		BUSY },
	[DSM_IN_REFUSE]		= { ANY,		ELSEWHERE | BUSY },
	[DSM_IN_RECOUNT]	= { NOT_READ,		ELSEWHERE },
};

enum dsm_cache_state dsm_cache_state(const struct dsm_page *pg)
{
	if (pg->state == DSM_WRITE)
		return DSM_CACHE_WRITE;
	if (pg->state == DSM_READ)
		return pg->want ? DSM_CACHE_READ_PENDING : DSM_CACHE_READ;
	return pg->want ? DSM_CACHE_NONE_PENDING : DSM_CACHE_NONE;
}

enum dsm_home_state dsm_home_state(const struct dsm_home *hm)
{
	if (!hm)
		return DSM_HOME_ABSENT;
	return hm->busy ? DSM_HOME_BUSY : DSM_HOME_IDLE;
}

enum dsm_input dsm_input_of(const struct dsm_event *ev)
{
	static const u8 of_event[DSM_EV_END] = {
		[DSM_EV_READ] = DSM_IN_EV_READ,
		[DSM_EV_WRITE] = DSM_IN_EV_WRITE,
		[DSM_EV_USED] = DSM_IN_EV_USED,
		[DSM_EV_EVICT] = DSM_IN_EV_EVICT,
		[DSM_EV_TICK] = DSM_IN_EV_TICK,
		[DSM_EV_LOST] = DSM_IN_EV_LOST,
	};

	if (ev->type == DSM_EV_RECV)
		return dsm_msg_is_protocol(ev->msg.type) ?
			DSM_IN_GET + (ev->msg.type - DSM_MSG_GET) : DSM_IN_END;
	return ev->type && ev->type < DSM_EV_END ? of_event[ev->type] :
						   DSM_IN_END;
}

static_assert(DSM_IN_FORWARD - DSM_IN_GET == DSM_MSG_FORWARD - DSM_MSG_GET);
static_assert(DSM_IN_RECOUNT - DSM_IN_GET == DSM_MSG_RECOUNT - DSM_MSG_GET);

bool dsm_table_legal(enum dsm_cache_state cache, enum dsm_home_state home,
		     enum dsm_input in)
{
	return table[in].cache >> cache & 1 && table[in].home >> home & 1;
}

const char *dsm_cache_state_name(enum dsm_cache_state state)
{
	static const char * const names[] = { DSM_CACHE_STATES(TABLE_NAME) };

	return state < DSM_CACHE_END ? names[state] : "?";
}

const char *dsm_home_state_name(enum dsm_home_state state)
{
	static const char * const names[] = { DSM_HOME_STATES(TABLE_NAME) };

	return state < DSM_HOME_END ? names[state] : "?";
}

const char *dsm_input_name(enum dsm_input in)
{
	static const char * const names[] = { DSM_INPUTS(TABLE_NAME) };

	return in < DSM_IN_END ? names[in] : "?";
}
