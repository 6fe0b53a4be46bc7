/* SPDX-License-Identifier: GPL-2.0-only */
/* A shared memory of two nodes that needs no kernel module. */
#ifndef BENCH_UFFD_DSM_H
#define BENCH_UFFD_DSM_H

#include <stdbool.h>
#include <stddef.h>

/**
 * uffd_dsm_map() - Make this process one of the two nodes
 * @link:	to the other, for the memory's own use; its end ends the node
 * @home:	whether this is the one that keeps the directory
 * @pages:	in the memory, the same at both
 * @hold_us:	how long a page that came is kept at least, 0: not at all
 *
 * Ends the program if it cannot be had.
 *
 * Return: the memory, as yet of zeros.
 */
char *uffd_dsm_map(int link, bool home, size_t pages, unsigned int hold_us);

#endif /* BENCH_UFFD_DSM_H */
