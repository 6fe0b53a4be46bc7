// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to get a page from another machine, and to put one there, with
 * MPI's one-sided calls: what a program can do that asks for its data itself.
 *
 *	mpirun -np 2 ... mpi_get [-n PAGES] [-j]
 *
 * Rank 1 measures and rank 0 has the pages. A call and the flush that ends it
 * are what a load or a store is that misses.
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sample.h"

#define PAGE	4096

static void get_all(MPI_Win window, size_t pages, struct sample *s)
{
	char page[PAGE];
	uint64_t start;
	size_t i;

	for (i = 0; i < pages; i++) {
		start = now_ns();
		MPI_Get(page, PAGE, MPI_BYTE, 0, i * PAGE, PAGE, MPI_BYTE,
			window);
		MPI_Win_flush(0, window);
		sample_add(s, now_ns() - start);
		if (page[0] != (char)i || page[PAGE - 1] != (char)i)
			MPI_Abort(MPI_COMM_WORLD, 1);
	}
}

static void put_all(MPI_Win window, size_t pages, struct sample *s)
{
	char page[PAGE] = { 0 };
	uint64_t start;
	size_t i;

	for (i = 0; i < pages; i++) {
		start = now_ns();
		MPI_Put(page, PAGE, MPI_BYTE, 0, i * PAGE, PAGE, MPI_BYTE,
			window);
		MPI_Win_flush(0, window);
		sample_add(s, now_ns() - start);
	}
}

static void measure(MPI_Win window, size_t pages, bool json)
{
	struct sample s;

	sample_make(&s, pages);
	MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, window);
	get_all(window, pages, &s);
	sample_print(&s, "mpi", "get", json);
	put_all(window, pages, &s);
	sample_print(&s, "mpi", "put", json);
	MPI_Win_unlock(0, window);
}

int main(int argc, char **argv)
{
	int opt, me, ranks, json = 0;
	size_t pages = 200, i;
	MPI_Win window;
	char *mine;

	MPI_Init(&argc, &argv);
	while ((opt = getopt(argc, argv, "n:j")) != -1) {
		if (opt == 'n')
			pages = strtoul(optarg, NULL, 0);
		json |= opt == 'j';
	}
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (ranks != 2 || !pages) {
		fprintf(stderr, "usage: mpirun -np 2 mpi_get [-n PAGES] [-j]\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	MPI_Win_allocate(pages * PAGE, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &mine,
			 &window);
	for (i = 0; i < pages * PAGE; i++)
		mine[i] = i / PAGE;
	MPI_Barrier(MPI_COMM_WORLD);
	if (me)
		measure(window, pages, json);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_free(&window);
	MPI_Finalize();
	return 0;
}
