// SPDX-License-Identifier: GPL-2.0-only
/* Encoding, decoding and checking of frames. */
#include "wire.h"

struct wire_header {
	__le32 magic;
	u8 type;
	u8 access;
	u8 flags;
	u8 status;
	__le32 length;
	__le32 epoch;
	__le64 session;
	__le64 seq;
	__le64 ack;
	__le64 page;
	__le64 version;
	__le16 requester;
	__le16 acks;
	__le16 serial;
	__le16 reserved;
};

static_assert(sizeof(struct wire_header) == DSM_WIRE_BYTES);

struct wire_hello {
	__le16 version;
	__le16 from;
	__le16 to;
	__le16 nodes;
	__le32 page_size;
	__le32 block_size;
	__le32 epoch;
	__le32 refusal;
	__le64 size;
	__le64 base;
	__le64 members;
	__le64 generation;
	__le64 peer_generation;
	__le64 received;
	u8 cluster[DSM_CLUSTER_BYTES];
	__le64 reserved[2];
};

static_assert(sizeof(struct wire_hello) == DSM_HELLO_BYTES);

/* How long a type's payload is: from @min to @max bytes, or one block. */
struct wire_type {
	const char *name;
	u32 min;
	u32 max;
	bool block;
};

static const struct wire_type wire_types[DSM_MSG_END] = {
	[DSM_MSG_GET]		= { .name = "GET" },
	[DSM_MSG_FORWARD]	= { .name = "FORWARD" },
	[DSM_MSG_INVALIDATE]	= { .name = "INVALIDATE" },
	[DSM_MSG_INVAL_ACK]	= { .name = "INVAL_ACK" },
	[DSM_MSG_DATA]		= { .name = "DATA", .block = true },
	[DSM_MSG_GRANT]		= { .name = "GRANT" },
	[DSM_MSG_DONE]		= { .name = "DONE" },
	[DSM_MSG_REFUSE]	= { .name = "REFUSE" },
	[DSM_MSG_RECOUNT]	= { .name = "RECOUNT" },
	[DSM_MSG_HELLO]		= { .name = "HELLO", .min = DSM_HELLO_BYTES,
				    .max = DSM_HELLO_BYTES },
	[DSM_MSG_ACK]		= { .name = "ACK" },
	[DSM_MSG_PING]		= { .name = "PING",
				    .max = DSM_PING_PAYLOAD_MAX },
	[DSM_MSG_PONG]		= { .name = "PONG",
				    .max = DSM_PING_PAYLOAD_MAX },
};

static const struct wire_type *type_of(u8 type)
{
	if (type >= DSM_MSG_END || !wire_types[type].name)
		return NULL;
	return &wire_types[type];
}

const char *dsm_wire_type_name(u8 type)
{
	const struct wire_type *t = type_of(type);

	return t ? t->name : "?";
}

void dsm_wire_encode(const struct dsm_frame *f, u8 *buf)
{
	const struct wire_header w = {
		.magic = __cpu_to_le32(DSM_WIRE_MAGIC),
		.type = f->msg.type,
		.access = f->msg.access,
		.flags = f->msg.flags,
		.status = f->msg.status,
		.length = __cpu_to_le32(f->length),
		.epoch = __cpu_to_le32(f->epoch),
		.session = __cpu_to_le64(f->session),
		.seq = __cpu_to_le64(f->seq),
		.ack = __cpu_to_le64(f->ack),
		.page = __cpu_to_le64(f->msg.page),
		.version = __cpu_to_le64(f->msg.version),
		.requester = __cpu_to_le16(f->msg.requester),
		.acks = __cpu_to_le16(f->msg.acks),
		.serial = __cpu_to_le16(f->msg.serial),
	};

	memcpy(buf, &w, sizeof(w));
}

int dsm_wire_decode(const u8 *buf, u32 block_size, struct dsm_frame *f)
{
	const struct wire_type *t;
	struct wire_header w;
	u32 min, max;

	memcpy(&w, buf, sizeof(w));
	t = type_of(w.type);
	if (w.magic != __cpu_to_le32(DSM_WIRE_MAGIC) || !t || w.reserved)
		return -EPROTO;
	if (w.access > DSM_WRITE || w.flags & ~DSM_MSG_FLAGS ||
	    w.status >= DSM_STATUS_END)
		return -EPROTO;

	f->length = __le32_to_cpu(w.length);
	f->epoch = __le32_to_cpu(w.epoch);
	f->session = __le64_to_cpu(w.session);
	f->seq = __le64_to_cpu(w.seq);
	f->ack = __le64_to_cpu(w.ack);
	f->msg.type = w.type;
	f->msg.access = w.access;
	f->msg.flags = w.flags;
	f->msg.status = w.status;
	f->msg.requester = __le16_to_cpu(w.requester);
	f->msg.acks = __le16_to_cpu(w.acks);
	f->msg.serial = __le16_to_cpu(w.serial);
	f->msg.page = __le64_to_cpu(w.page);
	f->msg.version = __le64_to_cpu(w.version);

	min = t->block ? block_size : t->min;
	max = t->block ? block_size : t->max;
	if (f->length < min || f->length > max)
		return -EMSGSIZE;
	return 0;
}

