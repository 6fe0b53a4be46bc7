// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that add one to a word, again and again:
 *
 *	dsmcounter [-d INSTANCE] [-n PROCESSES] [-r ROUNDS | -u | -l TURNS]
 *		   [-w PARTIES] OFFSET
 *
 * The word may span two pages. With -w, all processes, on all nodes, wait until
 * they are so many; they count themselves in the word at OFFSET + 16. With -u
 * they go on until the word at OFFSET + 24 is not zero, with -l under a lock,
 * until it has gone from one process to another TURNS times. Then each prints
 * how often it has added. A page that cannot be had ends it with status 7.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dsmtest.h"

static void on_sigbus(int sig)
{
	(void)sig;
	_exit(EXIT_SIGBUS);
}

/**
 * struct task - what each process does
 * @rounds:	how often to add
 * @parties:	for how many to wait first
 * @until:	instead of @rounds, go on until told to stop
 * @turns:	how often the lock changes hands until all are told; 0: no lock
 */
struct task {
	uint64_t rounds;
	uint64_t parties;
	bool until;
	uint64_t turns;
};

/**
 * struct shared - what is at OFFSET
 * @word:	what is added to
 * @unused:	keeps a @word that spans two pages apart from the rest
 * @arrived:	processes that have come
 * @stop:	not zero: it is over
 * @lock:	not zero: held
 * @holder:	the process that had it last
 * @turns:	how often it went from one process to another
 */
struct shared {
	uint64_t word;
	uint64_t unused;
	volatile uint64_t arrived;
	volatile uint64_t stop;
	uint64_t lock;
	uint64_t holder;
	uint64_t turns;
};

/* What a program does between two times that it needs the lock */
static void work(void)
{
	int i;

	for (i = 0; i < 32; i++)
		__builtin_ia32_pause();
}

/* @me: a number that no other process of the cluster has */
static void add_locked(struct shared *s, const struct task *task, uint64_t me)
{
	while (__atomic_exchange_n(&s->lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&s->lock, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
	s->word++;
	if (s->holder != me && ++s->turns >= task->turns)
		s->stop = 1;
	s->holder = me;
	__atomic_store_n(&s->lock, 0, __ATOMIC_RELEASE);
	work();
}

static void run(char *p, const struct task *task)
{
	struct shared *s = (struct shared *)p;
	uint64_t added = 0, me;

	signal(SIGBUS, on_sigbus);
	if (task->parties) {
		atomic_inc64(&s->arrived);
		if (!wait_for(s->arrived >= task->parties)) {
			fprintf(stderr, "# the others do not come\n");
			_exit(1);
		}
	}
	me = random_seed();
	while (task->until ? !s->stop : added < task->rounds) {
		if (task->turns)
			add_locked(s, task, me);
		else
			atomic_inc64(p);
		added++;
	}
	if (task->until)
		printf("%" PRIu64 "\n", added);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct task task = { .rounds = 1 };
	uint64_t processes = 1, offset, page, i;
	const char *instance = NULL;
	int opt, fd, status, worst = 0;
	char *map;

	while ((opt = getopt(argc, argv, "d:l:n:r:uw:")) != -1) {
		switch (opt) {
		case 'd':
			instance = optarg;
			break;
		case 'l':
			task.turns = strtoull(optarg, NULL, 0);
			task.until = true;
			break;
		case 'n':
			processes = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			task.rounds = strtoull(optarg, NULL, 0);
			break;
		case 'u':
			task.until = true;
			break;
		case 'w':
			task.parties = strtoull(optarg, NULL, 0);
			break;
		default:
			goto usage;
		}
	}
	if (argc - optind != 1)
		goto usage;
	offset = strtoull(argv[optind], NULL, 0);

	page = offset & ~(PAGE - 1);
	fd = dsm_open(instance);
	map = fd < 0 ? NULL : dsm_map(fd, page, 2 * PAGE,
				      PROT_READ | PROT_WRITE);
	if (!map) {
		fprintf(stderr, "# %s\n", dsm_error());
		return 1;
	}
	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			run(map + (offset - page), &task);
	}
	while (wait(&status) > 0) {
		int result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;

		if (result > worst)
			worst = result;
	}
	return worst;
usage:
	fprintf(stderr, "usage: dsmcounter [-d INSTANCE] [-n PROCESSES]\n"
		"	[-r ROUNDS | -u | -l TURNS] [-w PARTIES] OFFSET\n");
	return 2;
}
