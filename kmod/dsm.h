/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shell around the core: structures, and what each file shows the others.
 *
 * Locking and lifetime in dsm
 *
 * A node (struct dsm_node) is one instance. It exists from module load to
 * unload, and is up or down in between. Peers come and go only while it is
 * down. Slots come and go while it is up (slot.c): whoever uses one has a
 * reference to it, and an active reference of the node (dsm_node_get_active()),
 * as each fault and each file call does, or is one of the node's own workers.
 * Who only looks at a slot may do so under rcu_read_lock() instead. Going down
 * waits for nobody: it is refused (EBUSY) while there is a mapping or an active
 * reference, and the workers are stopped before anything is freed.
 *
 * Locks, outermost first:
 *	1. node->config_lock	settings, up and down; peers' existence
 *	2. mmap_lock		(the kernel's) held by faults and mmap
 *	3. peer->rx_lock	the connection's receiving side; a mutex
 *	   node->back_locks	who allocates memory for a large page; mutexes
 *	4. slot->lock		one page: core state, folio pointer
 *	5. folio lock		what the page tables may show of it
 *	6. i_mmap_rwsem, page table locks (the kernel's)
 *	7. peer->tx_lock	the connection's sending side; a mutex
 *	8. socket lock		(the kernel's), see make_socket()
 *	9. peer->lock, node->timer_lock, node->prefetch_lock, node->ahead_lock,
 *	   node->slots, node->spares_lock, wait queues: leaves; spinlocks
 * node->process_lock is a leaf too, a mutex; faults take it with 2 held.
 * 6 and 7 are never held together; 7 and below are taken under 4. peer->rx_lock
 * and 2, or one of node->back_locks, are never held together either.
 *
 * Faults may hold mmap_lock and wait for a slot's lock, but nobody waits for
 * the network with a slot's lock, and whoever handles messages has neither 1
 * nor 2. So what a fault waits for always comes. (Where memory is so short that
 * the reserve of parcels is used up, a message waits, under 4, until there is
 * some, or peers acknowledge what they got.)
 *
 * One worker owns all connections of a node (the keeper, tcp.c): it alone makes
 * them, closes them, and ties them to peers. Everybody else reaches a
 * connection through peer->conn under peer->rx_lock or peer->tx_lock.
 */
#ifndef DSM_H
#define DSM_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/socket.h>
#include <linux/timerqueue.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "slot.h"

#define DSM_INSTANCES_MAX	64
#define DSM_BASE_DEFAULT	0x300000000000UL
#define DSM_ADDRESS_CHARS	64	/* "[IPv6]:PORT" and the final zero */
#define DSM_BACK_BITS		4

/**
 * enum dsm_shell_limits - bounds of the shell, with their units
 * @DSM_HELLO_WAIT_MS:	from connecting to the end of the handshake
 * @DSM_REDIAL_MS:	between attempts to reach a peer
 * @DSM_BEAT_MS:	between pings to a peer
 * @DSM_SILENCE_MS:	without a word, until a peer counts as unreachable
 * @DSM_CUT_MS:		without a word, until its connection is given up
 * @DSM_KEEPER_MS:	between rounds of the keeper
 * @DSM_ACK_EVERY:	frames received without an acknowledgement going back; a
 *			large page counts as many as it has of the machine's
 * @DSM_BATCH:		frames that are answered together if they came together
 * @DSM_PLUG_PEERS:	to so many peers at once something is held back
 * @DSM_BRINGERS:	so many nodes may bring a page that a program waits for
 * @DSM_STRANGERS_MAX:	connections that have not said who they are
 * @DSM_CHATTER_MAX:	frames outside the sequence that wait for one peer
 * @DSM_QUEUE_MAX:	frames that a peer may leave unacknowledged for long
 *			while it sends more of its own; large pages count alike
 * @DSM_POOL_FRAMES:	frames held in reserve for when memory is short
 * @DSM_SPARES_MAX:	payloads kept once they have served
 * @DSM_SPARES_MIN:	and so many at least, however large they are
 * @DSM_LARGE_MAX:	large pages that are on their way, or payloads of such a
 *			size held ready, in machine pages: 1 MiB
 * @DSM_BLOCK_MAX:	the largest block_size, in bytes: a huge page's
 * @DSM_PREFETCH_MAX:	prefetches that stand in line, in machine pages: two of
 *			the largest batches, the one that a thread goes through
 *			and the next
 * @DSM_PREFETCH_MIN:	and so many pages at least, however large they are;
 *			there is a reserve to answer as many
 * @DSM_FLYING_MAX:	those on their way: 128 KiB fill a link of 10 Gbit/s for
 *			a round trip of 100 us; large pages take longer
 * @DSM_FLYING_MIN:	and so many pages at least
 * @DSM_FLYING_FEW:	those on their way, in machine pages, while programs
 *			wait for others; one page at least
 * @DSM_FEW_MS:		so long after one had to wait, the next will
 * @DSM_STREAMS:	threads whose streams are followed (ahead.c), and whose
 *		last page is known (use.c)
 * @DSM_AHEAD_PAGES:	default of ahead_pages
 * @DSM_AHEAD_MAX:	what it can be, and the largest batch in machine pages:
 *			2 MiB, as much as the kernel reads ahead at once
 * @DSM_FAULT_TIMEOUT_MS: default of fault_timeout_ms
 * @DSM_EXIT_MS:	longest wait for a page of a process that is exiting
 * @DSM_HOLD_US:	how long a page is held before a round trip was measured
 * @DSM_HOLD_US_MAX:	the largest value of hold_us
 * @DSM_HOLD_AUTO:	hold_us: what hold.c finds right
 * @DSM_REST_MS:	default of rest_ms
 * @DSM_REST_MS_MAX:	the largest value of rest_ms
 * @DSM_REFERENCED_US:	how long a page can be kept by a reference that is no
 *			pin: O_DIRECT takes one on 6.1, and so do vmsplice(),
 *			MSG_ZEROCOPY and ptrace
 */
enum dsm_shell_limits {
	DSM_HELLO_WAIT_MS	= 5000,
	DSM_REDIAL_MS		= 500,
	DSM_BEAT_MS		= 1000,
	DSM_SILENCE_MS		= 5000,
	DSM_CUT_MS		= 10000,
	DSM_KEEPER_MS		= 200,
	DSM_ACK_EVERY		= 32,
	DSM_BATCH		= 8,
	DSM_PLUG_PEERS		= 4,
	DSM_BRINGERS		= 2,
	DSM_STRANGERS_MAX	= 64,
	DSM_CHATTER_MAX		= 256,
	DSM_QUEUE_MAX		= 16384,
	DSM_POOL_FRAMES		= 64,
	DSM_SPARES_MAX		= 64,
	DSM_SPARES_MIN		= 2,
	DSM_LARGE_MAX		= 256,
	DSM_BLOCK_MAX		= SZ_2M,
	DSM_PREFETCH_MAX	= 1024,
	DSM_PREFETCH_MIN	= 8,
	DSM_FLYING_MAX		= 32,
	DSM_FLYING_MIN		= 4,
	DSM_FLYING_FEW		= 8,
	DSM_FEW_MS		= 100,
	DSM_STREAMS		= 32,
	DSM_AHEAD_PAGES		= 64,
	DSM_AHEAD_MAX		= 512,
	DSM_FAULT_TIMEOUT_MS	= 30000,
	DSM_EXIT_MS		= 5000,
	DSM_HOLD_US		= 100,
	DSM_HOLD_US_MAX		= 1000000,
	DSM_HOLD_AUTO		= DSM_HOLD_US_MAX + 1,
	DSM_REST_MS		= 1000,
	DSM_REST_MS_MAX		= 60000,
	DSM_REFERENCED_US	= 1000000,
};

/* Counters shown in stats/, in the order of their files. */
#define DSM_STATS(X)		\
	X(read_faults)		\
	X(write_faults)		\
	X(upgrades)		\
	X(faults_local)		\
	X(faults_failed)	\
	X(invalidations_in)	\
	X(invalidations_out)	\
	X(pages_in)		\
	X(pages_out)		\
	X(messages_in)		\
	X(messages_out)		\
	X(resident_pages)	\
	X(owned_pages)		\
	X(home_pages)		\
	X(awake_pages)		\
	X(retries)		\
	X(rejected_messages)

#define DSM_STAT_ENUM(name)	DSM_STAT_##name,
enum dsm_stat { DSM_STATS(DSM_STAT_ENUM) DSM_STAT_END };

struct dsm_conn;
struct dsm_node;
struct dsm_peer;
struct sock;
struct socket;

/**
 * struct dsm_parcel - a frame on its way to a peer
 * @list:	on peer->queue until acknowledged, or on peer->chatter
 * @frame:	its header but for session, ack and epoch, filled in when sent
 * @payload:	memory of its own, or NULL; not written any more once the
 *		parcel is to be sent, as TCP may refer to it
 * @reserved:	@payload is from node->payloads
 * @sending:	being written to the connection: whoever sends it frees it
 * @acked:	acknowledged while @sending, and off the queue
 *
 * The last two are protected by peer->lock.
 */
struct dsm_parcel {
	struct list_head list;
	struct dsm_frame frame;
	void *payload;
	bool reserved;
	bool sending;
	bool acked;
};

/**
 * struct dsm_plug - what a thread holds back because it will say more soon
 * @peers:	to whom
 * @nr:		how many they are
 *
 * Of the thread's own, and empty to begin with; see dsm_tcp_push(). Before it
 * waits for somebody it lets go of it.
 */
struct dsm_plug {
	struct dsm_peer *peers[DSM_PLUG_PEERS];
	unsigned int nr;
};

/**
 * enum dsm_peer_state - what a node thinks of another, beside the connection
 * @DSM_PEER_OK:	nothing against it
 * @DSM_PEER_REFUSED:	its last handshake failed (dsm_peer.refusal)
 * @DSM_PEER_LOST:	it restarted after memory was shared; for good
 */
enum dsm_peer_state {
	DSM_PEER_OK,
	DSM_PEER_REFUSED,
	DSM_PEER_LOST,
};

/**
 * struct dsm_peer - another node, and the session with it
 * @kobj:	its directory in nodes/; owns this structure
 * @node:	whose peer it is
 * @id:		its node id
 * @address:	where it listens
 * @text:	the same, as the user wrote it
 * @lock:	protects the fields down to @pings
 * @state:	of enum dsm_peer_state
 * @refusal:	of enum dsm_refusal
 * @generation:	its boot generation; 0 until the first handshake
 * @shared:	protocol messages went to or fro
 * @seq_out:	last number given to a frame for it
 * @seq_acked:	last one it acknowledged
 * @acked_at:	when that number last grew, or @queue was last empty, in jiffies
 * @seq_sent:	last one written to the connection of now
 * @seq_in:	last one received from it
 * @unacked:	frames received since an acknowledgement went out, see
 *		%DSM_ACK_EVERY
 * @queue:	frames not acknowledged yet, by number
 * @queued:	how many they are, as for %DSM_ACK_EVERY
 * @next:	the first of them not yet sent on the connection of now, or NULL
 * @chatter:	frames outside the sequence: pings, bare acknowledgements
 * @chatting:	how many they are
 * @pings:	who waits for a DSM_IOC_PING
 * @rx_lock:	held by whoever receives (tcp_recv.c)
 * @rx_wait:	where those wait who may be the next
 * @rx_ready:	something has come since somebody looked
 * @rx_thread:	the one that does nothing else
 * @tx_lock:	held by whoever sends
 * @conn:	the connection, once the handshake is over; the keeper changes
 *		it, with @rx_lock and @tx_lock
 * @linked:	@conn is set (for readers without @tx_lock)
 * @met:	there was a connection once
 * @heard_at:	when something last came, in jiffies
 * @beat_at:	when the last ping went, in jiffies
 * @dial_at:	when to try next, in jiffies; keeper only
 * @rtt_us:	the last heartbeat's round trip, in microseconds
 * @told_rtt_us: the mean of all that the peer measures; 0: not told yet
 * @pages_in:	DATA received
 * @pages_out:	DATA sent
 * @messages_in: protocol messages received
 * @messages_out: protocol messages sent
 */
struct dsm_peer {
	struct kobject kobj;
	struct dsm_node *node;
	u16 id;
	struct sockaddr_storage address;
	char text[DSM_ADDRESS_CHARS];

	spinlock_t lock;	/* protects all down to pings */
	u8 state;
	u32 refusal;
	u64 generation;
	bool shared;
	u64 seq_out;
	u64 seq_acked;
	unsigned long acked_at;
	u64 seq_sent;
	u64 seq_in;
	u32 unacked;
	struct list_head queue;
	u32 queued;
	struct dsm_parcel *next;
	struct list_head chatter;
	u32 chatting;
	struct list_head pings;

	struct mutex rx_lock;	/* protects conn and receiving from it */
	struct wait_queue_head rx_wait;
	bool rx_ready;
	struct task_struct *rx_thread;
	struct mutex tx_lock;	/* protects conn and sending on it */
	struct dsm_conn *conn;
	bool linked;
	bool met;
	unsigned long heard_at;
	unsigned long beat_at;
	unsigned long dial_at;
	u32 rtt_us;
	u32 told_rtt_us;

	atomic64_t pages_in;
	atomic64_t pages_out;
	atomic64_t messages_in;
	atomic64_t messages_out;
};

/**
 * struct dsm_settings - what the user sets while the node is down
 * @node_id:	%DSM_NO_NODE until set
 * @listen:	ss_family is AF_UNSPEC until set
 * @listen_text: as the user wrote it
 * @size:	of the region, in bytes; 0 until set
 * @block_size:	bytes in a page of the protocol, a power of two from %PAGE_SIZE
 *		to %DSM_BLOCK_MAX
 * @base:	address of offset 0
 * @cluster:	its name
 * @fault_timeout_ms: how long a fault waits; 0: for ever; also while up
 * @hold_us:	how long a page is kept from its first use, or %DSM_HOLD_AUTO;
 *		also while up
 * @ahead_pages: the largest batch to ask for ahead of a thread, in pages of the
 *		protocol, but see batch_max() in ahead.c; 0: none; also while up
 * @rest_ms:	how often pages are put to rest that nobody came to since the
 *		last time; 0: never; also while up
 */
struct dsm_settings {
	u16 node_id;
	struct sockaddr_storage listen;
	char listen_text[DSM_ADDRESS_CHARS];
	u64 size;
	u32 block_size;
	u64 base;
	char cluster[DSM_CLUSTER_BYTES];
	u32 fault_timeout_ms;
	u32 hold_us;
	u32 ahead_pages;
	u32 rest_ms;
};

/**
 * struct dsm_stream - a thread's way through the pages (ahead.c)
 * @thread:	its id
 * @last:	the page it came to last
 * @stride:	from one page to the next; 0: not known
 * @run:	pages in a row at that distance
 * @need:	how many of them make a stream
 * @edge:	the last page that was asked for; at least @last
 * @batch:	how many pages were asked for at once, last; 0: it is no stream
 * @access:	what to ask for, of enum dsm_right
 * @stores:	it has stored to page @last
 */
struct dsm_stream {
	pid_t thread;
	s64 last;
	s64 stride;
	s64 edge;
	u32 batch;
	u32 run;
	u32 need;
	u8 access;
	bool stores;
};

/**
 * struct dsm_prefetch - a page that stands in line (prefetch.c)
 * @slot:	which
 * @access:	the right to ask for, of enum dsm_right
 */
struct dsm_prefetch {
	struct dsm_slot *slot;
	u8 access;
};

/**
 * struct dsm_use - the last page that a thread came to (use.c)
 * @page:	its number
 * @instruction: where in the program that was
 * @prob_owner:	that of the page
 * @thread:	its id
 *
 * Read and written without a lock: a mistake costs time.
 */
struct dsm_use {
	u64 page;
	unsigned long instruction;
	u16 prob_owner;
	pid_t thread;
};

/**
 * enum dsm_how - what dsm_engine_acquire() is told about the access
 * @DSM_HOW_AGAIN:	the caller has waited for this right before; an error
 *			that ended that wait is for it to report
 * @DSM_HOW_PROGRAM:	by the program itself, not by the kernel for it
 */
enum dsm_how {
	DSM_HOW_AGAIN	= 1,
	DSM_HOW_PROGRAM	= 2,
};

/**
 * struct dsm_node - an instance
 * @dev:	the device, its sysfs directory; owns this structure
 * @cdev:	its character device
 * @config_lock: protects @set, @up, and which @peers there are
 * @set:	settings
 * @up:		between a write of "up" and one of "down" to state
 * @active:	references that keep the node up, or %DSM_NODE_DOWN, or
 *		%DSM_NODE_LEAVING for as long as it takes to decide
 * @peers:	by node id
 * @nodes_dir:	the nodes/ directory
 * @core:	the core's view; constant while up, but for members.lost
 * @order:	how many pages of the machine a page of the protocol has, as a
 *		power of two; constant while up
 * @ids:	storage of core.members.ids
 * @generation:	drawn at random at "up"; kept if nothing has been shared with
 *		anybody since, so that no peer can tell
 * @rtt_us:	round trip, averaged over all peers' heartbeats; 0: none yet
 * @hold_rtt_us: the mean of all nodes' averages; 0: none yet
 * @inode:	the region's, whose page cache holds its pages
 * @slots:	pages touched here, by number; see slot.c for what is in it
 * @rest_work:	puts those to rest that nobody uses
 * @back_locks:	serialize allocations for the same large page; by its number
 * @net:	the network namespace of whoever wrote "up"
 * @wq:		send workers, @tick_work, and what else need not wait
 * @keeper_wq:	@keeper
 * @keeper:	the worker that owns all connections (tcp.c)
 * @keeper_stop: no more rounds
 * @listener:	the listening socket; keeper only
 * @sk_data_ready: what a TCP socket's callbacks are before they are ours
 * @sk_write_space: the same
 * @sk_state_change: the same
 * @conns:	all connections; keeper only
 * @strangers:	how many of them have no peer; keeper only
 * @parcels:	reserve of struct dsm_parcel
 * @payloads:	reserve of memory for their payloads
 * @spares:	payloads that have served, for the next ones; a list in their
 *		own memory, the last one first: it is the likeliest in the cache
 * @nr_spares:	how many
 * @spares_lock: protects the two
 * @timers:	slots to look at again, by time
 * @timers_end:	the node goes down: nothing starts @timer any more
 * @timer_lock:	protects the two
 * @timer:	fires for the first of them
 * @tick_work:	looks at those whose time has come
 * @line:	pages to be prefetched, a ring
 * @line_begin:	how many left it; the first place
 * @line_end:	how many ever came; the place behind the last
 * @prefetch_lock: protects the three
 * @flying:	prefetches on their way
 * @few_until:	in jiffies: fewer may be on their way before that
 * @streams:	the ways of threads, by some bits of their ids
 * @ahead_lock:	protects them
 * @uses:	where threads were last, by the same bits
 * @processes:	those that use the region, by process id (futex.c)
 * @process_list: the same, to go through all: RCU
 * @nr_processes: how many
 * @many_processes: with more of them, look which are dead
 * @process_lock: taken to change these
 * @gone:	how many times a page went from here
 * @settled:	those of them that all sleepers of futex() know of;
 *		@futex_settle only
 * @settling:	what @settled will be after the grace period that runs
 * @futex_armed: it does
 * @futex_timer: fires when the wait after a wake-up in vain is over
 * @futex_look:	what it then does
 * @futex_settle: runs when it is over
 * @futex_sweep: wakes all sleepers once in a while
 * @stats:	per-CPU counters, by enum dsm_stat
 */
struct dsm_node {
	struct device dev;
	struct cdev cdev;
	struct mutex config_lock;	/* protects set, up, and peers */
	struct dsm_settings set;
	bool up;
	atomic_t active;
	struct xarray peers;
	struct kobject *nodes_dir;

	struct dsm_core core;
	unsigned int order;
	u16 *ids;
	u64 generation;
	u32 rtt_us;
	u32 hold_rtt_us;
	struct inode *inode;
	struct xarray slots;
	struct delayed_work rest_work;
	struct mutex back_locks[1 << DSM_BACK_BITS];	/* large allocations */

	struct net *net;
	struct workqueue_struct *wq;
	struct workqueue_struct *keeper_wq;
	struct delayed_work keeper;
	bool keeper_stop;
	struct socket *listener;
	void (*sk_data_ready)(struct sock *sk);
	void (*sk_write_space)(struct sock *sk);
	void (*sk_state_change)(struct sock *sk);
	struct list_head conns;
	u32 strangers;
	mempool_t *parcels;
	mempool_t *payloads;
	struct list_head spares;
	u32 nr_spares;
	spinlock_t spares_lock;		/* protects these */

	struct timerqueue_head timers;
	bool timers_end;
	spinlock_t timer_lock;	/* protects these, slots' armed */
	struct hrtimer timer;
	struct work_struct tick_work;

	struct dsm_prefetch line[DSM_PREFETCH_MAX];
	u32 line_begin;
	u32 line_end;
	spinlock_t prefetch_lock;	/* protects the three above */
	atomic_t flying;
	unsigned long few_until;
	struct dsm_stream streams[DSM_STREAMS];
	spinlock_t ahead_lock;		/* protects streams */
	struct dsm_use uses[DSM_STREAMS];

	struct xarray processes;
	struct list_head process_list;
	u32 nr_processes;
	u32 many_processes;
	struct mutex process_lock;	/* protects changes of these */
	atomic64_t gone;
	u64 settled;
	u64 settling;
	atomic_t futex_armed;
	struct hrtimer futex_timer;
	struct work_struct futex_look;
	struct rcu_work futex_settle;
	struct delayed_work futex_sweep;

	struct dsm_counters __percpu *stats;
};

struct dsm_counters {
	s64 value[DSM_STAT_END];
};

/* Values of dsm_node.active below zero. */
#define DSM_NODE_DOWN		INT_MIN
#define DSM_NODE_LEAVING	(INT_MIN + 1)

static inline struct dsm_node *dsm_node_of(struct device *dev)
{
	return container_of(dev, struct dsm_node, dev);
}

static inline struct dsm_peer *dsm_node_peer(struct dsm_node *node, u16 id)
{
	return xa_load(&node->peers, id);
}

/*
 * Whether this node itself grants a right to a page of which it is the home: a
 * guess without the lock.
 */
static inline bool dsm_needs_nobody(const struct dsm_node *node,
				    const struct dsm_slot *slot)
{
	return slot->home && READ_ONCE(slot->home->owner) == node->core.self;
}

/* node.c */
struct dsm_node *dsm_node_create(unsigned int index, dev_t devt,
				 struct class *class);
void dsm_node_destroy(struct dsm_node *node);
int dsm_node_up(struct dsm_node *node);
int dsm_node_down(struct dsm_node *node);
bool dsm_node_get_active(struct dsm_node *node);
bool dsm_node_is_down(struct dsm_node *node);
void dsm_node_put_active(struct dsm_node *node);

/*
 * "Page" is a page of the protocol, block_size bytes, and its index counts
 * these. Where the kernel's own pages are meant, they are said to be the
 * machine's, and their numbers in the region are called pgoff, as in mm/.
 */

/* The page that a page of the machine belongs to */
static inline u64 dsm_page_of(const struct dsm_node *node, pgoff_t pgoff)
{
	return pgoff >> node->order;
}

/* The first page of the machine in a page */
static inline pgoff_t dsm_page_pgoff(const struct dsm_node *node, u64 index)
{
	return index << node->order;
}

/* How many pages fit into so many of the machine; but at least so many */
static inline u32 dsm_pages_in(const struct dsm_node *node, u32 pages,
			       u32 least)
{
	return max(pages >> node->order, least);
}

/* Memory for a page may be missing although there is enough in small pieces. */
static inline bool dsm_page_is_costly(const struct dsm_node *node)
{
	return node->order > PAGE_ALLOC_COSTLY_ORDER;
}

/* region.c */
int dsm_region_init(void);
void dsm_region_exit(void);
struct inode *dsm_region_inode(void);
void dsm_region_clear(struct dsm_node *node);
int dsm_region_back(struct dsm_node *node, struct dsm_slot *slot, gfp_t gfp);

/* slot.c */
void dsm_slots_start(struct dsm_node *node);
void dsm_slots_stop(struct dsm_node *node);
void dsm_slots_rest_ms(struct dsm_node *node);
bool dsm_slot_is_known(struct dsm_node *node, u64 index);
struct dsm_slot *dsm_slot_peek(struct dsm_node *node, u64 index);
struct dsm_look dsm_slot_look(struct dsm_node *node, u64 index);
struct dsm_slot *dsm_slot_get_awake(struct dsm_node *node, u64 index);
struct dsm_slot *dsm_slot_get(struct dsm_node *node, u64 index, gfp_t gfp);
struct dsm_slot *dsm_slot_get_mapped(struct dsm_node *node, struct folio *folio,
				     gfp_t gfp);
void dsm_slot_put(struct dsm_slot *slot);
struct dsm_slot *dsm_slot_next(struct dsm_node *node, unsigned long *place,
			       u16 id);

/* dev.c */
extern const struct file_operations dsm_dev_fops;

/* vm.c */
int dsm_vm_mmap(struct file *file, struct vm_area_struct *vma);
unsigned long dsm_vm_get_unmapped_area(struct file *file, unsigned long addr,
				       unsigned long len, unsigned long pgoff,
				       unsigned long flags);
bool dsm_vm_withdraw(struct dsm_node *node, struct dsm_slot *slot, u8 right,
		     bool patient);
void dsm_vm_restore(struct dsm_slot *slot);
void dsm_vm_protect(struct dsm_node *node, struct dsm_slot *slot, u8 right);

/* use.c */
void dsm_use_note(struct dsm_node *node, const struct dsm_slot *slot);
bool dsm_use_is_over(struct dsm_node *node, u64 *page);
u16 dsm_use_prob_owner(struct dsm_node *node);
bool dsm_use_is_left(struct dsm_node *node, const struct dsm_slot *slot);

/* hold.c */
void dsm_hold_measure(struct dsm_node *node);
bool dsm_hold_is_auto(const struct dsm_node *node);
u32 dsm_hold_base(const struct dsm_node *node);
u32 dsm_hold_us(const struct dsm_node *node, const struct dsm_slot *slot);
void dsm_hold_lowered(struct dsm_slot *slot, u64 now);
void dsm_hold_asked(const struct dsm_node *node, struct dsm_slot *slot,
		    u64 now, bool program);

/* ahead.c */
bool dsm_ahead_is_first(const struct dsm_node *node,
			const struct dsm_slot *slot, u8 access);
bool dsm_ahead_is_at(struct dsm_node *node, const struct dsm_slot *slot);
void dsm_ahead(struct dsm_node *node, struct dsm_slot *slot, u8 access);

/* prefetch.c */
unsigned int dsm_prefetch_pages(struct dsm_node *node, u64 index, s64 stride,
				unsigned int count, u8 access);
void dsm_prefetch(struct dsm_node *node, u64 offset, u64 length);
void dsm_prefetch_go_on(struct dsm_node *node);
void dsm_prefetch_give_way(struct dsm_node *node, const struct dsm_slot *slot);

/* futex.c */
int dsm_futex_note(struct dsm_node *node, const struct vm_area_struct *vma);
bool dsm_futex_knows(struct dsm_node *node, const struct vm_area_struct *vma);
void dsm_futex_gone(struct dsm_node *node, struct dsm_slot *slot);
void dsm_futex_progress(struct dsm_slot *slot);
void dsm_futex_start(struct dsm_node *node);
void dsm_futex_stop(struct dsm_node *node);

/* engine.c */
int dsm_engine_acquire(struct dsm_node *node, struct dsm_slot *slot, u8 access,
		       unsigned int how);
int dsm_engine_wait(struct dsm_node *node, struct dsm_slot *slot, u8 access,
		    bool receives);
bool dsm_engine_is_spanned(struct dsm_node *node, const struct dsm_slot *slot,
			   u64 now);
void dsm_engine_use_late(struct dsm_node *node, struct dsm_slot *slot);
bool dsm_engine_is_answered(const struct dsm_slot *slot, u8 access);
bool dsm_engine_is_writer(const struct dsm_slot *slot);
int dsm_engine_recv(struct dsm_peer *peer, const struct dsm_frame *frame,
		    struct dsm_plug *plug);
void dsm_engine_lose(struct dsm_node *node, u16 id);
void dsm_engine_start(struct dsm_node *node);
void dsm_engine_stop(struct dsm_node *node);
bool dsm_engine_prefetch(struct dsm_node *node, struct dsm_slot *slot,
			 u8 access, struct dsm_plug *plug);

/* parcel.c */
int dsm_parcel_pools_create(struct dsm_node *node);
void dsm_parcel_pools_destroy(struct dsm_node *node);
struct dsm_parcel *dsm_parcel_alloc(struct dsm_node *node, u32 length,
				    gfp_t gfp, struct dsm_plug *plug);
void dsm_parcel_free(struct dsm_node *node, struct dsm_parcel *parcel);
void dsm_parcel_free_list(struct dsm_node *node, struct list_head *list);

/* session.c */
void dsm_session_send(struct dsm_peer *peer, struct dsm_parcel *parcel,
		      struct dsm_plug *plug);
void dsm_session_chat(struct dsm_peer *peer, struct dsm_parcel *parcel);
void dsm_session_ack(struct dsm_peer *peer);
u32 dsm_session_judge(struct dsm_peer *peer, const struct dsm_hello *theirs,
		      bool *lost);
void dsm_session_lose(struct dsm_peer *peer);
void dsm_session_meet(struct dsm_peer *peer, const struct dsm_hello *theirs);
int dsm_session_recv(struct dsm_peer *peer, const struct dsm_frame *frame,
		     struct dsm_plug *plug);

/* peer.c */
struct dsm_peer *dsm_peer_create(struct dsm_node *node, u16 id,
				 const struct sockaddr_storage *address,
				 const char *text);
void dsm_peer_destroy(struct dsm_peer *peer);
void dsm_peer_reset(struct dsm_peer *peer);
void dsm_peer_hello(struct dsm_node *node, u16 to, struct dsm_peer *peer,
		    struct dsm_hello *mine);
void dsm_peer_refuse(struct dsm_peer *peer, u32 refusal);
int dsm_peer_recv_ping(struct dsm_peer *peer, const struct dsm_frame *frame);
void dsm_peer_recv_pong(struct dsm_peer *peer, const struct dsm_frame *frame);
void dsm_peer_beat(struct dsm_peer *peer);
int dsm_peer_ping(struct dsm_peer *peer, u32 bytes, u32 timeout_ms,
		  u64 *rtt_ns);
bool dsm_peer_is_up(const struct dsm_peer *peer);
const char *dsm_peer_state_name(const struct dsm_peer *peer);

/* tcp.c: connections and the worker that keeps them */
int dsm_tcp_start(struct dsm_node *node);
void dsm_tcp_stop(struct dsm_node *node);
void dsm_tcp_push(struct dsm_peer *peer, struct dsm_plug *plug);
void dsm_tcp_unplug(struct dsm_plug *plug);
long dsm_tcp_wait(struct dsm_peer *const peers[], unsigned int nr,
		  struct dsm_slot *slot, u8 access, long left);
int dsm_tcp_recv_payload(struct dsm_peer *peer, void *to);

/* sysfs.c */
extern const struct attribute_group *dsm_sysfs_groups[];
extern const struct kobj_type dsm_sysfs_peer_type;

/* stats.c */
extern const struct attribute_group dsm_stats_group;

static inline void dsm_stats_add(struct dsm_node *node, enum dsm_stat stat,
				 s64 n)
{
	this_cpu_add(node->stats->value[stat], n);
}

#endif /* DSM_H */
