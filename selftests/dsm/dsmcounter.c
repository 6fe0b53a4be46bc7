// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that add one to a word, again and again:
 *
 *	dsmcounter [-d INSTANCE] [-n PROCESSES] [-r ROUNDS | -u] [-w PARTIES]
 *		   OFFSET
 *
 * The word may span two pages. With -w, all processes, on all nodes, wait until
 * they are so many; they count themselves in the word at OFFSET + 16. With -u
 * they go on until the word at OFFSET + 24 is not zero, and each prints how
 * often it has added. A page that cannot be had ends it with status 7.
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
 */
struct task {
	uint64_t rounds;
	uint64_t parties;
	bool until;
};

static void run(char *p, const struct task *task)
{
	volatile uint64_t *arrived = (volatile uint64_t *)(p + 16);
	volatile uint64_t *stop = (volatile uint64_t *)(p + 24);
	uint64_t added = 0;

	signal(SIGBUS, on_sigbus);
	if (task->parties) {
		atomic_inc64(arrived);
		if (!wait_for(*arrived >= task->parties)) {
			fprintf(stderr, "# the others do not come\n");
			_exit(1);
		}
	}
	while (task->until ? !*stop : added < task->rounds) {
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

	while ((opt = getopt(argc, argv, "d:n:r:uw:")) != -1) {
		switch (opt) {
		case 'd':
			instance = optarg;
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
		"	[-r ROUNDS | -u] [-w PARTIES] OFFSET\n");
	return 2;
}
