// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be had without a kernel module: write-invalidate on userfaultfd.
 *
 * A page is at each node NONE (not mapped), READ (mapped, write-protected) or
 * WRITE. Faults go to a thread, which alone knows the state of the pages and
 * talks to the other node. Node 0 is every page's home and decides:
 *
 *	node 1 faults:	ASK   ->  home gives its own copy up, or protects it
 *			      <-  GRANT, with the bytes unless node 1 has them
 *	home faults:	RECALL -> node 1 gives its copy up, or protects it
 *			      <-  YIELD, with the bytes unless home has them
 *
 * One connection keeps the order: a RECALL that follows a GRANT arrives after
 * it. What node 1 asks for while home waits for its YIELD is put off until that
 * is here. A page that nobody touched is granted without bytes, for writing.
 *
 * A page may leave before the program that it came for has run, which then
 * faults again. With hold_us it stays that long, which mostly costs more.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "sample.h"
#include "uffd_dsm.h"

#define PAGE	4096UL

enum right { NONE, READ, WRITE };

enum verb { ASK, GRANT, RECALL, YIELD };

struct message {
	uint16_t what;
	uint16_t right;		/* that is asked for or given */
	uint32_t bytes;		/* that follow, 0 or PAGE */
	uint64_t page;
};

struct page {
	uint64_t came;		/* when, in nanoseconds */
	uint8_t here;		/* what programs of this node may do with it */
	uint8_t there;		/* at home: what those of the other may */
	uint8_t put_off;	/* at home: asked for meanwhile by the other */
	bool waiting;		/* for GRANT or YIELD */
};

