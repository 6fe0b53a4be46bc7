// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explores all interleavings of a small cluster of the real core.
 *
 * From a cluster that nobody has touched, it does everything that can happen
 * next, in every order, to dsm_step() as the module has it. What must be true
 * is checked in every step and in every state, and that nothing is stuck in any
 * (search.c). When no new state turns up, that is a proof, for this number of
 * nodes and pages; programs and their faults have no bound.
 *
 * What is wrong is printed as a story, by the shortest way, for
 * selftests/core/story.c to replay; the exit status is 1.
 *
 * The method is that of D. Dill et al., "Protocol verification as a hardware
 * design aid" (Murphi, ICCD 1992). States that differ in the names of nodes are
 * one, as in C. N. Ip and D. Dill, "Better verification through symmetry"
 * (1996). States are kept in full, not as hashes, so none can be missed.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "explore.h"

struct explore_config explore = {
	.nodes = 2,
	.pages = 1,
	.hold_us = 100,
	.symmetry = true,
};

static u32 at = STORE_NONE;
static const struct move *at_move;

void explore_at(u32 nr, const struct move *m)
{
	at = nr;
	at_move = m;
}

void explore_fail(const char *fmt, ...)
{
	static bool failed;
	va_list args;

	if (failed)
		abort();
	failed = true;
	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (at != STORE_NONE)
		tale(at, at_move);
	exit(1);
}

enum option_id {
	OPT_NODES,
	OPT_PAGES,
	OPT_EVICT,
	OPT_SPANS,
	OPT_LOSE,
	OPT_HOLD,
	OPT_NO_SYMMETRY,
	OPT_MAX_STATES,
	OPT_LAST,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "nodes", required_argument, NULL, OPT_NODES },
	{ "pages", required_argument, NULL, OPT_PAGES },
	{ "evict", no_argument, NULL, OPT_EVICT },
	{ "spans", no_argument, NULL, OPT_SPANS },
	{ "lose", required_argument, NULL, OPT_LOSE },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "no-symmetry", no_argument, NULL, OPT_NO_SYMMETRY },
	{ "max-states", required_argument, NULL, OPT_MAX_STATES },
	{ "last", no_argument, NULL, OPT_LAST },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ }
};

static void usage(void)
{
	fprintf(stderr,
		"usage: explore [--nodes N] [--pages N] [--evict] [--spans] [--lose NODES]\n"
		"               [--hold US] [--no-symmetry] [--max-states N] [--last] [--quiet]\n");
	exit(2);
}

static u64 number(u64 min, u64 max)
{
	char *end;
	u64 n = strtoull(optarg, &end, 0);

	if (end == optarg || *end || n < min || n > max)
		usage();
	return n;
}

static void set(int option)
{
	switch (option) {
	case OPT_NODES:
		explore.nodes = number(2, EXPLORE_NODES);
		break;
	case OPT_PAGES:
		explore.pages = number(1, EXPLORE_PAGES);
		break;
	case OPT_EVICT:
		explore.evict = true;
		break;
	case OPT_SPANS:
		explore.spans = true;
		break;
	case OPT_LOSE:
		explore.lose = number(0, EXPLORE_NODES - 1);
		break;
	case OPT_HOLD:
		explore.hold_us = number(0, DSM_GRACE_US);
		break;
	case OPT_NO_SYMMETRY:
		explore.symmetry = false;
		break;
	case OPT_MAX_STATES:
		explore.states_max = number(0, STORE_NONE - 1);
		break;
	case OPT_LAST:
		explore.last = true;
		break;
	case OPT_QUIET:
		explore.quiet = true;
		break;
	default:
		usage();
	}
}

int main(int argc, char **argv)
{
	int i, option;
	u32 last;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set(option);
	if (optind != argc || explore.lose >= explore.nodes ||
	    explore.pages > explore.nodes)
		usage();
	printf("# explore");
	for (i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	fflush(stdout);

	names_init();
	last = search();
	if (explore.last)
		tale(last, NULL);
	return 0;
}
