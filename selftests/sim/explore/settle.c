// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of worlds that the core cannot tell apart, now or later, one is kept; that
 * makes their number finite. What is left out, and why the core cannot see it:
 *
 * Time: the core only asks whether the hold time (hold_until) is over, and,
 *	of a page in use, whether DSM_IN_USE_MAX_US have passed since
 *	deferred_since. So each is to come or past, and a move of its own (AGE,
 *	OUTLAST) changes that, at any moment. Real clocks allow fewer worlds,
 *	never others. deferred_since is looked at only after hold_until, hence
 *	OUTLAST after AGE loses nothing.
 * Versions: the core compares them with each other and with 0, and adds 1 only
 *	to the home's. None is greater than that sum (the judge sees to it). It
 *	also asks how far one is behind that sum, up to dsm_home.recounts. So
 *	their order is all that counts, with 0 and these few kept apart: they
 *	are numbered by rank.
 * Serials: the core asks whether two that are about the same requester are the
 *	same, and makes one that is newer than all. They are numbered by age.
 *	(It would take 65,536 requests while a message is on its way to mix them
 *	up.)
 * Names of nodes, but for homes: the handlers treat all the same, except that
 *	home.c takes the lowest of several heirs to a lost owner. So only worlds
 *	that lose nobody count as one when nodes trade names.
 * dsm_page.error: for the shell, the core never reads it.
 * dsm_page.clean and .final before there is a grant, .dirty without write
 * permission, .hold_until without a copy, .deferred_since with nothing put off,
 * dsm_home.asked, .inval, .recounts and .serial while idle, the ring's head:
 *	written before they are read again.
 * The bytes of a page without a copy, unless its DATA has come and
 *	acknowledgements have not: they count as old.
 *
 * Whatever else there is has to survive the way into bytes and back, which
 * pack_keeps() tries with every world: a new field in the core's structures
 * cannot be overlooked here.
 */
#include "explore.h"

/* Different versions of one page in one world. */
#define VERSIONS	15

/* The newest serial of a node's requests for a page. */
#define SERIAL		14

static void settle_slot(struct slot *s)
{
	struct dsm_page *pg = &s->core;

	pg->error = DSM_STATUS_OK;
	if (!pg->deferred.type) {
		memset(&pg->deferred, 0, sizeof(pg->deferred));
		pg->deferred_since = 0;
	}
	if (!pg->granted) {
		pg->clean = false;
		pg->final = false;
	}
	if (pg->state != DSM_WRITE)
		pg->dirty = false;
	if (pg->state == DSM_NONE && !pg->granted)
		s->latest = false;
	if (pg->hold_until <= EXPLORE_NOW ||
	    (pg->state == DSM_NONE && !pg->deferred.type))
		pg->hold_until = EXPLORE_PAST;
	else
		pg->hold_until = EXPLORE_TO_COME;
}

/* Leaves no pointers, so that entries compare. */
void settle_directory(struct directory *d)
{
	struct dsm_home *hm = &d->core;
	u32 queue[EXPLORE_NODES];
	u16 i;

	if (!hm->busy) {
		hm->asked = false;
		hm->serial = 0;
		hm->recounts = 0;
		d->inval[0] = 0;
	}
	for (i = 0; i < hm->queue_len; i++)
		queue[i] = d->queue[(hm->queue_head + i) % explore.nodes];
	memset(d->queue, 0, sizeof(d->queue));
	memcpy(d->queue, queue, hm->queue_len * sizeof(*queue));
	hm->queue_head = 0;
	hm->copyset = NULL;
	hm->inval = NULL;
	hm->queue = NULL;
}

