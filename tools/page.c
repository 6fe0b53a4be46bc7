// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmctl page: what this node knows of one page
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "dsmctl.h"

static bool in_copyset(const struct dsm_page_info *page, unsigned int node)
{
	return page->copyset[node / 64] >> (node % 64) & 1;
}

/* "0, 2, 5-7" */
static void print_copyset(const struct dsm_page_info *page)
{
	const char *comma = "";
	unsigned int first;
	unsigned int n = 0;

	printf("  copyset: ");
	while (n < DSM_NODES_MAX) {
		first = n++;
		if (!in_copyset(page, first))
			continue;
		while (n < DSM_NODES_MAX && in_copyset(page, n))
			n++;
		if (n - first == 1)
			printf("%s%u", comma, first);
		else
			printf("%s%u-%u", comma, first, n - 1);
		comma = ", ";
	}
	printf("%s\n", *comma ? "" : "empty");
}

static void print_flags(__u32 flags)
{
	static const char *const names[] = { "home", "busy", "pending" };
	const char *comma = "";

	printf("  flags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & 1U << i))
			continue;
		printf("%s%s", comma, names[i]);
		comma = ", ";
	}
	printf("%s\n", *comma ? "" : "none");
}

static const char *state_name(__u32 state)
{
	switch (state) {
	case DSM_PAGE_NONE:
		return "none";
	case DSM_PAGE_READ_ONLY:
		return "read-only";
	case DSM_PAGE_READ_WRITE:
		return "read-write";
	default:
		return "unknown";
	}
}

static void print_page(const struct dsm_page_info *page,
		       const struct dsm_info *info)
{
	printf("page %llu at offset 0x%llx, as node %u knows it\n",
	       page->offset / info->block_size,
	       page->offset, info->node);
	printf("  state: %s\n", state_name(page->state));
	printf("  home: %u\n", page->home);
	if (page->owner == DSM_NODE_NONE)
		printf("  owner: unknown here\n");
	else
		printf("  owner: %u\n", page->owner);
	print_copyset(page);
	printf("  version: %llu\n", page->version);
	print_flags(page->flags);
	if (!(page->flags & DSM_PAGE_IS_HOME))
		printf("Only node %u, the home, knows the owner and the whole copyset.\n",
		       page->home);
}

static int show_page(int fd, __u64 offset)
{
	struct dsm_page_info page;
	struct dsm_info info;
	char size[FORMAT_MAX];

	if (dsm_get_info(fd, &info))
		return failure("%s", dsm_error());
	if (offset >= info.size)
		return failure("0x%llx is past the end of the region, which has %s",
			       offset,
			       format_size(size, sizeof(size), info.size));
	if (dsm_get_page(fd, offset, &page))
		return failure("%s", dsm_error());
	print_page(&page, &info);
	return EXIT_OK;
}

static int run_page(const char *instance, int argc, char **argv)
{
	static const struct option options[] = { { } };
	__u64 offset;
	int error;
	int fd;

	if (getopt_long(argc, argv, "", options, NULL) >= 0)
		return bad_usage();
	if (argc - optind != 1)
		return usage_error("give one offset");
	if (!parse_size(argv[optind], &offset))
		return usage_error("'%s' is not an offset such as 8192, 0x2000 or 8K",
			     argv[optind]);

	fd = dsm_open(instance);
	if (fd < 0)
		return failure("%s", dsm_error());
	error = show_page(fd, offset);
	close(fd);
	return error;
}

const struct command command_page = {
	.name = "page",
	.synopsis = "OFFSET",
	.help =
	"Shows what this node knows of the page that holds the byte at OFFSET: its\n"
	"state here, its home, its owner, which nodes may hold a copy, its version.\n"
	"The page is not touched. OFFSET is decimal, or hexadecimal after 0x, and\n"
	"K, M, G or T may follow it.\n"
	"\n"
	"Flags:\n"
	"  home      this node is the page's home: everything is exact\n"
	"  busy      the home serves a request: owner and copyset are from before it\n"
	"  pending   this node has asked for the page and waits for the answer\n",
	.run = run_page,
};
