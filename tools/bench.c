// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: how fast the shared memory is, as ratios to plain TCP between the
 * same two machines, or to tmpfs on the same one:
 *
 *	dsmbench serve [-d INSTANCE] [-p PORT]
 *	dsmbench run [OPTION...] [MEASURE...]
 *	dsmbench stop [-d INSTANCE] [-p PORT]
 *	dsmbench list
 *
 * One node runs the measures, all others serve it, until they are stopped.
 *
 *	-d INSTANCE	dsm, dsm1 ... (dsm)
 *	-p PORT		of the servers (7525)
 *	-n COUNT	samples of single accesses in each measure (1000)
 *	-b MIB		that are read or written one after the other (16)
 *	--json		print JSON, not a table
 *
 * A yardstick is measured right before and after what it is compared with.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

#define PORT		7525

static const struct measure measures[] = {
	{ "read-home", "TCP, 64 to 4160 bytes", .run = measure_read_home },
	{ "read-third", "TCP, 64 to 4160 bytes", .run = measure_read_third },
	{ "upgrade", "TCP, 64 to 64 bytes", .run = measure_upgrade },
	{ "urgent", "the same when idle", .run = measure_urgent },
	{ "seq-read", "TCP, one stream", .run = measure_seq_read },
	{ "seq-write-first", "TCP, one stream",
	  .run = measure_seq_write_first },
	{ "seq-write-owned", "TCP, one stream",
	  .run = measure_seq_write_owned },
	{ "handover", "TCP, 64 to 64 bytes", .run = measure_handover },
	{ "handover-cond", "TCP, 64 to 64 bytes",
	  .run = measure_handover_cond },
	{ "served", "TCP, 64 to 4160 bytes", .run = measure_served },
	{ "resident", "tmpfs", .run = measure_resident },
	{ "local-store", "tmpfs", .run = measure_local_store },
	{ "local-load", "tmpfs", .run = measure_local_load },
	{ "metadata", "", .bytes = true, .run = measure_metadata },
	{ "untouched", "", .bytes = true, .run = measure_untouched },
	{ "write-copies-3", "the same with one copy", .alone = true,
	  .run = measure_write_copies_3 },
	{ "write-copies-7", "the same with one copy", .alone = true,
	  .run = measure_write_copies_7 },
	{ "write-copies-15", "the same with one copy", .alone = true,
	  .run = measure_write_copies_15 },
};

struct options {
	const char *instance;
	uint16_t port;
	uint32_t count;
	uint32_t mib;
	bool json;
};

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "dsmbench: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

void pause_ms(unsigned int ms)
{
	const struct timespec t = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};

	nanosleep(&t, NULL);
}

static void dial_node(struct bench *b, uint32_t node)
{
	struct peer *p = &b->peers[b->nr_peers];

	if (b->nr_peers == NODES_MAX)
		die("more than %u other nodes", NODES_MAX);
	p->node = node;
	p->control = peer_dial(&b->mem, node, b->port);
	p->data = peer_dial(&b->mem, node, b->port);
	b->nr_peers++;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

static void dial_all(struct bench *b)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	if (dsm_attr_path(path, sizeof(path), b->mem.instance, "nodes"))
		die("%s", dsm_error());
	dir = opendir(path);
	if (!dir)
		die("cannot open %s: %m", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			dial_node(b, strtoul(entry->d_name, NULL, 10));
	}
	closedir(dir);
	qsort(b->peers, b->nr_peers, sizeof(b->peers[0]), compare_nodes);
}

/* Runs may follow each other: each begins where nobody has touched a page. */
static void find_untouched(struct bench *b)
{
	const struct request rq = { .op = OP_UNTOUCHED };
	uint64_t next;
	unsigned int i;

	b->next = pages_untouched(&b->mem);
	for (i = 0; i < b->nr_peers; i++) {
		next = peer_call(&b->peers[i], &rq);
		if (next > b->next)
			b->next = next;
	}
}

static void meet_peers(struct bench *b)
{
	dial_all(b);
	if (b->nr_peers < 2)
		die("needs two other nodes");
	peer_serve(&b->mem, b->port, true);
	find_untouched(b);
}

static const struct measure *find_measure(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(measures); i++) {
		if (!strcmp(measures[i].name, name))
			return &measures[i];
	}
	die("no measure \"%s\": see dsmbench list", name);
}

static void run_measure(struct bench *b, const struct measure *m, bool json)
{
	struct result r = { .nr = 0 };

	if (!m->alone && !b->nr_peers)
		meet_peers(b);
	fprintf(stderr, "dsmbench: %s\n", m->name);
	alarm(PATIENCE_S);
	m->run(b, &r);
	alarm(0);
	report_add(m, &r, json);
	samples_free(&r.ours);
	samples_free(&r.yard);
}

static void run(const struct options *o, char **names, int nr)
{
	struct bench b = {
		.port = o->port,
		.count = o->count,
		.bulk = o->mib * (1048576 / PAGE),
	};
	size_t i;

	/* A name that is none says so now, not after those before it. */
	for (i = 0; i < (size_t)nr; i++)
		find_measure(names[i]);
	memory_open(&b.mem, o->instance);
	report_begin(o->json);
	for (i = 0; i < (size_t)nr; i++)
		run_measure(&b, find_measure(names[i]), o->json);
	for (i = 0; !nr && i < ARRAY_SIZE(measures); i++) {
		if (!measures[i].alone)
			run_measure(&b, &measures[i], o->json);
	}
	report_end(o->json);
}

static void serve(const struct options *o)
{
	static struct memory m;

	memory_open(&m, o->instance);
	peer_serve(&m, o->port, false);
}

static void stop(const struct options *o)
{
	const struct request rq = { .op = OP_QUIT };
	struct bench b = { .port = o->port };
	unsigned int i;

	memory_open(&b.mem, o->instance);
	dial_all(&b);
	for (i = 0; i < b.nr_peers; i++)
		peer_call(&b.peers[i], &rq);
}

static void list(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(measures); i++)
		printf("%-17s %s\n", measures[i].name, measures[i].yard);
}

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: dsmbench serve|run|stop|list [-d INSTANCE] [-p PORT] [-n COUNT] [-b MIB] [--json] [MEASURE...]\n");
	exit(2);
}

static uint32_t number(const char *text, uint32_t min, uint32_t max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		usage();
	return value;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "d:p:n:b:", longs, NULL)) != -1) {
		switch (opt) {
		case 'd':
			o->instance = optarg;
			break;
		case 'p':
			o->port = number(optarg, 1, 65535);
			break;
		case 'n':
			o->count = number(optarg, 128, 100000);
			break;
		case 'b':
			o->mib = number(optarg, 1, 1024);
			break;
		case 'j':
			o->json = true;
			break;
		default:
			usage();
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .port = PORT, .count = 1000, .mib = 16 };
	const char *command;

	parse(&o, argc, argv);
	if (optind == argc)
		usage();
	command = argv[optind++];
	if (!strcmp(command, "run"))
		run(&o, argv + optind, argc - optind);
	else if (optind != argc)
		usage();
	else if (!strcmp(command, "serve"))
		serve(&o);
	else if (!strcmp(command, "stop"))
		stop(&o);
	else if (!strcmp(command, "list"))
		list();
	else
		usage();
	return 0;
}