void dsm_hello_encode(const struct dsm_hello *h, u8 *buf)
{
	struct wire_hello w = {
		.version = __cpu_to_le16(h->version),
		.from = __cpu_to_le16(h->from),
		.to = __cpu_to_le16(h->to),
		.nodes = __cpu_to_le16(h->nodes),
		.page_size = __cpu_to_le32(h->page_size),
		.block_size = __cpu_to_le32(h->block_size),
		.epoch = __cpu_to_le32(h->epoch),
		.refusal = __cpu_to_le32(h->refusal),
		.size = __cpu_to_le64(h->size),
		.base = __cpu_to_le64(h->base),
		.members = __cpu_to_le64(h->members),
		.generation = __cpu_to_le64(h->generation),
		.peer_generation = __cpu_to_le64(h->peer_generation),
		.received = __cpu_to_le64(h->received),
	};

	memcpy(w.cluster, h->cluster, sizeof(w.cluster));
	memcpy(buf, &w, sizeof(w));
}

int dsm_hello_decode(const u8 *buf, struct dsm_hello *h)
{
	struct wire_hello w;

	memcpy(&w, buf, sizeof(w));
	h->version = __le16_to_cpu(w.version);
	h->from = __le16_to_cpu(w.from);
	h->to = __le16_to_cpu(w.to);
	h->nodes = __le16_to_cpu(w.nodes);
	h->page_size = __le32_to_cpu(w.page_size);
	h->block_size = __le32_to_cpu(w.block_size);
	h->epoch = __le32_to_cpu(w.epoch);
	h->refusal = __le32_to_cpu(w.refusal);
	h->size = __le64_to_cpu(w.size);
	h->base = __le64_to_cpu(w.base);
	h->members = __le64_to_cpu(w.members);
	h->generation = __le64_to_cpu(w.generation);
	h->peer_generation = __le64_to_cpu(w.peer_generation);
	h->received = __le64_to_cpu(w.received);
	memcpy(h->cluster, w.cluster, sizeof(h->cluster));

	if (h->cluster[DSM_CLUSTER_BYTES - 1] || !h->generation ||
	    h->from >= DSM_NODE_LIMIT || h->refusal >= DSM_REFUSAL_END)
		return -EPROTO;
	return 0;
}

u32 dsm_hello_check(const struct dsm_hello *mine,
		    const struct dsm_hello *theirs)
{
	if (theirs->version != mine->version)
		return DSM_REFUSAL_VERSION;
	if (memcmp(theirs->cluster, mine->cluster, DSM_CLUSTER_BYTES))
		return DSM_REFUSAL_CLUSTER;
	if (theirs->from != mine->to || theirs->to != mine->from)
		return DSM_REFUSAL_NODE;
	if (theirs->nodes != mine->nodes || theirs->members != mine->members)
		return DSM_REFUSAL_MEMBERS;
	if (theirs->page_size != mine->page_size)
		return DSM_REFUSAL_PAGE_SIZE;
	if (theirs->block_size != mine->block_size)
		return DSM_REFUSAL_BLOCK_SIZE;
	if (theirs->size != mine->size)
		return DSM_REFUSAL_SIZE;
	if (theirs->base != mine->base)
		return DSM_REFUSAL_BASE;
	if (theirs->epoch != mine->epoch)
		return DSM_REFUSAL_EPOCH;
	return DSM_REFUSAL_NONE;
}

const char *dsm_refusal_name(u32 refusal)
{
	static const char * const names[DSM_REFUSAL_END] = {
		[DSM_REFUSAL_NONE]	= "nothing",
		[DSM_REFUSAL_VERSION]	= "protocol version",
		[DSM_REFUSAL_CLUSTER]	= "cluster name",
		[DSM_REFUSAL_NODE]	= "node id",
		[DSM_REFUSAL_MEMBERS]	= "membership",
		[DSM_REFUSAL_PAGE_SIZE]	= "page size",
		[DSM_REFUSAL_BLOCK_SIZE] = "block size",
		[DSM_REFUSAL_SIZE]	= "region size",
		[DSM_REFUSAL_BASE]	= "base address",
		[DSM_REFUSAL_EPOCH]	= "epoch",
		[DSM_REFUSAL_RESTARTED]	= "restarted",
		[DSM_REFUSAL_SESSION]	= "session",
	};

	return refusal < DSM_REFUSAL_END ? names[refusal] : "?";
}
