// SPDX-License-Identifier: GPL-2.0-only
/* The command line and the loop. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

struct sim_config sim = {
	.seed = 1,
	.nodes = 4,
	.pages = 16,
	.threads = 2,
	.steps = 200,
	.hold_us = 100,
	.delay_us = 100,
	.think_us = 50,
};

/* What makes this run happen again. */
static char run[1024];

void sim_fail(const char *fmt, ...)
{
	va_list args;

	trace_print();
	printf("# %s\n# at %llu us: ", run, (unsigned long long)world_now);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n# FAILED\n");
	exit(1);
}

enum option_id {
	OPT_SEED,
	OPT_NODES,
	OPT_PAGES,
	OPT_THREADS,
	OPT_STEPS,
	OPT_PATTERN,
	OPT_FAULTS,
	OPT_EVICT,
	OPT_HOLD,
	OPT_WIRE,
	OPT_DELAY,
	OPT_WORK,
	OPT_THINK,
	OPT_TRACE,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "nodes", required_argument, NULL, OPT_NODES },
	{ "pages", required_argument, NULL, OPT_PAGES },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "steps", required_argument, NULL, OPT_STEPS },
	{ "pattern", required_argument, NULL, OPT_PATTERN },
	{ "faults", optional_argument, NULL, OPT_FAULTS },
	{ "evict", no_argument, NULL, OPT_EVICT },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "wire", required_argument, NULL, OPT_WIRE },
	{ "delay", required_argument, NULL, OPT_DELAY },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "think", required_argument, NULL, OPT_THINK },
	{ "trace", no_argument, NULL, OPT_TRACE },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ }
};

static void usage(void)
{
	u32 i;

	fprintf(stderr,
		"usage: sim [--seed N] [--nodes N] [--pages N] [--threads N] [--steps N]\n"
		"           [--pattern NAME] [--faults[=NAME][,KIND=PROBABILITY]...]\n"
		"           [--evict] [--hold US] [--wire US] [--delay US]\n"
		"           [--work US] [--think US] [--trace] [--quiet]\n"
		"faults: some many; delay stall cut pause lose\n"
		"patterns:");
	for (i = 0; i < SIM_PATTERNS; i++)
		fprintf(stderr, " %s", load_pattern_name(i));
	fprintf(stderr, "\n");
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

static u32 pattern(void)
{
	u32 i;

	for (i = 0; i < SIM_PATTERNS; i++)
		if (!strcmp(optarg, load_pattern_name(i)))
			return i;
	usage();
	return 0;
}

static void set(int option)
{
	switch (option) {
	case OPT_SEED:
		sim.seed = number(0, ~0ULL);
		break;
	case OPT_NODES:
		sim.nodes = number(2, DSM_NODE_LIMIT);
		break;
	case OPT_PAGES:
		sim.pages = number(1, 1 << 20);
		break;
	case OPT_THREADS:
		sim.threads = number(1, 1000);
		break;
	case OPT_STEPS:
		sim.steps = number(1, 1 << 30);
		break;
	case OPT_PATTERN:
		sim.pattern = pattern();
		break;
	case OPT_FAULTS:
		if (!faults_parse(optarg ? optarg : "some"))
			usage();
		break;
	case OPT_EVICT:
		sim.evict = true;
		break;
	case OPT_HOLD:
		sim.hold_us = number(0, 1000000);
		break;
	case OPT_WIRE:
		sim.wire_us = number(0, 1000000);
		break;
	case OPT_WORK:
		sim.work_us = number(0, 1000);
		break;
	case OPT_DELAY:
		sim.delay_us = number(0, 1000000);
		break;
	case OPT_THINK:
		sim.think_us = number(0, 1000000);
		break;
	case OPT_TRACE:
		sim.trace = true;
		break;
	case OPT_QUIET:
		sim.quiet = true;
		break;
	default:
		usage();
	}
}

/* What happens to the cluster by itself, at random. */
static void plan(void)
{
	u64 length = (u64)sim.steps * (sim.think_us + sim.delay_us);
	u32 i;

	if (sim.evict)
		world_at(world_now + 1,
			 (struct world_event) { .kind = WORLD_EVICT });
	for (i = 0; i < sim.nodes; i++)
		if (faults_strike(FAULT_LOSE))
			world_at(world_now + world_random(length),
				 (struct world_event) {
					.kind = WORLD_CRASH, .who = i,
				 });
}

/* Return: the node that an event happens at; DSM_NO_NODE if none has to run */
static u16 place(const struct world_event *ev)
{
	switch (ev->kind) {
	case WORLD_MESSAGE:
	case WORLD_RESUME:
	case WORLD_TICK:
	case WORLD_LOST:
		return ev->who;
	case WORLD_THREAD:
		return load_node(ev->who);
	default:
		return DSM_NO_NODE;
	}
}

/* Until when an event has to wait, because its node is busy, or stopped. */
static u64 not_before(const struct world_event *ev)
{
	u16 node = place(ev);
	u64 at = 0, other = 0;

	if (node != DSM_NO_NODE)
		at = cluster_busy_until(node);
	if (ev->kind == WORLD_RESUME)
		other = cluster_busy_until(ev->from);
	return at > other ? at : other;
}

static void happen(const struct world_event *ev)
{
	switch (ev->kind) {
	case WORLD_MESSAGE:
		cluster_message(ev);
		break;
	case WORLD_RESUME:
		net_resume(ev->who, ev->from);
		break;
	case WORLD_TICK:
		cluster_tick(ev);
		break;
	case WORLD_THREAD:
		load_run(ev);
		break;
	case WORLD_EVICT:
		cluster_evict();
		if (!load_finished() && world_pending())
			world_at(world_now + 1 + world_random(20), *ev);
		break;
	case WORLD_CRASH:
		cluster_crash(ev->who);
		break;
	case WORLD_LOST:
		cluster_lost(ev->who, ev->from);
		break;
	}
}

static void loop(void)
{
	struct world_event ev;

	while (world_next(&ev)) {
		u64 at = not_before(&ev);

		if (at > world_now) {
			world_again(at, &ev);
			continue;
		}
		happen(&ev);
		if (place(&ev) != DSM_NO_NODE && faults_strike(FAULT_PAUSE))
			cluster_stop(place(&ev));
	}
}

/* For the first line, and again where the run ends badly. */
static void describe(int argc, char **argv)
{
	const char *commit = getenv("DSM_COMMIT");
	int i, len;

	len = snprintf(run, sizeof(run), "seed %llu, commit %s: sim",
		       (unsigned long long)sim.seed,
		       commit ? commit : "unknown");
	for (i = 1; i < argc && len < (int)sizeof(run); i++)
		len += snprintf(run + len, sizeof(run) - len, " %s", argv[i]);
	printf("# %s\n", run);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set(option);
	if (optind != argc)
		usage();
	describe(argc, argv);
	world_init(sim.seed);
	net_init();
	session_init();
	cluster_init();
	oracle_init();
	load_init();
	plan();
	loop();
	load_end();
	session_end();
	oracle_end();
	if (!sim.quiet) {
		oracle_report();
		faults_report();
		session_report();
	}
	load_exit();
	oracle_exit();
	cluster_exit();
	session_exit();
	net_exit();
	world_exit();
	return 0;
}