/* Call @visit for every version of a page. */
static void each_version(struct world *w, u32 page, u64 *list,
			 void (*visit)(u64 *list, u64 *version))
{
	u32 i, j, k;

	if (shell_alive(w, shell_home(page)))
		visit(list, &w->homes[page].core.version);
	for (i = 0; i < explore.nodes; i++) {
		visit(list, &w->slots[i][page].core.version);
		visit(list, &w->slots[i][page].core.acks_version);
		if (w->slots[i][page].core.deferred.type)
			visit(list, &w->slots[i][page].core.deferred.version);
		for (j = 0; j < explore.nodes; j++) {
			struct channel *c = &w->channels[i][j];

			for (k = 0; k < c->nr; k++)
				if (c->letters[k].msg.page == shell_page(page))
					visit(list, &c->letters[k].msg.version);
		}
	}
}

/* Versions are few: keep them sorted, the first is 0. */
static void collect(u64 *list, u64 *version)
{
	u32 i = 0, j;

	while (list[i] < *version)
		i++;
	if (list[i] == *version)
		return;
	if (list[VERSIONS - 1] != ~0ULL)
		explore_fail("more than %u versions", VERSIONS);
	for (j = VERSIONS - 1; j > i; j--)
		list[j] = list[j - 1];
	list[i] = *version;
}

static void rank(u64 *list, u64 *version)
{
	u32 i = 0;

	while (list[i] < *version)
		i++;
	*version = i;
}

static void settle_versions(struct world *w, u32 page)
{
	const struct dsm_home *hm = &w->homes[page].core;
	u64 list[VERSIONS + 1], version;
	u16 i;

	memset(list, 0xff, sizeof(list));
	list[0] = 0;
	for (i = 0; i < hm->recounts; i++) {
		version = hm->version - i;
		collect(list, &version);
	}
	each_version(w, page, list, collect);
	each_version(w, page, list, rank);
}

/* Call @visit for every serial of a node's requests for a page. */
static void each_serial(struct world *w, u32 page, u16 node, u32 *seen,
			void (*visit)(u32 *seen, u16 *serial))
{
	struct directory *d = &w->homes[page];
	u32 i, j, k;
	u16 serial;

	if (shell_alive(w, node))
		visit(seen, &w->slots[node][page].core.serial);
	if (d->core.busy && d->core.requester == node)
		visit(seen, &d->core.serial);
	for (i = 0; i < d->core.queue_len; i++) {
		if (d->queue[i] % DSM_NODE_LIMIT != node)
			continue;
		serial = d->queue[i] >> EXPLORE_QUEUE_SERIAL;
		visit(seen, &serial);
		d->queue[i] %= 1U << EXPLORE_QUEUE_SERIAL;
		d->queue[i] |= (u32)serial << EXPLORE_QUEUE_SERIAL;
	}
	for (i = 0; i < explore.nodes; i++) {
		struct dsm_msg *put_off = &w->slots[i][page].core.deferred;

		if (put_off->type && put_off->requester == node)
			visit(seen, &put_off->serial);
		for (j = 0; j < explore.nodes; j++) {
			struct channel *c = &w->channels[i][j];

			for (k = 0; k < c->nr; k++)
				if (c->letters[k].msg.page ==
				    shell_page(page) &&
				    c->letters[k].msg.requester == node)
					visit(seen, &c->letters[k].msg.serial);
		}
	}
}

/* They are small numbers, as they are numbered anew after each move. */
static void see(u32 *seen, u16 *serial)
{
	if (*serial > SERIAL + 1)
		explore_fail("serial %u comes from nowhere", *serial);
	*seen |= 1U << *serial;
}

static void number(u32 *seen, u16 *serial)
{
	*serial = SERIAL - __builtin_popcount(*seen >> *serial >> 1);
}

static void settle_serials(struct world *w, u32 page)
{
	u32 i, seen;

	for (i = 0; i < explore.nodes; i++) {
		seen = 0;
		each_serial(w, page, i, &seen, see);
		each_serial(w, page, i, &seen, number);
	}
}

void settle(struct world *w)
{
	u32 i, p;

	for (p = 0; p < explore.pages; p++) {
		for (i = 0; i < explore.nodes; i++)
			settle_slot(&w->slots[i][p]);
		settle_directory(&w->homes[p]);
		settle_versions(w, p);
		settle_serials(w, p);
	}
}
