/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire format: all that nodes say to each other.
 *
 * A frame is a fixed header of 64 bytes, little-endian, and the payload that
 * its type calls for. If you add a type, also
 *	1. give it a row in dsm_wire_types[] (wire.c) with its payload limits,
 *	2. give protocol messages rows in the legality table (table.c),
 *	3. describe it in PROTOCOL.md,
 *	4. raise DSM_WIRE_VERSION.
 */
#ifndef DSM_CORE_WIRE_H
#define DSM_CORE_WIRE_H

#include "types.h"

#define DSM_WIRE_MAGIC		0x314d5344	/* "DSM1" */
#define DSM_WIRE_VERSION	3
#define DSM_WIRE_BYTES		64
#define DSM_HELLO_BYTES		152
#define DSM_CLUSTER_BYTES	64
#define DSM_PING_PAYLOAD_MAX	4096

/**
 * enum dsm_msg_type - protocol messages first, then those of the session
 * @DSM_MSG_GET:	requester to home: give me this right
 * @DSM_MSG_FORWARD:	home to a holder: send your copy to the requester
 * @DSM_MSG_INVALIDATE:	home to a holder: drop your copy, tell the requester
 * @DSM_MSG_INVAL_ACK:	holder to requester: it is dropped
 * @DSM_MSG_DATA:	holder to requester: the right, with the bytes
 * @DSM_MSG_GRANT:	home to requester: the right, without bytes
 * @DSM_MSG_DONE:	requester to home: I have it, serve the next
 * @DSM_MSG_REFUSE:	home to requester: it cannot be had, and why; source to
 *			home: I have no copy
 * @DSM_MSG_RECOUNT:	home to requester: a node that owed you an INVAL_ACK is
 *			lost; so many of another version count now
 * @DSM_MSG_PROTOCOL_END: none of the protocol beyond
 * @DSM_MSG_HELLO:	first frame each way on a connection
 * @DSM_MSG_ACK:	session: nothing but the cumulative acknowledgement
 * @DSM_MSG_PING:	session: send my payload back
 * @DSM_MSG_PONG:	session: the payload of a ping
 * @DSM_MSG_END:	none beyond
 */
enum dsm_msg_type {
	DSM_MSG_GET = 1,
	DSM_MSG_FORWARD,
	DSM_MSG_INVALIDATE,
	DSM_MSG_INVAL_ACK,
	DSM_MSG_DATA,
	DSM_MSG_GRANT,
	DSM_MSG_DONE,
	DSM_MSG_REFUSE,
	DSM_MSG_RECOUNT,
	DSM_MSG_PROTOCOL_END,

	DSM_MSG_HELLO = 16,
	DSM_MSG_ACK,
	DSM_MSG_PING,
	DSM_MSG_PONG,
	DSM_MSG_END,
};

/**
 * enum dsm_msg_flags - a bit each
 * @DSM_MSG_HAVE:	GET: the requester holds a copy, so bytes are not needed
 * @DSM_MSG_ZERO:	GRANT: nobody has written the page, fill it with zeros
 * @DSM_MSG_CLEAN:	DATA, DONE: the last holder of write permission did not
 *			write
 * @DSM_MSG_FINAL:	DATA, GRANT: the transaction is over; no DONE
 * @DSM_MSG_FLAGS:	all of them
 */
enum dsm_msg_flags {
	DSM_MSG_HAVE	= 1 << 0,
	DSM_MSG_ZERO	= 1 << 1,
	DSM_MSG_CLEAN	= 1 << 2,
	DSM_MSG_FINAL	= 1 << 3,
	DSM_MSG_FLAGS	= (1 << 4) - 1,
};

/**
 * enum dsm_status - why a request was refused
 * @DSM_STATUS_OK:	it was not
 * @DSM_STATUS_LOST:	the only copy was on a node that is lost
 * @DSM_STATUS_PROTO:	the request contradicts what the home knows
 * @DSM_STATUS_END:	none beyond
 */
enum dsm_status {
	DSM_STATUS_OK,
	DSM_STATUS_LOST,
	DSM_STATUS_PROTO,
	DSM_STATUS_END,
};

/**
 * struct dsm_msg - what a protocol message says
 * @type:	of enum dsm_msg_type
 * @access:	of enum dsm_right: the right asked for or given; 0 where the
 *		type does not speak of one
 * @flags:	of enum dsm_msg_flags
 * @status:	of enum dsm_status
 * @requester:	the node that the transaction is for
 * @acks:	how many INVAL_ACK the requester has to wait for
 * @serial:	which request of the requester for this page it is about; PING:
 *		what the shell likes
 * @page:	the page
 * @version:	the version the transaction makes or moves
 */
struct dsm_msg {
	u8 type;
	u8 access;
	u8 flags;
	u8 status;
	u16 requester;
	u16 acks;
	u16 serial;
	u64 page;
	u64 version;
};

/**
 * struct dsm_frame - a header, in host order
 * @length:	bytes of payload that follow
 * @epoch:	the sender's membership
 * @session:	the sender's boot generation
 * @seq:	number of this frame in the session, from 1; 0 for a frame that
 *		is not repeated after a reconnection
 * @ack:	the last seq the sender has received
 * @msg:	the message
 */
