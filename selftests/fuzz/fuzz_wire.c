// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder of frames against any bytes.
 *
 * The input is what a connection brings: the first byte picks the block size,
 * then come frames, one after the other, until one is refused, as that is what
 * ends a connection. What the decoder reads lies in memory that ends where it
 * may read no more.
 */
#include "fuzz.h"
#include "wire.h"

/* Where a header has its fields, by the format's description. */
enum {
	AT_MAGIC	= 0,
	AT_TYPE		= 4,
	AT_ACCESS	= 5,
	AT_FLAGS	= 6,
	AT_STATUS	= 7,
	AT_LENGTH	= 8,
	AT_RESERVED	= 62,
	HELLO_USED	= DSM_HELLO_BYTES - 16,	/* the rest is reserved */
};

struct input {
	const u8 *data;
	size_t size;
};

/* The next bytes, in memory of exactly their size; NULL if there are too few */
static u8 *take(struct input *in, size_t size)
{
	u8 *bytes;

	if (in->size < size)
		return NULL;
	bytes = malloc(size);
	if (!bytes)
		abort();
	memcpy(bytes, in->data, size);
	in->data += size;
	in->size -= size;
	return bytes;
}

/* What the format allows, said a second time and in another way. */
static void check_header(const struct dsm_frame *f, u32 block_size)
{
	const struct dsm_msg *msg = &f->msg;

	switch (msg->type) {
	case DSM_MSG_DATA:
		FUZZ_CHECK(f->length == block_size, "DATA of %u", f->length);
		break;
	case DSM_MSG_HELLO:
		FUZZ_CHECK(f->length == DSM_HELLO_BYTES, "HELLO of %u",
			   f->length);
		break;
	case DSM_MSG_PING:
	case DSM_MSG_PONG:
		FUZZ_CHECK(f->length <= 4096, "PING of %u", f->length);
		break;
	case DSM_MSG_GET:
	case DSM_MSG_FORWARD:
	case DSM_MSG_INVALIDATE:
	case DSM_MSG_INVAL_ACK:
	case DSM_MSG_GRANT:
	case DSM_MSG_DONE:
	case DSM_MSG_REFUSE:
	case DSM_MSG_RECOUNT:
	case DSM_MSG_ACK:
		FUZZ_CHECK(!f->length, "payload of %u", f->length);
		break;
	default:
		FUZZ_CHECK(false, "type %u is accepted", msg->type);
	}
	FUZZ_CHECK(msg->access <= DSM_WRITE, "access %u", msg->access);
	FUZZ_CHECK(!(msg->flags & ~15), "flags %#x", msg->flags);
	FUZZ_CHECK(msg->status <= DSM_STATUS_PROTO, "status %u", msg->status);
	FUZZ_CHECK(dsm_wire_type_name(msg->type)[0] != '?', "no name");
}

/* A good header with one field that is wrong has to be refused. */
static void check_damaged(const u8 *header, u32 block_size, u8 how)
{
	static const struct {
		u8 at;
		u8 value;
	} damage[] = {
		{ AT_MAGIC, 0 }, { AT_MAGIC + 3, 0 }, { AT_TYPE, 0 },
		{ AT_TYPE, DSM_MSG_PROTOCOL_END }, { AT_TYPE, DSM_MSG_END },
		{ AT_TYPE, 0xff }, { AT_ACCESS, DSM_WRITE + 1 },
		{ AT_FLAGS, DSM_MSG_FLAGS + 1 }, { AT_STATUS, DSM_STATUS_END },
		{ AT_LENGTH + 2, 0x80 }, { AT_LENGTH + 3, 0xff },
		{ AT_RESERVED, 1 }, { AT_RESERVED + 1, 1 },
	};
	struct dsm_frame f;
	u8 *copy = fuzz_alloc(1, DSM_WIRE_BYTES);

	how %= ARRAY_SIZE(damage);
	memcpy(copy, header, DSM_WIRE_BYTES);
	copy[damage[how].at] = damage[how].value;
	FUZZ_CHECK(dsm_wire_decode(copy, block_size, &f), "damage %u", how);
	free(copy);
}

/* What is said of oneself fits; what is said to others is judged both ways. */
static void check_greeting(const struct dsm_hello *theirs, u8 how)
{
	struct dsm_hello mine = *theirs;
	u32 refusal;

	mine.from = theirs->to;
	mine.to = theirs->from;
	FUZZ_CHECK(!dsm_hello_check(&mine, theirs), "a match is refused");

	((u8 *)&mine)[how % offsetof(struct dsm_hello, generation)] ^= 1;
	refusal = dsm_hello_check(&mine, theirs);
	FUZZ_CHECK(refusal < DSM_REFUSAL_END, "refusal %u", refusal);
	FUZZ_CHECK(dsm_refusal_name(refusal)[0] != '?', "no name");
	FUZZ_CHECK(refusal == dsm_hello_check(theirs, &mine),
		   "only one of two refuses");
}

static void try_hello(const u8 *payload, u8 how)
{
	u8 *copy = fuzz_alloc(1, DSM_HELLO_BYTES);
	struct dsm_hello h;

	if (!dsm_hello_decode(payload, &h)) {
		FUZZ_CHECK(h.from < DSM_NODE_LIMIT, "from node %u", h.from);
		FUZZ_CHECK(h.generation, "no generation");
		FUZZ_CHECK(h.refusal < DSM_REFUSAL_END, "refusal %u",
			   h.refusal);
		FUZZ_CHECK(strlen(h.cluster) < DSM_CLUSTER_BYTES, "no end");
		dsm_hello_encode(&h, copy);
		FUZZ_CHECK(!memcmp(copy, payload, HELLO_USED),
			   "a HELLO changes on its way");
		check_greeting(&h, how);
	}
	free(copy);
}

/* Return: whether the connection goes on. */
static bool try_frame(struct input *in, u32 block_size)
{
	u8 *header = take(in, DSM_WIRE_BYTES), *payload = NULL;
	u8 *copy = fuzz_alloc(1, DSM_WIRE_BYTES);
	struct dsm_frame f;

	if (header && !dsm_wire_decode(header, block_size, &f)) {
		check_header(&f, block_size);
		dsm_wire_encode(&f, copy);
		FUZZ_CHECK(!memcmp(copy, header, DSM_WIRE_BYTES),
			   "a header changes on its way");
		check_damaged(header, block_size, f.seq);
		payload = take(in, f.length);
		if (payload && f.msg.type == DSM_MSG_HELLO)
			try_hello(payload, f.seq);
	}
	free(copy);
	free(payload);
	free(header);
	return payload;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .data = data, .size = size };
	u8 *first = take(&in, 1);

	if (first)
		while (try_frame(&in, 64U << (*first & 7)))
			;
	free(first);
	return 0;
}
