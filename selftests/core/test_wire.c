// SPDX-License-Identifier: GPL-2.0-only
#include "wire.c"

#include "harness.h"

#define BLOCK	4096

static const struct dsm_frame example = {
	.length = 0,
	.epoch = 0x01020304,
	.session = 0x1112131415161718,
	.seq = 0x2122232425262728,
	.ack = 0x3132333435363738,
	.msg = {
		.type = DSM_MSG_FORWARD,
		.access = DSM_WRITE,
		.flags = DSM_MSG_CLEAN,
		.status = DSM_STATUS_LOST,
		.requester = 0x6162,
		.acks = 0x7172,
		.serial = 0x8182,
		.page = 0x4142434445464748,
		.version = 0x5152535455565758,
	},
};

/* These bytes are the protocol: a change needs a new DSM_WIRE_VERSION. */
static const u8 example_bytes[DSM_WIRE_BYTES] = {
	'D', 'S', 'M', '1', 2, 3, 4, 1,
	0, 0, 0, 0, 0x04, 0x03, 0x02, 0x01,
	0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
	0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21,
	0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
	0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41,
	0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51,
	0x62, 0x61, 0x72, 0x71, 0x82, 0x81, 0, 0,
};

static const struct dsm_hello hello = {
	.version = DSM_WIRE_VERSION,
	.from = 0x0102,
	.to = 0x0304,
	.nodes = 0x0506,
	.page_size = 0x11121314,
	.block_size = 0x21222324,
	.epoch = 0x31323334,
	.refusal = DSM_REFUSAL_EPOCH,
	.size = 0x4142434445464748,
	.base = 0x5152535455565758,
	.members = 0x6162636465666768,
	.generation = 0x7172737475767778,
	.peer_generation = 0x8182838485868788,
	.received = 0x9192939495969798,
	.cluster = "lab",
};

TEST(dsm_wire_type_name__known_and_unknown)
{
	EXPECT_STREQ("GET", dsm_wire_type_name(DSM_MSG_GET));
	EXPECT_STREQ("REFUSE", dsm_wire_type_name(DSM_MSG_REFUSE));
	EXPECT_STREQ("RECOUNT", dsm_wire_type_name(DSM_MSG_RECOUNT));
	EXPECT_STREQ("PONG", dsm_wire_type_name(DSM_MSG_PONG));
	EXPECT_STREQ("?", dsm_wire_type_name(0));
	EXPECT_STREQ("?", dsm_wire_type_name(DSM_MSG_PROTOCOL_END));
	EXPECT_STREQ("?", dsm_wire_type_name(DSM_MSG_END));
	EXPECT_STREQ("?", dsm_wire_type_name(255));
}

TEST(dsm_wire_encode__bytes)
{
	u8 buf[DSM_WIRE_BYTES];

	memset(buf, 0xff, sizeof(buf));
	dsm_wire_encode(&example, buf);
	EXPECT_EQ(0, memcmp(buf, example_bytes, sizeof(buf)));
}

TEST(dsm_wire_decode__bytes)
{
	struct dsm_frame f;

	memset(&f, 0, sizeof(f));
	ASSERT_EQ(0, dsm_wire_decode(example_bytes, BLOCK, &f));
	EXPECT_EQ(0, memcmp(&f, &example, sizeof(f)));
}

TEST(dsm_wire_decode__every_type)
{
	unsigned int type;

	for (type = 0; type < 256; type++) {
		struct dsm_frame f = example;
		bool known = (type >= DSM_MSG_GET && type <= DSM_MSG_RECOUNT) ||
			     (type >= DSM_MSG_HELLO && type <= DSM_MSG_PONG);
		u8 buf[DSM_WIRE_BYTES];

		f.msg.type = type;
		if (type == DSM_MSG_DATA)
			f.length = BLOCK;
		else if (type == DSM_MSG_HELLO)
			f.length = DSM_HELLO_BYTES;
		dsm_wire_encode(&f, buf);
		EXPECT_EQ(known ? 0 : -EPROTO,
			  dsm_wire_decode(buf, BLOCK, &f));
	}
}