struct dsm_frame {
	u32 length;
	u32 epoch;
	u64 session;
	u64 seq;
	u64 ack;
	struct dsm_msg msg;
};

/**
 * struct dsm_hello - the payload of HELLO, in host order
 * @version:		%DSM_WIRE_VERSION
 * @from:		the sender's id
 * @to:			whom it means to talk to
 * @nodes:		number of members
 * @page_size:		bytes in a page of the sender's machine
 * @block_size:		bytes in a page of the protocol
 * @epoch:		the sender's membership
 * @size:		bytes in the region
 * @base:		where mappings go
 * @members:		a digest of all members' ids
 * @generation:		drawn at random when the sender came up; not 0; the same
 *			as before if it had shared nothing with anybody
 * @peer_generation:	the receiver's, as last seen by the sender; 0 if never
 * @received:		last seq that the sender has from the receiver
 * @refusal:		of enum dsm_refusal: 0, or why the sender hangs up
 * @cluster:		name, padded with zeros, the last byte always 0
 */
struct dsm_hello {
	u16 version;
	u16 from;
	u16 to;
	u16 nodes;
	u32 page_size;
	u32 block_size;
	u32 epoch;
	u64 size;
	u64 base;
	u64 members;
	u64 generation;
	u64 peer_generation;
	u64 received;
	u32 refusal;
	char cluster[DSM_CLUSTER_BYTES];
};

/**
 * enum dsm_refusal - why two nodes do not talk to each other
 * @DSM_REFUSAL_NONE:		they do
 * @DSM_REFUSAL_VERSION:	they speak different versions of this format
 * @DSM_REFUSAL_CLUSTER:	different cluster names
 * @DSM_REFUSAL_NODE:		one is not who the other takes it for
 * @DSM_REFUSAL_MEMBERS:	different ideas of who is in the cluster
 * @DSM_REFUSAL_PAGE_SIZE:	machines with different page sizes
 * @DSM_REFUSAL_BLOCK_SIZE:	different block_size
 * @DSM_REFUSAL_SIZE:		different size
 * @DSM_REFUSAL_BASE:		different base
 * @DSM_REFUSAL_EPOCH:		different epochs
 * @DSM_REFUSAL_RESTARTED:	one has lost the memory that the other counts on
 * @DSM_REFUSAL_SESSION:	what one has received does not fit what the
 *				other has sent, as in a greeting long delayed
 * @DSM_REFUSAL_END:		none beyond
 */
enum dsm_refusal {
	DSM_REFUSAL_NONE,
	DSM_REFUSAL_VERSION,
	DSM_REFUSAL_CLUSTER,
	DSM_REFUSAL_NODE,
	DSM_REFUSAL_MEMBERS,
	DSM_REFUSAL_PAGE_SIZE,
	DSM_REFUSAL_BLOCK_SIZE,
	DSM_REFUSAL_SIZE,
	DSM_REFUSAL_BASE,
	DSM_REFUSAL_EPOCH,
	DSM_REFUSAL_RESTARTED,
	DSM_REFUSAL_SESSION,
	DSM_REFUSAL_END,
};

/**
 * dsm_wire_encode - write a header
 * @f:		what to say
 * @buf:	room for %DSM_WIRE_BYTES
 */
void dsm_wire_encode(const struct dsm_frame *f, u8 *buf);

/**
 * dsm_wire_decode - read a header that came from a peer
 * @buf:	%DSM_WIRE_BYTES bytes, anything at all
 * @block_size:	bytes in a page of the protocol, the payload of DATA
 * @f:		filled in; on error its content means nothing
 *
 * All fields that do not depend on state are checked here: magic, type, the
 * ranges of the small fields, and that @length suits the type.
 *
 * Return: 0, %-EPROTO for what no peer of this version says, %-EMSGSIZE for a
 * payload that does not suit the type.
 */
int dsm_wire_decode(const u8 *buf, u32 block_size, struct dsm_frame *f);

/** dsm_hello_encode() - write a HELLO's %DSM_HELLO_BYTES of payload */
void dsm_hello_encode(const struct dsm_hello *h, u8 *buf);

/**
 * dsm_hello_decode - read a HELLO's payload
 * @buf:	%DSM_HELLO_BYTES bytes, anything at all
 * @h:		filled in; on error its content means nothing
 *
 * Return: 0, or %-EPROTO if it is malformed.
 */
int dsm_hello_decode(const u8 *buf, struct dsm_hello *h);

/**
 * dsm_hello_check - whether a peer belongs to this cluster
 * @mine:	what this node says of itself; @mine->to is the peer
 * @theirs:	what the peer says of itself
 *
 * Does not judge generations: only the session knows what was shared.
 *
 * Return: of enum dsm_refusal, the first reason found.
 */
u32 dsm_hello_check(const struct dsm_hello *mine,
		    const struct dsm_hello *theirs);

/** dsm_wire_type_name() - for traces and transcripts; never NULL */
const char *dsm_wire_type_name(u8 type);

/** dsm_refusal_name() - what nodes/ID/state shows; never NULL */
const char *dsm_refusal_name(u32 refusal);

static inline bool dsm_msg_is_protocol(u8 type)
{
	return type >= DSM_MSG_GET && type < DSM_MSG_PROTOCOL_END;
}

#endif
