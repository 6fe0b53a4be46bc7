/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Distributed shared memory: the user interface of /dev/dsm
 *
 * A program opens /dev/dsm and maps it. What one process stores, every process
 * on every node of the cluster loads, as on one machine with one memory: reads
 * and writes of all nodes have one order that all of them agree on.
 *
 *	int fd = open("/dev/dsm", O_RDWR);
 *	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
 *		       fd, offset);
 *
 * Without an address hint the mapping is placed at dsm_info.base + offset,
 * where that range is free, so a pointer stored in the region is valid on every
 * node. MAP_PRIVATE gives a copy-on-write view. read(), write(), lseek()
 * (SEEK_END is the size of the region) and fsync() work as on a file whose size
 * cannot change. posix_fadvise() and madvise() with WILLNEED ask for pages and
 * do not wait for them. Documentation/programs.md has all other calls.
 *
 * Errors
 *
 *	ENOTCONN	the node is down (mmap, read, write, ioctl, fadvise)
 *	EINVAL		a mapping reaches past the end of the region
 *	EIO		a page could not be had (read, write)
 *	SIGBUS		the same, for a load or a store; si_addr is its address
 *
 * A page cannot be had when the nodes it depends on do not answer within
 * fault_timeout_ms (see sysfs), or at once when they are known to be lost.
 * SIGKILL ends a process that waits for a page at once.
 *
 * The ioctls only look; none of them changes the state of a page or takes part
 * in coherence. Fields named reserved are zero.
 */
#ifndef _UAPI_LINUX_DSM_H
#define _UAPI_LINUX_DSM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* "No node", where a node id is expected. */
#define DSM_NODE_NONE		0xffffffffU

/* Highest node id, plus one. */
#define DSM_NODES_MAX		1024

/* Most bytes that one DSM_IOC_PING carries. */
#define DSM_PING_BYTES_MAX	4096

/*
 * What a node may do with a page. 0 is no state, to catch a field that was
 * never filled in.
 */
enum dsm_page_state {
	DSM_PAGE_NONE = 1,	/* no copy: the next access asks the home */
	DSM_PAGE_READ_ONLY,	/* a copy, the same as every other copy */
	DSM_PAGE_READ_WRITE,	/* the only valid copy */
};

/**
 * struct dsm_info - what DSM_IOC_INFO reports
 * @size:	bytes in the region
 * @base:	address of offset 0 for mappings without an address hint
 * @node:	id of this node
 * @nodes:	number of nodes in the cluster, this one included
 * @page_size:	bytes in a page of the machine
 * @block_size:	bytes in a page of the protocol, the unit of coherence
 * @epoch:	grows with every change of membership
 * @reserved:	zero
 */
struct dsm_info {
	__u64 size;
	__u64 base;
	__u32 node;
	__u32 nodes;
	__u32 page_size;
	__u32 block_size;
	__u32 epoch;
	__u32 reserved;
};

/**
 * struct dsm_page_info - what DSM_IOC_PAGE reports of one page
 * @offset:	in: any offset in the page, in bytes; out: its first offset
 * @version:	grows with every grant of write permission: at the home the
 *		newest version, elsewhere that of the copy held here (0 if none)
 * @state:	this node's, of enum dsm_page_state
 * @home:	the node that keeps the page's directory entry
 * @owner:	the node whose copy is authoritative, as far as this node knows:
 *		always at the home, elsewhere only if it is this node, else
 *		%DSM_NODE_NONE. A page that nobody has written belongs to its
 *		home, and one whose every copy is lost to nobody.
 * @flags:	of enum dsm_page_flags
 * @copyset:	bit n of word n / 64: node n may hold a copy. Whole at the
 *		home; elsewhere at most this node's own bit.
 */
struct dsm_page_info {
	__u64 offset;
	__u64 version;
	__u32 state;
	__u32 home;
	__u32 owner;
	__u32 flags;
	__u64 copyset[DSM_NODES_MAX / 64];
};

/**
 * enum dsm_page_flags - more about a page, a bit each
 * @DSM_PAGE_IS_HOME:	this node is the page's home: all fields are exact
 * @DSM_PAGE_BUSY:	at the home: a request is being served, so that owner
 *			and copyset are those from before it
 * @DSM_PAGE_PENDING:	this node has asked for the page and has no answer yet
 */
enum dsm_page_flags {
	DSM_PAGE_IS_HOME	= 1 << 0,
	DSM_PAGE_BUSY		= 1 << 1,
	DSM_PAGE_PENDING	= 1 << 2,
};

/**
 * struct dsm_ping - one round trip to another node, for DSM_IOC_PING
 * @node:	in: whom to ask; this node's own id is EINVAL
 * @bytes:	in: payload each way, at most %DSM_PING_BYTES_MAX
 * @timeout_ms:	in: how long to wait, 1 to 60000; then ETIMEDOUT
 * @reserved:	in: zero
 * @rtt_ns:	out: the round trip, in nanoseconds, through the connection that
 *		the protocol itself uses
 */
struct dsm_ping {
	__u32 node;
	__u32 bytes;
	__u32 timeout_ms;
	__u32 reserved;
	__u64 rtt_ns;
};

#define DSM_IOC_MAGIC	0xD5
#define DSM_IOC_INFO	_IOR(DSM_IOC_MAGIC, 0x01, struct dsm_info)
#define DSM_IOC_PAGE	_IOWR(DSM_IOC_MAGIC, 0x02, struct dsm_page_info)
#define DSM_IOC_PING	_IOWR(DSM_IOC_MAGIC, 0x03, struct dsm_ping)

#endif /* _UAPI_LINUX_DSM_H */