static int decode_length(u8 type, u32 length)
{
	struct dsm_frame f = { .length = length, .msg = { .type = type } };
	u8 buf[DSM_WIRE_BYTES];

	dsm_wire_encode(&f, buf);
	return dsm_wire_decode(buf, BLOCK, &f);
}

TEST(dsm_wire_decode__lengths)
{
	u8 type;

	for (type = DSM_MSG_GET; type < DSM_MSG_PROTOCOL_END; type++) {
		if (type == DSM_MSG_DATA)
			continue;
		EXPECT_EQ(0, decode_length(type, 0));
		EXPECT_EQ(-EMSGSIZE, decode_length(type, 1));
		EXPECT_EQ(-EMSGSIZE, decode_length(type, ~0U));
	}
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_DATA, 0));
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_DATA, BLOCK - 1));
	EXPECT_EQ(0, decode_length(DSM_MSG_DATA, BLOCK));
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_DATA, BLOCK + 1));
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_HELLO, DSM_HELLO_BYTES - 1));
	EXPECT_EQ(0, decode_length(DSM_MSG_HELLO, DSM_HELLO_BYTES));
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_HELLO, DSM_HELLO_BYTES + 1));
	EXPECT_EQ(0, decode_length(DSM_MSG_ACK, 0));
	EXPECT_EQ(-EMSGSIZE, decode_length(DSM_MSG_ACK, 1));
	for (type = DSM_MSG_PING; type <= DSM_MSG_PONG; type++) {
		EXPECT_EQ(0, decode_length(type, 0));
		EXPECT_EQ(0, decode_length(type, DSM_PING_PAYLOAD_MAX));
		EXPECT_EQ(-EMSGSIZE,
			  decode_length(type, DSM_PING_PAYLOAD_MAX + 1));
	}
}

/* Every byte that has a fixed meaning: one wrong value is enough. */
TEST(dsm_wire_decode__refuses)
{
	static const struct {
		u8 at;
		u8 value;
	} wrong[] = {
		{ 0, 'd' }, { 1, 0 }, { 2, 0 }, { 3, '2' },
		{ 4, 0 },
		{ 5, DSM_WRITE + 1 }, { 5, 255 },
		{ 6, DSM_MSG_FLAGS + 1 }, { 6, 255 },
		{ 7, DSM_STATUS_END }, { 7, 255 },
		{ 62, 1 }, { 63, 1 }, { 63, 128 },
	};
	struct dsm_frame f;
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		u8 buf[DSM_WIRE_BYTES];

		memcpy(buf, example_bytes, sizeof(buf));
		buf[wrong[i].at] = wrong[i].value;
		EXPECT_EQ(-EPROTO, dsm_wire_decode(buf, BLOCK, &f));
	}
}

TEST(dsm_hello_encode__bytes)
{
	u8 buf[DSM_HELLO_BYTES];
	unsigned int i;

	memset(buf, 0xff, sizeof(buf));
	dsm_hello_encode(&hello, buf);
	EXPECT_EQ(DSM_WIRE_VERSION, buf[0]);
	EXPECT_EQ(0x02, buf[2]);
	EXPECT_EQ(0x01, buf[3]);
	EXPECT_EQ(0x04, buf[4]);
	EXPECT_EQ(0x06, buf[6]);
	EXPECT_EQ(0x14, buf[8]);
	EXPECT_EQ(0x24, buf[12]);
	EXPECT_EQ(0x34, buf[16]);
	EXPECT_EQ(DSM_REFUSAL_EPOCH, buf[20]);
	EXPECT_EQ(0x48, buf[24]);
	EXPECT_EQ(0x58, buf[32]);
	EXPECT_EQ(0x68, buf[40]);
	EXPECT_EQ(0x78, buf[48]);
	EXPECT_EQ(0x88, buf[56]);
	EXPECT_EQ(0x98, buf[64]);
	EXPECT_EQ('l', buf[72]);
	for (i = 75; i < DSM_HELLO_BYTES; i++)
		EXPECT_EQ(0, buf[i]);
}

