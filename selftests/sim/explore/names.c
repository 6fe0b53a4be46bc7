// SPDX-License-Identifier: GPL-2.0-only
/* The same world with other names for its nodes. */
#include "explore.h"

static u8 orders[24][EXPLORE_NODES];
static u32 nr_orders;

static u16 renamed(u16 node, const u8 *to)
{
	return node == DSM_NO_NODE ? node : to[node];
}

static u64 renamed_set(u64 set, const u8 *to)
{
	u64 renamed = 0;
	u16 node;

	dsm_set_for_each(node, &set, 1)
		dsm_set_add(&renamed, to[node]);
	return renamed;
}

static void rename_directory(struct directory *d, const u8 *to)
{
	struct dsm_home *hm = &d->core;
	u16 i;

	hm->owner = renamed(hm->owner, to);
	hm->requester = renamed(hm->requester, to);
	hm->source = renamed(hm->source, to);
	hm->last_reader = renamed(hm->last_reader, to);
	d->copyset[0] = renamed_set(d->copyset[0], to);
	d->inval[0] = renamed_set(d->inval[0], to);
	for (i = 0; i < hm->queue_len; i++)
		d->queue[i] = (d->queue[i] & ~(DSM_NODE_LIMIT - 1)) |
			      to[d->queue[i] % DSM_NODE_LIMIT];
}

/* @r becomes @w with each node under another name. Nobody is dead. */
void names_change(const struct world *w, const u8 *to, struct world *r)
{
	u32 i, j, k, p;

	r->dead = 0;
	memset(r->lost, 0, sizeof(r->lost));
	memcpy(r->written, w->written, sizeof(r->written));
	memcpy(r->homes, w->homes, sizeof(r->homes));
	for (p = 0; p < explore.pages; p++)
		rename_directory(&r->homes[p], to);
	for (i = 0; i < explore.nodes; i++) {
		memcpy(r->slots[to[i]], w->slots[i], sizeof(w->slots[i]));
		for (p = 0; p < explore.pages; p++) {
			struct dsm_msg *msg = &r->slots[to[i]][p].core.deferred;

			msg->requester = renamed(msg->requester, to);
		}
		for (j = 0; j < explore.nodes; j++) {
			const struct channel *c = &w->channels[i][j];
			struct channel *d = &r->channels[to[i]][to[j]];

			d->nr = c->nr;
			for (k = 0; k < c->nr; k++) {
				struct letter *l = &d->letters[k];

				*l = c->letters[k];
				l->msg.requester =
					renamed(l->msg.requester, to);
			}
		}
	}
}

/* All orders of the nodes from @first on. */
static void permute(u8 *order, u32 first)
{
	u32 i;

	if (first == explore.nodes) {
		memcpy(orders[nr_orders++], order, EXPLORE_NODES);
		return;
	}
	for (i = first; i < explore.nodes; i++) {
		u8 node = order[first];

		order[first] = order[i];
		order[i] = node;
		permute(order, first + 1);
		order[i] = order[first];
		order[first] = node;
	}
}

/* The homes keep their names. */
void names_init(void)
{
	u8 order[EXPLORE_NODES] = { 0, 1, 2, 3 };

	permute(order, explore.symmetry && !explore.lose ? explore.pages :
							   explore.nodes);
}

/* In how many ways the nodes can be named; the first changes nothing. */
u32 names_nr(void)
{
	return nr_orders;
}

/* Return: by name, the new name. */
const u8 *names_order(u32 i)
{
	return orders[i];
}
