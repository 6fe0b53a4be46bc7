// SPDX-License-Identifier: GPL-2.0-only
/*
 * Worlds as bytes: settled, and with those names of nodes that give the least.
 * One description of the format serves both directions.
 */
#include "explore.h"

/* Bits of the largest of each kind of number. */
enum {
	NODE_BITS	= 3,
	RIGHT_BITS	= 2,
	VERSION_BITS	= 4,
	SERIAL_BITS	= 4,
	NR_BITS		= 3,
	ACKS_BITS	= 4,
	TYPE_BITS	= 4,
};

/* No node, in so few bits. */
#define NO_NODE		((1 << NODE_BITS) - 1)

/* A string of bits, written or read. */
struct bits {
	u8 *bytes;
	bool read;
	u32 at;
	u64 word;
	u32 used;
};

/* Words are 32 bits: what is left of one and a number fit into 64. */
static void flush(struct bits *b)
{
	u32 word = b->word;

	if (b->at + sizeof(word) > PACK_MAX)
		explore_fail("a world has too many bytes");
	memcpy(b->bytes + b->at, &word, sizeof(word));
	b->at += sizeof(word);
	b->word >>= 32;
	b->used -= 32;
}

static void refill(struct bits *b)
{
	u32 word;

	memcpy(&word, b->bytes + b->at, sizeof(word));
	b->at += sizeof(word);
	b->word |= (u64)word << b->used;
	b->used += 32;
}

static inline u64 bits(struct bits *b, u64 value, u32 width)
{
	if (b->read) {
		if (b->used < width)
			refill(b);
		value = b->word & ((1ULL << width) - 1);
		b->word >>= width;
		b->used -= width;
		return value;
	}
	if (value >> width)
		explore_fail("%llu does not fit into %u bits",
			     (unsigned long long)value, width);
	b->word |= value << b->used;
	b->used += width;
	if (b->used >= 32)
		flush(b);
	return value;
}

#define BITS(b, field, width)	((field) = bits(b, field, width))

static void bits_node(struct bits *b, u16 *node)
{
	u64 n = bits(b, *node == DSM_NO_NODE ? NO_NODE : *node, NODE_BITS);

	*node = n == NO_NODE ? DSM_NO_NODE : n;
}

/* A moment, by what it is and what it is otherwise. */
static void bits_time(struct bits *b, u64 *time, u64 one, u64 other)
{
	*time = bits(b, *time == one, 1) ? one : other;
}

static void bits_msg(struct bits *b, struct dsm_msg *msg)
{
	BITS(b, msg->type, TYPE_BITS);
	if (!msg->type)
		return;
	BITS(b, msg->access, RIGHT_BITS);
	BITS(b, msg->flags, 4);
	BITS(b, msg->status, 2);
	bits_node(b, &msg->requester);
	BITS(b, msg->acks, NR_BITS);
	BITS(b, msg->serial, SERIAL_BITS);
	BITS(b, msg->version, VERSION_BITS);
}

static void bits_slot(struct bits *b, struct slot *s, u64 page)
{
	struct dsm_page *pg = &s->core;
	u64 acks = pg->acks_left + EXPLORE_NODES;

	BITS(b, pg->state, RIGHT_BITS);
	BITS(b, pg->want, RIGHT_BITS);
	BITS(b, pg->granted, RIGHT_BITS);
	BITS(b, acks, ACKS_BITS);
	pg->acks_left = (int)acks - EXPLORE_NODES;
	BITS(b, pg->counted, 1);
	BITS(b, pg->acks_version, VERSION_BITS);
	BITS(b, pg->serial, SERIAL_BITS);
	BITS(b, pg->clean, 1);
	BITS(b, pg->final, 1);
	BITS(b, pg->owned, 1);
	BITS(b, pg->dirty, 1);
	BITS(b, pg->fresh, 1);
	BITS(b, pg->version, VERSION_BITS);
	bits_time(b, &pg->hold_until, EXPLORE_TO_COME, EXPLORE_PAST);
	bits_msg(b, &pg->deferred);
	if (pg->deferred.type) {
		pg->deferred.page = page;
		bits_time(b, &pg->deferred_since, EXPLORE_NOW, EXPLORE_PAST);
	}
	BITS(b, s->mapped, RIGHT_BITS);
	BITS(b, s->timer, 2);
	BITS(b, s->latest, 1);
}

