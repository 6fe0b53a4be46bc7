// SPDX-License-Identifier: GPL-2.0-only
/* Those that wait for a page at its home, in order of arrival. */
#include "step.h"

/* A request: node id, access, "has a copy" and serial in one word. */
enum {
	QUEUE_NODE	= DSM_NODE_LIMIT - 1,
	QUEUE_ACCESS	= 10,
	QUEUE_HAVE	= 1 << 12,
	QUEUE_SERIAL	= 16,
};

static_assert(1 << QUEUE_ACCESS == DSM_NODE_LIMIT);

static u32 *slot(const struct dsm_ctx *x, u16 i)
{
	return &x->hm->queue[(x->hm->queue_head + i) % x->c->members.nr];
}

bool dsm_queue_has(const struct dsm_ctx *x, u16 node)
{
	u16 i;

	for (i = 0; i < x->hm->queue_len; i++)
		if ((*slot(x, i) & QUEUE_NODE) == node)
			return true;
	return false;
}

void dsm_queue_add(struct dsm_ctx *x, const struct dsm_request *rq)
{
	x->hm->queue_len++;
	*slot(x, x->hm->queue_len - 1) =
		rq->node | rq->access << QUEUE_ACCESS |
		(rq->have ? QUEUE_HAVE : 0) | (u32)rq->serial << QUEUE_SERIAL;
}

struct dsm_request dsm_queue_first(const struct dsm_ctx *x)
{
	u32 word = *slot(x, 0);

	return (struct dsm_request) {
		.node = word & QUEUE_NODE,
		.serial = word >> QUEUE_SERIAL,
		.access = word >> QUEUE_ACCESS & 3,
		.have = word & QUEUE_HAVE,
	};
}

struct dsm_request dsm_queue_pop(struct dsm_ctx *x)
{
	struct dsm_request rq = dsm_queue_first(x);

	x->hm->queue_head = (x->hm->queue_head + 1) % x->c->members.nr;
	x->hm->queue_len--;
	return rq;
}

void dsm_queue_remove(struct dsm_ctx *x, u16 node)
{
	u16 i, kept = 0;

	for (i = 0; i < x->hm->queue_len; i++) {
		u32 word = *slot(x, i);

		if ((word & QUEUE_NODE) != node)
			*slot(x, kept++) = word;
	}
	x->hm->queue_len = kept;
}
