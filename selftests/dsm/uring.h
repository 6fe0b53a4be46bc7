/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io_uring by its system calls: one request after the other.
 */
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct uring - a ring
 * @fd:		its file
 * @sqes:	where requests are written
 * @rings:	memory of both queues
 * @size:	bytes in it
 * @params:	where in that memory things are
 */
struct uring {
	int fd;
	struct io_uring_sqe *sqes;
	char *rings;
	size_t size;
	struct io_uring_params params;
};

/* All that return int return 0, or -1 with errno set. */
int uring_open(struct uring *r);
void uring_close(struct uring *r);
int uring_submit(struct uring *r, const struct io_uring_sqe *sqe);
int uring_wait(struct uring *r);
int uring_register(struct uring *r, void *buffer, size_t size);

/* A read or write of a kind, and its result */
int uring_rw(struct uring *r, unsigned int opcode, int fd, const void *buffer,
	     size_t size, uint64_t offset);

struct io_uring_sqe uring_request(unsigned int opcode, int fd,
				  const void *buffer, size_t size,
				  uint64_t offset);

#endif /* URING_H */