TEST(dsm_hello_decode__what_was_encoded)
{
	u8 buf[DSM_HELLO_BYTES];
	struct dsm_hello h;

	memset(&h, 0, sizeof(h));
	dsm_hello_encode(&hello, buf);
	ASSERT_EQ(0, dsm_hello_decode(buf, &h));
	EXPECT_EQ(0, memcmp(&h, &hello, sizeof(h)));
}

static int decode_hello(const struct dsm_hello *h)
{
	u8 buf[DSM_HELLO_BYTES];
	struct dsm_hello got;

	dsm_hello_encode(h, buf);
	return dsm_hello_decode(buf, &got);
}

TEST(dsm_hello_decode__refuses)
{
	struct dsm_hello h = hello;

	memset(h.cluster, 'x', sizeof(h.cluster));
	EXPECT_EQ(-EPROTO, decode_hello(&h));
	h.cluster[DSM_CLUSTER_BYTES - 1] = 0;
	EXPECT_EQ(0, decode_hello(&h));

	h = hello;
	h.generation = 0;
	EXPECT_EQ(-EPROTO, decode_hello(&h));

	h = hello;
	h.from = DSM_NODE_LIMIT;
	EXPECT_EQ(-EPROTO, decode_hello(&h));
	h.from = DSM_NODE_LIMIT - 1;
	EXPECT_EQ(0, decode_hello(&h));

	h = hello;
	h.refusal = DSM_REFUSAL_END;
	EXPECT_EQ(-EPROTO, decode_hello(&h));
}

/* What the peer of @mine would say, if all was well. */
static struct dsm_hello answer(const struct dsm_hello *mine)
{
	struct dsm_hello theirs = *mine;

	theirs.from = mine->to;
	theirs.to = mine->from;
	return theirs;
}

TEST(dsm_hello_check__agrees)
{
	struct dsm_hello theirs = answer(&hello);

	/* What is each node's own does not matter. */
	theirs.generation++;
	theirs.peer_generation++;
	theirs.received++;
	EXPECT_EQ(DSM_REFUSAL_NONE, dsm_hello_check(&hello, &theirs));
}

#define CHECK_REFUSAL(field, reason)					\
	do {								\
		struct dsm_hello theirs = answer(&hello);		\
									\
		(theirs.field)++;					\
		EXPECT_EQ(DSM_REFUSAL_##reason,				\
			  dsm_hello_check(&hello, &theirs));		\
	} while (0)

TEST(dsm_hello_check__each_mismatch)
{
	CHECK_REFUSAL(version, VERSION);
	CHECK_REFUSAL(cluster[0], CLUSTER);
	CHECK_REFUSAL(cluster[DSM_CLUSTER_BYTES - 2], CLUSTER);
	CHECK_REFUSAL(from, NODE);
	CHECK_REFUSAL(to, NODE);
	CHECK_REFUSAL(nodes, MEMBERS);
	CHECK_REFUSAL(members, MEMBERS);
	CHECK_REFUSAL(page_size, PAGE_SIZE);
	CHECK_REFUSAL(block_size, BLOCK_SIZE);
	CHECK_REFUSAL(size, SIZE);
	CHECK_REFUSAL(base, BASE);
	CHECK_REFUSAL(epoch, EPOCH);
}

TEST(dsm_refusal_name__each_has_its_own)
{
	u32 a, b;

	for (a = 0; a < DSM_REFUSAL_END; a++)
		for (b = 0; b < DSM_REFUSAL_END; b++)
			EXPECT_EQ(a == b, !strcmp(dsm_refusal_name(a),
						  dsm_refusal_name(b)));
	EXPECT_STREQ("?", dsm_refusal_name(DSM_REFUSAL_END));
	EXPECT_STREQ("?", dsm_refusal_name(~0U));
}

TEST(dsm_msg_is_protocol__only_the_first_kind)
{
	EXPECT_FALSE(dsm_msg_is_protocol(0));
	EXPECT_TRUE(dsm_msg_is_protocol(DSM_MSG_GET));
	EXPECT_TRUE(dsm_msg_is_protocol(DSM_MSG_RECOUNT));
	EXPECT_FALSE(dsm_msg_is_protocol(DSM_MSG_PROTOCOL_END));
	EXPECT_FALSE(dsm_msg_is_protocol(DSM_MSG_HELLO));
}
