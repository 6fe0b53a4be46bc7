// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page costs that another machine has: the very same loads and stores
 * over different kinds of shared memory.
 *
 *	pair [OPTIONS] MEMORY listen		on one machine, node 0
 *	pair [OPTIONS] MEMORY HOST		on the other, which measures
 *
 * MEMORY is a device of dsm's; or a directory of a file system that both have,
 * where each page becomes a file; or "uffd", which is made of userfaultfd and
 * TCP. Both need the same options:
 *
 *	-n PAGES	that are touched for each measure (200)
 *	-r ROUNDS	how many times one goes back and forth (200)
 *	-s PAGES	of the device that are left out, as they have been used
 *	-H MICROSECONDS	that uffd keeps a page at least (0)
 *	-j		a line of JSON for each measure
 *
 *	exchange	64 bytes there and 4160 back over TCP, no memory shared
 *	read_miss	a load from a page that node 0 has written
 *	upgrade		a store to it after that
 *	write_miss	a store to a page that node 0 has written
 *	turns		each in turn stores to one page and tells the other over
 *			TCP: from one's store until it is told of the other's
 *	ping_pong	the same, but each looks at the page until it sees what
 *			the other has stored
 *
 * Pages are touched in random order, which no read-ahead can guess. Node 0 is
 * their home, if there is such a thing.
 */
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link.h"
#include "memory.h"
#include "sample.h"

#define PORT	"7430"
#define PORT_2	"7431"	/* of uffd's own connection */

struct pair {
	struct memory memory;
	struct sample sample;
	size_t *order;		/* in which pages are touched */
	size_t pages;		/* for each measure */
	size_t rounds;
	int link;
	unsigned int me;
	bool json;
};

static volatile uint64_t *word(const struct pair *p, size_t page)
{
	return (volatile uint64_t *)p->memory.page[page];
}

static void *allocate(size_t nr, size_t size)
{
	void *new = calloc(nr, size);

	if (!new) {
		perror("calloc");
		exit(1);
	}
	return new;
}

static void shuffle(struct pair *p)
{
	size_t i, j;

	p->order = allocate(p->pages, sizeof(*p->order));
	for (i = 0; i < p->pages; i++) {
		j = random() % (i + 1);
		p->order[i] = p->order[j];
		p->order[j] = i;
	}
}

static void report(struct pair *p, const char *system, const char *measure)
{
	sample_print(&p->sample, system, measure, p->json);
	link_meet(p->link);
}

static void exchange(struct pair *p)
{
	char small[64] = { 0 }, large[4160] = { 0 };
	uint64_t start;
	size_t i;

	for (i = 0; i < p->rounds; i++) {
		if (p->me) {
			start = now_ns();
			link_send(p->link, small, sizeof(small));
			link_receive(p->link, large, sizeof(large));
			sample_add(&p->sample, now_ns() - start);
		} else {
			link_receive(p->link, small, sizeof(small));
			link_send(p->link, large, sizeof(large));
		}
	}
	report(p, "tcp", "exchange");
}

/* Node 0 becomes the owner of all. */
static void own(struct pair *p, size_t first)
{
	size_t i;

	for (i = 0; !p->me && i < p->pages; i++)
		*word(p, first + p->order[i]) = i + 1;
	link_meet(p->link);
}

static void load_all(struct pair *p, size_t first, const char *measure)
{
	uint64_t start, value;
	size_t i;

	for (i = 0; p->me && i < p->pages; i++) {
		start = now_ns();
		value = *word(p, first + p->order[i]);
		sample_add(&p->sample, now_ns() - start);
		if (value != i + 1) {
			fprintf(stderr, "page %zu: saw %llu, not %zu\n",
				p->order[i], (unsigned long long)value, i + 1);
			exit(1);
		}
	}
	report(p, p->memory.system, measure);
}

static void store_all(struct pair *p, size_t first, const char *measure)
{
	uint64_t start;
	size_t i;

	for (i = 0; p->me && i < p->pages; i++) {
		start = now_ns();
		*word(p, first + p->order[i]) = i + 1;
		sample_add(&p->sample, now_ns() - start);
	}
	report(p, p->memory.system, measure);
}

static void turns(struct pair *p, size_t page)
{
	uint64_t start;
	char turn = 0;
	size_t i;

	for (i = 0; i < p->rounds; i++) {
		if (!p->me)
			link_receive(p->link, &turn, 1);
		start = now_ns();
		*word(p, page) = i;
		link_send(p->link, &turn, 1);
		if (p->me) {
			link_receive(p->link, &turn, 1);
			sample_add(&p->sample, now_ns() - start);
		}
	}
	report(p, p->memory.system, "turns");
}

static void wait_for(struct pair *p, size_t page, uint64_t value)
{
	/* What brings the page may need this processor. */
	while (*word(p, page) != value)
		sched_yield();
}

static void ping_pong(struct pair *p, size_t page)
{
	uint64_t start = 0, i;

	if (!p->me)
		*word(p, page) = 0;
	link_meet(p->link);
	for (i = 0; i < p->rounds; i++) {
		wait_for(p, page, 2 * i + p->me);
		if (start)
			sample_add(&p->sample, now_ns() - start);
		start = p->me ? now_ns() : 0;
		*word(p, page) = 2 * i + p->me + 1;
	}
	report(p, p->memory.system, "ping_pong");
}

static int connection(const char *peer, const char *port)
{
	return strcmp(peer, "listen") ? link_connect(peer, port) :
					link_accept(port);
}

/* Node 0 makes them. */
static void open_files(struct pair *p, const char *directory, size_t pages)
{
	if (p->me)
		link_meet(p->link);
	memory_files(&p->memory, directory, pages);
	if (!p->me)
		link_meet(p->link);
}

static void open_memory(struct pair *p, const char *name, const char *peer,
			size_t skip, unsigned int hold_us)
{
	size_t pages = 2 * p->pages + 1;

	struct stat found;

	if (!strcmp(name, "uffd"))
		memory_uffd(&p->memory, connection(peer, PORT_2), !p->me,
			    pages, hold_us);
	else if (!stat(name, &found) && S_ISDIR(found.st_mode))
		open_files(p, name, pages);
	else
		memory_dsm(&p->memory, name, pages, skip);
}

static void run(struct pair *p)
{
	exchange(p);
	own(p, 0);
	load_all(p, 0, "read_miss");
	store_all(p, 0, "upgrade");
	own(p, p->pages);
	store_all(p, p->pages, "write_miss");
	turns(p, 2 * p->pages);
	ping_pong(p, 2 * p->pages);
	exchange(p);
}

int main(int argc, char **argv)
{
	unsigned long value[CHAR_MAX + 1] = {
		['n'] = 200, ['r'] = 200,
	};
	struct pair p = { 0 };
	const char *peer;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:s:H:j")) != -1)
		value[opt] = optarg ? strtoul(optarg, NULL, 0) : 1;
	if (value['?'] || optind != argc - 2 || !value['n'] || value['r'] < 2) {
		fprintf(stderr, "usage: pair [-n PAGES] [-r ROUNDS] [-s PAGES] [-H MICROSECONDS] [-j] MEMORY listen|HOST\n");
		return 2;
	}
	peer = argv[optind + 1];
	p.me = !!strcmp(peer, "listen");
	p.pages = value['n'];
	p.rounds = value['r'];
	p.json = value['j'];
	sample_make(&p.sample, p.pages + p.rounds);
	shuffle(&p);
	p.link = connection(peer, PORT);
	open_memory(&p, argv[optind], peer, value['s'], value['H']);
	link_meet(p.link);
	run(&p);
	return 0;
}
