// SPDX-License-Identifier: GPL-2.0-only
/*
 * One word of the region, for scripts:
 *
 *	dsmword [-d INSTANCE] get OFFSET	print it
 *	dsmword [-d INSTANCE] set OFFSET VALUE
 *	dsmword [-d INSTANCE] follow OFFSET	print the word that it points to
 *	dsmword [-d INSTANCE] address OFFSET	print where it is mapped
 *	dsmword [-d INSTANCE] home OFFSET	print the node that is its home
 *	dsmword [-d INSTANCE] settle OFFSET	wait until its page is not busy
 *	dsmword [-d INSTANCE] hold OFFSET	keep it mapped till input ends
 *
 * A page that cannot be had ends it with status 7, saying when the SIGBUS came.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dsmtest.h"

static uint64_t start;
static const void *expected;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	/* The only access is the one that is waited for. */
	printf("# SIGBUS after %" PRIu64 " ms\n", now_ms() - start);
	fflush(stdout);
	_exit(info->si_addr == expected ? EXIT_SIGBUS : 1);
}

static int settle(int fd, uint64_t offset)
{
	struct dsm_page_info page = { 0 };
	bool idle;

	idle = wait_for(!dsm_get_page(fd, offset, &page) &&
			!(page.flags & (DSM_PAGE_BUSY | DSM_PAGE_PENDING)));
	return !idle;
}

static int usage(void)
{
	fprintf(stderr, "usage: dsmword [-d INSTANCE]\n"
		"	get|set|follow|address|home|settle|hold OFFSET [VALUE]\n");
	return 2;
}

/* Keep the mapping, and say so, until the input ends. */
static void hold(volatile uint64_t *p)
{
	char c;

	*p = 1;
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	struct sigaction act = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO,
	};
	const char *instance = NULL, *what;
	struct dsm_page_info page;
	volatile uint64_t *p;
	struct dsm_info info;
	uint64_t offset;
	size_t length;
	char *map;
	int opt, fd;

	while ((opt = getopt(argc, argv, "d:")) != -1) {
		if (opt != 'd')
			return usage();
		instance = optarg;
	}
	if (argc - optind < 2)
		return usage();
	what = argv[optind];
	offset = strtoull(argv[optind + 1], NULL, 0);

	fd = dsm_open(instance);
	if (fd < 0 || dsm_get_info(fd, &info) ||
	    dsm_get_page(fd, offset, &page))
		goto fail;
	if (!strcmp(what, "home")) {
		printf("%u\n", page.home);
		return 0;
	}
	if (!strcmp(what, "settle"))
		return settle(fd, offset);

	/* The word may span two pages, but for the last. */
	length = page.offset + PAGE < info.size ? 2 * PAGE : PAGE;
	map = dsm_map(fd, page.offset, length, PROT_READ | PROT_WRITE);
	if (!map)
		goto fail;
	p = (volatile uint64_t *)(map + (offset - page.offset));
	expected = (const void *)p;
	sigaction(SIGBUS, &act, NULL);
	start = now_ms();

	if (!strcmp(what, "get"))
		printf("%" PRIu64 "\n", *p);
	else if (!strcmp(what, "set") && argc - optind == 3)
		*p = strtoull(argv[optind + 2], NULL, 0);
	else if (!strcmp(what, "follow"))
		printf("%" PRIu64 "\n", *(volatile uint64_t *)(uintptr_t)*p);
	else if (!strcmp(what, "address"))
		printf("%p\n", (void *)p);
	else if (!strcmp(what, "hold"))
		hold(p);
	else
		return usage();
	return 0;
fail:
	fprintf(stderr, "# %s\n", dsm_error());
	return 1;
}