struct node {
	int uffd;
	int link;
	bool home;
	uint64_t hold_ns;
	char *map;
	size_t pages;
	struct page *page;
	struct {
		struct message head;
		char bytes[PAGE];
	} in, out;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *address(const struct node *n, uint64_t at)
{
	return n->map + at * PAGE;
}

static struct uffdio_range range(const struct node *n, uint64_t at)
{
	return (struct uffdio_range) {
		.start = (uintptr_t)address(n, at),
		.len = PAGE,
	};
}

/* ---- the mapping ---- */

static void protect(struct node *n, uint64_t at, bool on)
{
	struct uffdio_writeprotect arg = {
		.range = range(n, at),
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (ioctl(n->uffd, UFFDIO_WRITEPROTECT, &arg))
		fail("UFFDIO_WRITEPROTECT");
}

static void map_bytes(struct node *n, uint64_t at, const char *bytes,
		      enum right right)
{
	struct uffdio_copy arg = {
		.dst = (uintptr_t)address(n, at),
		.src = (uintptr_t)bytes,
		.len = PAGE,
		.mode = right == READ ? UFFDIO_COPY_MODE_WP : 0,
	};

	if (ioctl(n->uffd, UFFDIO_COPY, &arg))
		fail("UFFDIO_COPY");
}

static void map_zeros(struct node *n, uint64_t at)
{
	struct uffdio_zeropage arg = { .range = range(n, at) };

	if (ioctl(n->uffd, UFFDIO_ZEROPAGE, &arg))
		fail("UFFDIO_ZEROPAGE");
}

static void unmap(struct node *n, uint64_t at)
{
	if (madvise(address(n, at), PAGE, MADV_DONTNEED))
		fail("MADV_DONTNEED");
}

static void wake(struct node *n, uint64_t at)
{
	struct uffdio_range arg = range(n, at);

	if (ioctl(n->uffd, UFFDIO_WAKE, &arg))
		fail("UFFDIO_WAKE");
}

/* ---- what happens to a page ---- */

/* The bytes, if any, are in n->out already. */
static void tell(struct node *n, enum verb what, enum right right, uint64_t at,
		 uint32_t bytes)
{
	n->out.head = (struct message) {
		.what = what, .right = right, .bytes = bytes, .page = at,
	};
	link_send(n->link, &n->out, sizeof(n->out.head) + bytes);
}

/* A page of zeros is only mapped where it may be written, so it has no bytes
 * to be told of.
 */
static void come(struct node *n, uint64_t at, enum right right,
		 const char *bytes)
{
	struct page *p = &n->page[at];

	if (bytes)
		map_bytes(n, at, bytes, right);
	else if (p->here == READ)
		protect(n, at, false);
	else
		map_zeros(n, at);
	p->here = right;
	p->waiting = false;
	p->came = now_ns();
}

static void hold(const struct node *n, const struct page *p)
{
	uint64_t end = p->came + n->hold_ns;
	const struct timespec t = {
		.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000,
	};

	if (n->hold_ns)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Let the other have a right, and have the bytes ready for it, if told. */
static void give(struct node *n, uint64_t at, enum right right, bool bytes)
{
	struct page *p = &n->page[at];

	hold(n, p);
	if (bytes) {
		/* Nobody writes from here on. */
		protect(n, at, true);
		memcpy(n->out.bytes, address(n, at), PAGE);
	}
	if (right == WRITE)
		unmap(n, at);
	p->here = right == WRITE ? NONE : READ;
}

/* At home, the other asks. */
static void serve(struct node *n, uint64_t at, enum right right)
{
	struct page *p = &n->page[at];
	bool bytes = p->there == NONE;

	if (p->waiting) {
		p->put_off = right;
		return;
	}
	if (p->here == NONE) {
		/* Nobody touched it. */
		p->there = WRITE;
		tell(n, GRANT, WRITE, at, 0);
		return;
	}
	give(n, at, right, bytes);
	p->there = right;
	tell(n, GRANT, right, at, bytes ? PAGE : 0);
}

/* A program of this node needs a page. */
static void want(struct node *n, uint64_t at, enum right right)
{
	struct page *p = &n->page[at];

	if (p->here >= right) {
		wake(n, at);
	} else if (p->waiting) {
		/* What comes wakes it, and if that is not enough it faults. */
	} else if (n->home && p->there == NONE) {
		come(n, at, WRITE, NULL);
	} else {
		p->waiting = true;
		tell(n, n->home ? RECALL : ASK, right, at, 0);
	}
}

static void yielded(struct node *n, uint64_t at, enum right right,
		    const char *bytes)
{
	struct page *p = &n->page[at];
	enum right put_off = p->put_off;

	come(n, at, right, bytes);
	p->there = right == WRITE ? NONE : READ;
	p->put_off = NONE;
	if (put_off)
		serve(n, at, put_off);
}

static void recalled(struct node *n, uint64_t at, enum right right)
{
	bool bytes = n->page[at].here == WRITE;

	give(n, at, right, bytes);
	tell(n, YIELD, right, at, bytes ? PAGE : 0);
}

/* ---- the thread ---- */

static void take_message(struct node *n)
{
	const struct message *m = &n->in.head;
	const char *bytes = m->bytes ? n->in.bytes : NULL;

	switch (m->what) {
	case ASK:
		serve(n, m->page, m->right);
		break;
	case GRANT:
		come(n, m->page, m->right, bytes);
		break;
	case RECALL:
		recalled(n, m->page, m->right);
		break;
	case YIELD:
		yielded(n, m->page, m->right, bytes);
		break;
	}
}

/* Returns false at the end of the connection. */
static bool receive(struct node *n)
{
	struct message *m = &n->in.head;
	ssize_t got;

	got = recv(n->link, m, sizeof(*m), MSG_WAITALL);
	if (got != sizeof(*m))
		return false;
	if (m->page >= n->pages || m->bytes > PAGE) {
		fprintf(stderr, "uffd: a message that makes no sense\n");
		exit(1);
	}
	if (m->bytes)
		link_receive(n->link, n->in.bytes, m->bytes);
	take_message(n);
	return true;
}

static void take_fault(struct node *n)
{
	struct uffd_msg m;
	uint64_t flags, offset;

	if (read(n->uffd, &m, sizeof(m)) != sizeof(m))
		return;
	flags = m.arg.pagefault.flags;
	offset = m.arg.pagefault.address - (uintptr_t)n->map;
	want(n, offset / PAGE,
	     flags & (UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP) ?
	     WRITE : READ);
}

static void *handle(void *arg)
{
	struct node *n = arg;
	struct pollfd fd[] = {
		{ .fd = n->link, .events = POLLIN },
		{ .fd = n->uffd, .events = POLLIN },
	};

	/* A hold is not to be longer than asked for. */
	prctl(PR_SET_TIMERSLACK, 1);
	while (poll(fd, 2, -1) > 0) {
		if (fd[0].revents && !receive(n))
			break;
		if (fd[1].revents)
			take_fault(n);
	}
	return NULL;
}

static void watch(struct node *n)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register all = {
		.range = { .start = (uintptr_t)n->map, .len = n->pages * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};

	n->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (n->uffd < 0 || ioctl(n->uffd, UFFDIO_API, &api) ||
	    ioctl(n->uffd, UFFDIO_REGISTER, &all))
		fail("userfaultfd");
}

char *uffd_dsm_map(int link, bool home, size_t pages, unsigned int hold_us)
{
	struct node *n = calloc(1, sizeof(*n));
	pthread_t thread;

	if (n)
		n->page = calloc(pages, sizeof(*n->page));
	if (!n || !n->page)
		fail("calloc");
	n->link = link;
	n->home = home;
	n->hold_ns = hold_us * 1000ULL;
	n->pages = pages;
	n->map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (n->map == MAP_FAILED || madvise(n->map, pages * PAGE,
					    MADV_NOHUGEPAGE))
		fail("mmap");
	watch(n);
	if (pthread_create(&thread, NULL, handle, n))
		fail("pthread_create");
	return n->map;
}
