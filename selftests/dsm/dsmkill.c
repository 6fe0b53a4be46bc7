// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long does a process live that is killed while it waits for a page?
 *
 *	dsmkill [-d INSTANCE] [-w] [-m MS] OFFSET
 *
 * Starts a process that loads from OFFSET, or with -w stores there, waits until
 * the node has asked for the page, sends SIGKILL, and fails if the process is
 * not gone within MS (1000) milliseconds.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dsmtest.h"

static void touch(volatile char *p, bool write)
{
	if (write)
		*p = 1;
	else
		(void)*p;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *instance = NULL;
	uint64_t offset, limit = 1000, took;
	bool write = false;
	int opt, fd, status;
	pid_t pid;
	char *p;

	while ((opt = getopt(argc, argv, "d:m:w")) != -1) {
		switch (opt) {
		case 'd':
			instance = optarg;
			break;
		case 'm':
			limit = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			write = true;
			break;
		default:
			goto usage;
		}
	}
	if (argc - optind != 1)
		goto usage;
	offset = strtoull(argv[optind], NULL, 0) & ~(PAGE - 1);

	fd = dsm_open(instance);
	p = fd < 0 ? NULL : dsm_map(fd, offset, PAGE, PROT_READ | PROT_WRITE);
	if (!p) {
		fprintf(stderr, "# %s\n", dsm_error());
		return 1;
	}
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid)
		touch(p, write);
	if (!wait_for(page_is_pending(fd, offset))) {
		fprintf(stderr, "# the process does not wait\n");
		kill(pid, SIGKILL);
		return 1;
	}
	took = now_ms();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	took = now_ms() - took;
	printf("# gone after %" PRIu64 " ms\n", took);
	return !WIFSIGNALED(status) || took > limit;
usage:
	fprintf(stderr, "usage: dsmkill [-d INSTANCE] [-w] [-m MS] OFFSET\n");
	return 2;
}
