// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: setting the stage: pages whose home, owner and copies are known,
 * and the exchanges that they are compared with
 */
#include "bench.h"

/* Consecutive pages that share a home */
#define STRIPE		16

/*
 * More than the module reads ahead of what is touched: what is behind a set of
 * pages stays untouched.
 */
#define GAP		1024

/* Longer than pages are held, and than anything goes on afterwards */
#define SETTLE_MS	30

static uint32_t row(const struct bench *b)
{
	return STRIPE * b->mem.info.nodes;
}

/* Take the next pages, whole rows of all nodes' stripes. */
static uint64_t take(struct bench *b, uint64_t pages)
{
	uint64_t first = (b->next + row(b) - 1) / row(b) * row(b);

	b->next = first + pages + GAP;
	if (b->next > b->mem.info.size / PAGE)
		die("the memory is too small, or used up by earlier runs");
	return first;
}

/* The first page from @page on that has a certain home */
static uint64_t find_home(const struct bench *b, uint64_t page, uint32_t home)
{
	struct dsm_page_info info;
	uint64_t end = page + row(b);

	for (; page < end; page += STRIPE) {
		if (dsm_get_page(b->mem.fd, page * PAGE, &info))
			die("%s", dsm_error());
		if (info.home == home)
			return page;
	}
	die("no page's home is node %u", home);
}

/* Untouched pages of one home, @count rounded up to whole stripes */
struct pages stage_homed(struct bench *b, uint32_t home, uint32_t count)
{
	uint32_t stripes = (count + STRIPE - 1) / STRIPE;
	uint64_t first = take(b, (uint64_t)stripes * row(b));

	return (struct pages) {
		.first = find_home(b, first, home),
		.count = stripes * STRIPE,
		.run = STRIPE,
		.stride = row(b),
	};
}

/* Untouched pages that follow each other, of all homes in turns */
struct pages stage_row(struct bench *b, uint32_t count)
{
	return (struct pages) {
		.first = take(b, count),
		.count = count,
		.run = count,
		.stride = count,
	};
}

static struct peer *find_peer(struct bench *b, uint32_t node)
{
	unsigned int i;

	for (i = 0; i < b->nr_peers; i++) {
		if (b->peers[i].node == node)
			return &b->peers[i];
	}
	die("no node %u", node);
}

/* Have a node, this one or another, touch all pages once. */
void stage_touch(struct bench *b, uint32_t node, const struct pages *set,
		 enum touch how)
{
	const struct request rq = {
		.op = OP_TOUCH,
		.pages = *set,
		.how = how,
	};

	if (node == b->mem.info.node)
		pages_touch(&b->mem, set, how);
	else
		peer_call(find_peer(b, node), &rq);
}

/* Make sure that all pages are at a node as the measure needs them. */
void stage_expect(struct bench *b, uint32_t node, const struct pages *set,
		  uint32_t state, uint32_t owner)
{
	const struct request rq = {
		.op = OP_EXPECT,
		.pages = *set,
		.state = state,
		.owner = owner,
	};
	char text[TEXT_CHARS];

	if (node != b->mem.info.node)
		peer_call(find_peer(b, node), &rq);
	else if (!pages_are(&b->mem, set, state, owner, text))
		die("%s", text);
}

/* Until no page is held any more, and all is quiet */
void stage_settle(void)
{
	pause_ms(SETTLE_MS);
}

/* Pages of a home that another node, or the same, owns; they were here once. */
struct pages stage_owned(struct bench *b, uint32_t home, uint32_t owner,
			 uint32_t count)
{
	struct pages set = stage_homed(b, home, count);

	stage_touch(b, owner, &set, TOUCH_STORE);
	stage_touch(b, b->mem.info.node, &set, TOUCH_LOAD);
	stage_touch(b, owner, &set, TOUCH_STORE);
	stage_settle();
	stage_expect(b, owner, &set, DSM_PAGE_READ_WRITE, DSM_NODE_NONE);
	stage_expect(b, home, &set, home == owner ? DSM_PAGE_READ_WRITE :
						    DSM_PAGE_NONE, owner);
	stage_expect(b, b->mem.info.node, &set, DSM_PAGE_NONE, DSM_NODE_NONE);
	return set;
}

/* Plain exchanges with another node's server */
void stage_exchange(struct peer *p, size_t out, size_t in, uint64_t count,
		    struct samples *s)
{
	const struct request rq = {
		.op = OP_ANSWER,
		.in = out,
		.out = in,
		.count = count,
	};

	if (!wire_send(p->data, &rq, sizeof(rq)) ||
	    !wire_ask(p->data, out, in, count, s))
		die("node %u: its server is gone", p->node);
}

/*
 * As many bytes as so many pages have, in one stream from another node; the
 * sample is the time of one page.
 */
void stage_stream(struct peer *p, uint32_t pages, struct samples *s)
{
	const struct request rq = {
		.op = OP_POUR,
		.out = (uint64_t)pages * PAGE,
	};
	uint64_t begun = now_ns();

	if (!wire_send(p->data, &rq, sizeof(rq)) ||
	    !wire_drain(p->data, rq.out))
		die("node %u: its server is gone", p->node);
	samples_add(s, (now_ns() - begun) / pages);
}
