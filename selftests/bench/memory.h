/* SPDX-License-Identifier: GPL-2.0-only */
/* What two programs can share, each at its own address. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE	4096UL

/**
 * struct memory - pages that two programs share
 * @system:	what shares them
 * @page:	where each is mapped
 * @pages:	how many there are
 */
struct memory {
	const char *system;
	char **page;
	size_t pages;
};

/* All end the program if it cannot be had. */

/* Of /dev/dsm, the pages from the skipped ones on that have node 0 as home */
void memory_dsm(struct memory *m, const char *device, size_t pages,
		size_t skip);

/* Files of one page each, made where they are not there */
void memory_files(struct memory *m, const char *directory, size_t pages);

/* Shared by user space alone, over a connection of its own */
void memory_uffd(struct memory *m, int link, bool home, size_t pages,
		 unsigned int hold_us);

#endif /* BENCH_MEMORY_H */
