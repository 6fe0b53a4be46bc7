// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that a test serves itself.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "disk.h"
#include "dsmtest.h"

#define DEVICE		"/dev/nbd0"
#define SERVED_BY	"/sys/block/nbd0/pid"
#define SECTOR		512UL

bool disk_exists(void)
{
	return !access(DEVICE, R_OK | W_OK);
}

static bool receive(const struct disk *d, void *to, size_t size)
{
	return recv(d->wire[1], to, size, MSG_WAITALL) == (ssize_t)size;
}

static bool transmit(const struct disk *d, const void *from, size_t size)
{
	return send(d->wire[1], from, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void wait_released(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->held++;
	while (d->hold)
		pthread_cond_wait(&d->changed, &d->lock);
	d->held--;
	pthread_mutex_unlock(&d->lock);
}

/* Carry out one request; false at the end. */
static bool serve_one(struct disk *d)
{
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };
	struct nbd_request request;
	size_t from, length;
	char *bytes;

	if (!receive(d, &request, sizeof(request)))
		return false;
	memcpy(&reply.handle, &request.handle, sizeof(reply.handle));
	from = be64toh(request.from);
	length = be32toh(request.len);
	bytes = d->bytes + from;
	if (from > d->size || length > d->size - from)
		return false;

	switch (be32toh(request.type) & 0xffff) {
	case NBD_CMD_READ:
		wait_released(d);
		return transmit(d, &reply, sizeof(reply)) &&
		       transmit(d, bytes, length);
	case NBD_CMD_WRITE:
		wait_released(d);
		return receive(d, bytes, length) &&
		       transmit(d, &reply, sizeof(reply));
	default:
		return false;
	}
}

static void *serve(void *arg)
{
	struct disk *d = arg;

	while (serve_one(d))
		;
	shutdown(d->wire[1], SHUT_RDWR);
	return NULL;
}

static void *lend(void *arg)
{
	struct disk *d = arg;

	ioctl(d->control, NBD_DO_IT);
	return NULL;
}

/*
 * Whoever has the device open keeps what it last was: its size, and that it
 * was disconnected. After the last request of a process that is gone, that is
 * the kernel, for a while.
 */
static bool is_let_go(void)
{
	return access(SERVED_BY, F_OK) && errno == ENOENT;
}

/* Whether a thread of ours lends itself to the device */
static bool is_served(void)
{
	FILE *f = fopen(SERVED_BY, "re");
	char path[64];
	bool known;
	int tid;

	if (!f)
		return false;
	known = fscanf(f, "%d", &tid) == 1;
	fclose(f);
	if (!known)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
	return !access(path, F_OK);
}

/* The size is there last. */
static bool is_connected(const struct disk *d)
{
	uint64_t size = 0;

	return is_served() && !ioctl(d->control, BLKGETSIZE64, &size) &&
	       size == d->size;
}

/* All but memory; on failure the process is to end. */
static int connect_disk(struct disk *d)
{
	if (!wait_for(is_let_go()))
		return -1;
	d->control = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (d->control < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, d->wire) ||
	    ioctl(d->control, NBD_CLEAR_SOCK) ||
	    ioctl(d->control, NBD_SET_BLKSIZE, SECTOR) ||
	    ioctl(d->control, NBD_SET_SIZE_BLOCKS, d->size / SECTOR) ||
	    ioctl(d->control, NBD_SET_SOCK, d->wire[0]))
		return -1;
	if (pthread_create(&d->server, NULL, serve, d) ||
	    pthread_create(&d->kernel, NULL, lend, d) ||
	    !wait_for(is_connected(d)))
		return -1;
	d->fd = open(DEVICE, O_RDWR | O_DIRECT | O_CLOEXEC);
	return d->fd < 0 ? -1 : 0;
}

int disk_open(struct disk *d, size_t size)
{
	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	d->size = size;
	d->bytes = calloc(1, size);
	return d->bytes ? connect_disk(d) : -1;
}

void disk_close(struct disk *d)
{
	disk_release(d);
	close(d->fd);
	ioctl(d->control, NBD_DISCONNECT);
	pthread_join(d->server, NULL);
	pthread_join(d->kernel, NULL);
	ioctl(d->control, NBD_CLEAR_SOCK);
	close(d->control);
	close(d->wire[0]);
	close(d->wire[1]);
	free(d->bytes);
}

static void set_hold(struct disk *d, bool hold)
{
	pthread_mutex_lock(&d->lock);
	d->hold = hold;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

void disk_hold(struct disk *d)
{
	set_hold(d, true);
}

void disk_release(struct disk *d)
{
	set_hold(d, false);
}

bool disk_holds(struct disk *d)
{
	bool holds;

	pthread_mutex_lock(&d->lock);
	holds = d->held;
	pthread_mutex_unlock(&d->lock);
	return holds;
}
