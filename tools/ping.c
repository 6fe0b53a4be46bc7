// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmctl ping: round trips to another node, through the connection that the
 * protocol uses
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dsmctl.h"

#define INTERVAL_MAX_S	3600
#define TIMEOUT_MAX_MS	60000

struct options {
	__u64 node;
	__u64 count;		/* 0: until interrupted */
	__u64 bytes;
	double interval;	/* seconds */
	double timeout;		/* seconds */
};

struct statistics {
	__u64 sent;
	__u64 received;
	__u64 min;		/* nanoseconds, as the next two */
	__u64 max;
	__u64 sum;
};

static atomic_bool interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = true;
}

static void mask_interrupt(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(how, &set, NULL);
}

/*
 * An interrupt comes only where we wait, lest it come between the look at the
 * flag and the wait. No SA_RESTART: it ends the wait.
 */
static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	mask_interrupt(SIG_BLOCK);
	sigaction(SIGINT, &action, NULL);
}

static void count_answer(struct statistics *stats, __u64 ns)
{
	if (!stats->received || ns < stats->min)
		stats->min = ns;
	if (ns > stats->max)
		stats->max = ns;
	stats->sum += ns;
	stats->received++;
}

/* True for errors that the next try may not meet. */
static bool is_passing(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH ||
	       error == ECONNRESET || error == EAGAIN;
}

static int ping_once(int fd, const struct options *options,
		     struct statistics *stats)
{
	char text[FORMAT_MAX];
	__u64 ns;
	int error;

	mask_interrupt(SIG_UNBLOCK);
	error = dsm_ping_node(fd, options->node, options->bytes,
			      options->timeout * 1000, &ns) ? errno : 0;
	mask_interrupt(SIG_BLOCK);
	if (error == EINTR && interrupted)
		return EXIT_OK;
	if (error && !is_passing(error))
		return failure("%s", dsm_error());

	stats->sent++;
	if (error) {
		printf("no answer from node %llu: seq=%llu %s\n",
		       options->node, stats->sent, strerror(error));
		return EXIT_OK;
	}
	count_answer(stats, ns);
	printf("%llu bytes from node %llu: seq=%llu time=%s\n",
	       options->bytes, options->node, stats->sent,
	       format_ns(text, sizeof(text), ns));
	return EXIT_OK;
}

static void wait_interval(double seconds)
{
	struct timespec time = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};
	sigset_t none;

	sigemptyset(&none);
	ppoll(NULL, 0, &time, &none);
}

static void print_header(const char *instance, const struct options *options)
{
	char address[DSM_ATTR_MAX];
	char attr[FORMAT_MAX];

	printf("PING node %llu", options->node);
	snprintf(attr, sizeof(attr), "nodes/%llu/address",
		 options->node);
	if (!dsm_attr_read(instance, attr, address, sizeof(address)))
		printf(" (%s)", address);
	printf(": %llu bytes each way\n", options->bytes);
}

static void print_statistics(const struct options *options,
			     const struct statistics *stats)
{
	__u64 lost = stats->sent - stats->received;
	char min[FORMAT_MAX];
	char avg[FORMAT_MAX];
	char max[FORMAT_MAX];

	printf("\n--- node %llu ping statistics ---\n", options->node);
	printf("%llu sent, %llu received, %llu%% lost\n",
	       stats->sent, stats->received,
	       stats->sent ? 100 * lost / stats->sent : 0);
	if (stats->received)
		printf("round trip min/avg/max = %s / %s / %s\n",
		       format_ns(min, sizeof(min), stats->min),
		       format_ns(avg, sizeof(avg),
				 stats->sum / stats->received),
		       format_ns(max, sizeof(max), stats->max));
}

static int ping(int fd, const char *instance, const struct options *options)
{
	struct statistics stats = { };
	struct dsm_info info;

	if (dsm_get_info(fd, &info))
		return failure("%s", dsm_error());
	if (options->node == info.node)
		return failure("node %u is this one", info.node);

	print_header(instance, options);
	catch_interrupt();
	while (!interrupted) {
		if (ping_once(fd, options, &stats))
			return EXIT_FAIL;
		if (stats.sent == options->count && options->count)
			break;
		if (!interrupted)
			wait_interval(options->interval);
	}
	print_statistics(options, &stats);
	return stats.received ? EXIT_OK : EXIT_FAIL;
}

static int parse_option(int option, const char *value, struct options *options)
{
	bool good;

	switch (option) {
	case 'c':
		good = parse_number(value, UINT_MAX, &options->count) &&
		       options->count;
		break;
	case 's':
		good = parse_number(value, DSM_PING_BYTES_MAX, &options->bytes);
		break;
	case 'i':
		good = parse_seconds(value, INTERVAL_MAX_S, &options->interval);
		break;
	case 'W':
		good = parse_seconds(value, TIMEOUT_MAX_MS / 1000,
				     &options->timeout) &&
		       options->timeout >= 0.001;
		break;
	default:
		return bad_usage();
	}
	return good ? EXIT_OK : usage_error("-%c: '%s' is not possible", option,
				      value);
}

static int run_ping(const char *instance, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 's' },
		{ "interval", required_argument, NULL, 'i' },
		{ "timeout", required_argument, NULL, 'W' },
		{ }
	};
	struct options options = {
		.bytes = 56,
		.interval = 1,
		.timeout = 5,
	};
	int option;
	int error;
	int fd;

	while ((option = getopt_long(argc, argv, "c:s:i:W:", long_options,
				     NULL)) >= 0) {
		error = parse_option(option, optarg, &options);
		if (error)
			return error;
	}
	if (argc - optind != 1)
		return usage_error("give the id of one node");
	if (!parse_number(argv[optind], DSM_NODES_MAX - 1, &options.node))
		return usage_error("'%s' is not a node's id", argv[optind]);

	fd = dsm_open(instance);
	if (fd < 0)
		return failure("%s", dsm_error());
	setvbuf(stdout, NULL, _IOLBF, 0);
	error = ping(fd, instance, &options);
	close(fd);
	return error;
}

const struct command command_ping = {
	.name = "ping",
	.synopsis = "NODE [-c COUNT] [-s BYTES] [-i SECONDS] [-W SECONDS]",
	.help =
	"Measures round trips to the node with the id NODE, through the connection\n"
	"that the protocol itself uses, until COUNT or an interrupt (Ctrl-C).\n"
	"Fails if nothing was answered.\n"
	"\n"
	"  -c, --count COUNT        how many; without it, until interrupted\n"
	"  -s, --size BYTES         payload each way, at most 4096 (default 56)\n"
	"  -i, --interval SECONDS   pause between two (default 1)\n"
	"  -W, --timeout SECONDS    how long to wait for an answer, at most 60\n"
	"                           (default 5)\n",
	.run = run_ping,
};