static void bits_directory(struct bits *b, struct directory *d)
{
	struct dsm_home *hm = &d->core;
	u16 i;

	bits_node(b, &hm->owner);
	BITS(b, hm->busy, RIGHT_BITS);
	bits_node(b, &hm->requester);
	bits_node(b, &hm->source);
	if (hm->busy) {
		BITS(b, hm->upgrade, 1);
		BITS(b, hm->asked, 1);
		BITS(b, hm->serial, SERIAL_BITS);
		BITS(b, hm->recounts, NR_BITS);
		BITS(b, d->inval[0], EXPLORE_NODES);
	}
	bits_node(b, &hm->last_reader);
	BITS(b, hm->migratory, 2);
	BITS(b, hm->version, VERSION_BITS);
	BITS(b, d->copyset[0], EXPLORE_NODES);
	BITS(b, hm->queue_len, NR_BITS);
	for (i = 0; i < hm->queue_len; i++)
		BITS(b, d->queue[i], EXPLORE_QUEUE_SERIAL + SERIAL_BITS);
}

static void bits_channel(struct bits *b, struct channel *c)
{
	u32 i;

	BITS(b, c->nr, NR_BITS);
	for (i = 0; i < c->nr; i++) {
		struct letter *l = &c->letters[i];
		u64 page = l->msg.page / DSM_STRIPE_PAGES;

		bits_msg(b, &l->msg);
		if (explore.pages > 1)
			BITS(b, page, 1);
		l->msg.page = page * DSM_STRIPE_PAGES;
		if (l->msg.type == DSM_MSG_DATA)
			BITS(b, l->latest, 1);
	}
}

static void bits_world(struct bits *b, struct world *w)
{
	u32 i, j, p;

	if (explore.lose) {
		BITS(b, w->dead, EXPLORE_NODES);
		for (i = 0; i < explore.nodes; i++)
			BITS(b, w->lost[i], EXPLORE_NODES);
	}
	for (p = 0; p < explore.pages; p++) {
		BITS(b, w->written[p], 1);
		for (i = 0; i < explore.nodes; i++)
			if (shell_alive(w, i))
				bits_slot(b, &w->slots[i][p], shell_page(p));
		if (shell_alive(w, shell_home(p)))
			bits_directory(b, &w->homes[p]);
	}
	for (i = 0; i < explore.nodes; i++)
		for (j = 0; j < explore.nodes; j++)
			if (i != j && shell_alive(w, j))
				bits_channel(b, &w->channels[i][j]);
}

static void write_out(struct world *w, struct pack *p)
{
	struct bits b = { .bytes = p->bytes };

	bits_world(&b, w);
	p->len = b.at + (b.used + 7) / 8;
	b.used = 32;
	flush(&b);
}

static int compare(const struct pack *a, const struct pack *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->len);
}

static void keep_names(struct pack *p, const u8 *to)
{
	u32 i;

	for (i = 0; i < explore.nodes; i++)
		p->names[to[i]] = i;
}

/* Of all names that nodes may have, those that give the least bytes. */
void pack(const struct world *w, struct pack *p)
{
	struct world settled = *w, other;
	struct pack q;
	u32 i;

	settle(&settled);
	write_out(&settled, p);
	keep_names(p, names_order(0));
	for (i = 1; i < names_nr(); i++) {
		names_change(&settled, names_order(i), &other);
		write_out(&other, &q);
		if (compare(&q, p) < 0) {
			*p = q;
			keep_names(p, names_order(i));
		}
	}
}

void unpack(const u8 *bytes, u32 len, struct world *w)
{
	struct bits b = { .read = true };
	u8 copy[PACK_MAX + sizeof(u32)] = { 0 };

	memcpy(copy, bytes, len);
	b.bytes = copy;
	shell_init(w);
	bits_world(&b, w);
}

static bool same_messages(const struct channel *a, const struct channel *b)
{
	u32 i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->letters[i].latest != b->letters[i].latest ||
		    memcmp(&a->letters[i].msg, &b->letters[i].msg,
			   sizeof(struct dsm_msg)))
			return false;
	return true;
}

static bool same_pages(const struct world *a, const struct world *b)
{
	return !memcmp(a->slots, b->slots, sizeof(a->slots)) &&
	       !memcmp(a->homes, b->homes, sizeof(a->homes));
}

/* Whether all that counts of a world comes back from its bytes. */
bool pack_keeps(const struct world *w)
{
	struct world before = *w, after;
	struct pack p;
	u32 i, j;

	settle(&before);
	write_out(&before, &p);
	unpack(p.bytes, p.len, &after);
	for (i = 0; i < explore.pages; i++)
		settle_directory(&after.homes[i]);
	for (i = 0; i < explore.nodes; i++)
		for (j = 0; j < explore.nodes; j++)
			if (!same_messages(&before.channels[i][j],
					   &after.channels[i][j]))
				return false;
	return same_pages(&before, &after) &&
	       !memcmp(before.lost, after.lost, sizeof(before.lost)) &&
	       before.dead == after.dead;
}

/* Whether pages that rest and are taken up again are as if they had not. */
bool pack_rests(const struct world *w)
{
	struct world before = *w, after;

	settle(&before);
	after = before;
	shell_rest(&after);
	settle(&after);
	return same_pages(&before, &after);
}
