// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring by its system calls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uring.h"

enum { ENTRIES = 4 };

static unsigned int *field(struct uring *r, unsigned int offset)
{
	return (unsigned int *)(r->rings + offset);
}

static void *map(int fd, size_t size, off_t what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, what);
}

/* It fails where the kernel has no io_uring, or none for us. */
int uring_open(struct uring *r)
{
	struct io_uring_params *p = &r->params;
	size_t sq, cq;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, ENTRIES, p);
	if (r->fd < 0)
		return -1;
	sq = p->sq_off.array + p->sq_entries * sizeof(unsigned int);
	cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	r->size = sq > cq ? sq : cq;
	r->rings = map(r->fd, r->size, IORING_OFF_SQ_RING);
	r->sqes = map(r->fd, p->sq_entries * sizeof(*r->sqes), IORING_OFF_SQES);
	if (r->rings != MAP_FAILED && r->sqes != MAP_FAILED)
		return 0;
	close(r->fd);
	return -1;
}

void uring_close(struct uring *r)
{
	munmap(r->sqes, r->params.sq_entries * sizeof(*r->sqes));
	munmap(r->rings, r->size);
	close(r->fd);
}

struct io_uring_sqe uring_request(unsigned int opcode, int fd,
				  const void *buffer, size_t size,
				  uint64_t offset)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = opcode;
	sqe.fd = fd;
	sqe.addr = (uintptr_t)buffer;
	sqe.len = size;
	sqe.off = offset;
	return sqe;
}

static int enter(struct uring *r, unsigned int submit, unsigned int wait)
{
	int n;

	do
		n = syscall(SYS_io_uring_enter, r->fd, submit, wait,
			    wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Give a request to the kernel, which does not wait for its end. */
int uring_submit(struct uring *r, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = field(r, r->params.sq_off.tail);
	unsigned int slot = *tail & (r->params.sq_entries - 1);

	r->sqes[slot] = *sqe;
	field(r, r->params.sq_off.array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return enter(r, 1, 0) == 1 ? 0 : -1;
}

/* Wait for the end of the oldest one that ended: its result, as read()'s. */
int uring_wait(struct uring *r)
{
	unsigned int *head = field(r, r->params.cq_off.head);
	unsigned int *tail = field(r, r->params.cq_off.tail);
	struct io_uring_cqe *cqe;
	int result;

	while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		if (enter(r, 0, 1) < 0)
			return -1;
	cqe = (struct io_uring_cqe *)(r->rings + r->params.cq_off.cqes) +
	      (*head & (r->params.cq_entries - 1));
	result = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

int uring_rw(struct uring *r, unsigned int opcode, int fd, const void *buffer,
	     size_t size, uint64_t offset)
{
	struct io_uring_sqe sqe = uring_request(opcode, fd, buffer, size,
						offset);

	if (uring_submit(r, &sqe))
		return -1;
	return uring_wait(r);
}

/* Pin a buffer for as long as the ring is there; requests call it number 0. */
int uring_register(struct uring *r, void *buffer, size_t size)
{
	struct iovec iov = { buffer, size };

	return syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_BUFFERS,
		       &iov, 1);
}
