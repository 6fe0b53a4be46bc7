/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that compute together in one mapping, wherever they run.
 *
 * A program is started once on each machine, with the same options but for
 * those that say which of the processes it is to start:
 *
 *	PROGRAM [-p PROCESSES] [-f FIRST] [-l LAST] [-o OFFSET] ... FILE
 *
 * FILE holds zeros from OFFSET on when it is first used; it can be used again
 * when all are done.
 */
#ifndef TEAM_H
#define TEAM_H

#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096

/**
 * struct team - what the processes share; the first thing in the mapping
 * @self:	where it is mapped, once all is made
 * @processes:	how many there are, on all machines
 * @barrier:	on a page of its own, as others sleep there
 * @mutex:	guards what follows, and what programs put on the same page
 * @users:	starts of the program that are not done
 */
struct team {
	struct team *self;
	unsigned int processes;

	_Alignas(PAGE) pthread_barrier_t barrier;

	_Alignas(PAGE) pthread_mutex_t mutex;
	unsigned int users;
};

/**
 * struct job - what the command line says
 * @value:	of each option, by its letter; given the defaults before
 * @file:	that is mapped
 */
struct job {
	unsigned long value[CHAR_MAX + 1];
	const char *file;
};

/* Read it; ends the program if it is wrong. */
void job_parse(struct job *job, int argc, char **argv, const char *options,
	       const char *usage);

/**
 * team_join() - Map what is shared
 * @job:	which part of which file
 * @size:	how much of it
 * @make:	makes what the program shares, or NULL; called once, by who
 *		starts process 0
 *
 * Return: the mapping, at the same address wherever it is.
 */
struct team *team_join(const struct job *job, size_t size,
		       void (*make)(struct team *t, const struct job *job));

/**
 * team_run() - Start the processes that are asked for, and wait for all
 * @t:		the team
 * @job:	which ones
 * @compute:	what each does; where it waits, it calls team_wait()
 *
 * That it begins is printed to the standard error, for who looks at the clock,
 * and then what each process did with its time: in all, on the processor for
 * the program and for the system, away from it while there was something to
 * compute (which is what faults take, if it has one for itself), and in
 * team_wait(); then its minor and major faults.
 *
 * Return: 0, or 1 if one has failed.
 */
int team_run(struct team *t, const struct job *job,
	     void (*compute)(struct team *t, unsigned int me));

/* Wait until all processes are here. True for one of them. */
_Bool team_wait(struct team *t);

/* The last one out leaves what is shared to be made anew. */
void team_leave(struct team *t);

/* The part of n things that is a process's own, as [part, part of the next) */
static inline size_t team_part(const struct team *t, size_t n, unsigned int me)
{
	return n * me / t->processes;
}

#define CHECKSUM_EMPTY	0xcbf29ce484222325

/* Goes on with the size bytes at data: FNV-1a, a word at a time */
uint64_t checksum(uint64_t sum, const void *data, size_t size);

#endif /* TEAM_H */
