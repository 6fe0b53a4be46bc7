// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events out of bytes. Messages speak of nodes and versions in terms of what
 * the node expects, or the fuzzer would look for matching numbers all the time;
 * any other number can be had as well.
 */
#include "fuzz_step.h"

/* What the low four bits of an event's first byte say. */
enum {
	KIND_LOCAL	= 0,	/* five of them, in the order below */
	KIND_LOST	= 5,
	KIND_MESSAGE	= 6,	/* nine of them, in the order of their types */
	KIND_ODD	= 15,
};

u8 events_byte(struct fuzz_input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static u16 pick_node(const struct fuzz_node *n, u8 byte)
{
	static const u16 odd[] = {
		DSM_NO_NODE, DSM_NODE_LIMIT - 1, DSM_NODE_LIMIT, 0x8000,
	};

	if (byte < 0xe0)
		return n->core.members.ids[byte % n->core.members.nr];
	switch (byte & 7) {
	case 0:
		return n->core.self;
	case 1:
		return n->home_id;
	case 2:
		return n->home ? n->home->owner : n->home_id;
	case 3:
		return n->home ? n->home->requester : n->home_id;
	case 4:
		return n->home ? n->home->source : n->home_id;
	case 5:
		return n->page.deferred.requester;
	}
	return odd[byte >> 3 & 3];
}

static u64 pick_version(const struct fuzz_node *n, u8 byte)
{
	switch (byte & 7) {
	case 0:
		return n->page.version;
	case 1:
		return n->page.version + 1;
	case 2:
		return n->home ? n->home->version : n->page.version + 2;
	case 3:
		return n->home ? n->home->version + 1 : n->page.version + 3;
	case 4:
		return n->page.version - 1;
	case 5:
		return 0;
	case 6:
		return ~0ULL;
	}
	return 1ULL << (byte >> 3);
}

static u16 pick_acks(const struct fuzz_node *n, u8 byte)
{
	u8 acks = byte >> 3;

	switch (acks) {
	case 28:
		return n->core.members.nr - 1;
	case 29:
		return n->core.members.nr;
	case 30:
		return 0xffff;
	case 31:
		return n->page.acks_left < 0 ? -n->page.acks_left : 1;
	}
	return acks;
}

/* The serial that the node expects, if the byte does not say otherwise */
static u16 pick_serial(const struct fuzz_node *n, u8 type, u8 byte)
{
	if (byte >= 0xe0)
		return byte * 257;
	if (n->home && (type == DSM_MSG_DONE || type == DSM_MSG_REFUSE))
		return n->home->serial;
	return type == DSM_MSG_GET ? byte : n->page.serial;
}

static void make_message(struct fuzz_input *in, const struct fuzz_node *n,
			 u8 type, struct dsm_event *ev)
{
	u8 small, numbers;

	ev->type = DSM_EV_RECV;
	ev->from = pick_node(n, events_byte(in));
	small = events_byte(in);
	ev->msg = (struct dsm_msg) {
		.type = type,
		.access = small & 3,
		.flags = small >> 2 & 7,
		.status = small >> 5 & 3,
		.requester = pick_node(n, events_byte(in)),
		.page = n->number,
	};
	/* The status that is none stands for the fourth flag. */
	if (ev->msg.status == DSM_STATUS_END) {
		ev->msg.status = DSM_STATUS_OK;
		ev->msg.flags |= DSM_MSG_FINAL;
	}
	numbers = events_byte(in);
	ev->msg.version = pick_version(n, numbers);
	ev->msg.acks = pick_acks(n, numbers);
	ev->msg.serial = pick_serial(n, type, events_byte(in));
	if (small & 0x80)
		ev->msg.requester = type == DSM_MSG_GET ||
				    type == DSM_MSG_DONE ? ev->from :
							   n->core.self;
}

/* Types that are none, and pages that are not this one or beyond the last */
static void make_odd(struct fuzz_input *in, const struct fuzz_node *n,
		     struct dsm_event *ev)
{
	u8 type = events_byte(in);

	if (type & 1) {
		make_message(in, n, type >> 1, ev);
		ev->msg.page ^= events_byte(in) & 1;
		return;
	}
	ev->type = type >> 1;
	if (ev->type < DSM_EV_END)
		ev->page = n->core.pages + events_byte(in);
}

/* Time goes on by itself, or until the timer is due. */
static u64 pick_time(const struct fuzz_node *n, u8 byte)
{
	static const u32 later[] = {
		0, 1, DSM_POLL_US, 1000, DSM_GRACE_US, DSM_IN_USE_MAX_US,
	};
	u8 i = byte >> 4 & 7;

	if (i < ARRAY_SIZE(later))
		return n->now + later[i];
	return n->armed && n->timer > n->now ? n->timer : n->now;
}

/**
 * events_next() - the next event, if the input has one that the shell could
 * bring: it never says that a node is lost twice, or that this one is.
 */
bool events_next(struct fuzz_input *in, const struct fuzz_node *n,
		 struct dsm_event *ev)
{
	static const u8 local[] = {
		DSM_EV_READ, DSM_EV_WRITE, DSM_EV_USED, DSM_EV_EVICT,
		DSM_EV_TICK,
	};
	const struct dsm_members *m = &n->core.members;
	u8 first, kind;

	if (!in->size)
		return false;
	first = events_byte(in);
	kind = first & 15;
	*ev = (struct dsm_event) {
		.in_use = first & 0x80,
		.pinned = (first & 0xf0) == 0xf0,
		.hold_us = n->hold_us,
		.now = pick_time(n, first),
		.page = n->number,
	};

	if (kind < KIND_LOST) {
		ev->type = local[kind - KIND_LOCAL];
	} else if (kind == KIND_LOST) {
		ev->type = DSM_EV_LOST;
		ev->from = m->ids[events_byte(in) % m->nr];
		if (ev->from == n->core.self ||
		    dsm_member_is_lost(m, ev->from))
			ev->type = DSM_EV_TICK;
	} else if (kind < KIND_ODD) {
		make_message(in, n, DSM_MSG_GET + kind - KIND_MESSAGE, ev);
	} else {
		make_odd(in, n, ev);
	}
	return true;
}
