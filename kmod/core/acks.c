// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting the acknowledgements that a request waits for.
 *
 * They may come before the message that says how many there will be. The
 * version tells those of one transaction from those of another, and those of a
 * recount from the ones before: as soon as a later version is heard of, only
 * that one counts.
 */
#include "step.h"

void dsm_acks_forget(struct dsm_page *pg)
{
	pg->counted = false;
	pg->acks_left = 0;
	pg->acks_version = 0;
}

static void begin(struct dsm_page *pg, u64 version)
{
	if (pg->acks_version >= version)
		return;
	dsm_acks_forget(pg);
	pg->acks_version = version;
}

/**
 * dsm_acks_expect - a message says how many there will be
 * @pg:		the page
 * @version:	of the acknowledgements
 * @nr:		how many
 *
 * Return: false, and nothing is changed, if that cannot be: they are of the
 * past, were announced already, or more than these are here.
 */
bool dsm_acks_expect(struct dsm_page *pg, u64 version, u16 nr)
{
	if (version < pg->acks_version)
		return false;
	if (version == pg->acks_version &&
	    (pg->counted || pg->acks_left + nr < 0))
		return false;

	begin(pg, version);
	pg->counted = true;
	pg->acks_left += nr;
	return true;
}

/**
 * dsm_acks_take - one is here
 * @pg:		the page
 * @version:	its version
 * @limit:	how many there can be at most
 *
 * Return: of enum dsm_verdict; nothing is changed unless it is %DSM_OK.
 */
enum dsm_verdict dsm_acks_take(struct dsm_page *pg, u64 version, u16 limit)
{
	if (version < pg->acks_version)
		return DSM_STALE;
	if (version == pg->acks_version &&
	    pg->acks_left <= (pg->counted ? 0 : -limit))
		return DSM_PROTO;

	begin(pg, version);
	pg->acks_left--;
	return DSM_OK;
}
