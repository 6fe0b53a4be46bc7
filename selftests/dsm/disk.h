/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk that a test serves itself, by the kernel's network block device. So
 * the test says when a read's bytes go into memory, as a slow disk's DMA would.
 */
#ifndef DISK_H
#define DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct disk - the disk
 * @fd:		its device, open for reading and writing with O_DIRECT
 * @bytes:	what it holds
 * @size:	how many
 * @control:	its device, for whoever serves it
 * @wire:	its two ends of the connection: the kernel's, and ours
 * @kernel:	the thread that lends itself to the kernel
 * @server:	the thread that answers requests
 * @lock:	protects what follows
 * @changed:	it did
 * @hold:	requests wait
 * @held:	how many do: one, if any; the others queue up behind it
 */
struct disk {
	int fd;
	char *bytes;
	size_t size;
	int control;
	int wire[2];
	pthread_t kernel;
	pthread_t server;
	pthread_mutex_t lock;	/* protects what follows */
	pthread_cond_t changed;
	bool hold;
	unsigned int held;
};

bool disk_exists(void);
int disk_open(struct disk *d, size_t size);
void disk_close(struct disk *d);

/* From here on a request waits; until then. */
void disk_hold(struct disk *d);
void disk_release(struct disk *d);
bool disk_holds(struct disk *d);

#endif /* DISK_H */
