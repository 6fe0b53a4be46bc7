// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watch what the nodes say of their pages while others work on them:
 *
 *	dsmwatch -l PORT		answer for this machine's node, until
 *					whoever asks hangs up
 *	dsmwatch [-d INSTANCE]... [-r ADDRESS:PORT]... [-p PAGES] [-s SECONDS]
 *		 OFFSET
 *
 * Asks all nodes about one page after the other, picked at random, and the
 * page's home once more. Where the home says the same twice, and is not busy,
 * nothing has happened in between, so what the others said fits together: at
 * most one of them may write, then none other has a copy, it is the owner, and
 * all who have a copy are in the copyset.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dsmtest.h"

/**
 * struct source - a node that can be asked
 * @fd:		its device, or a connection to a dsmwatch on its machine
 * @remote:	the latter
 * @id:		the node
 */
struct source {
	int fd;
	bool remote;
	uint32_t id;
};

/**
 * struct watch - what has been seen
 * @source:	the nodes
 * @nr:		how many
 * @asked:	how often a page was looked at
 * @stable:	how often nothing happened meanwhile
 * @shared:	how often more than one had a copy then
 * @written:	how often one could write then
 */
struct watch {
	struct source source[NODES_MAX];
	unsigned int nr;
	uint64_t asked;
	uint64_t stable;
	uint64_t shared;
	uint64_t written;
};

/* All of it, or nothing */
static bool get(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, MSG_WAITALL) == (ssize_t)size;
}

static bool put(int fd, const void *buf, size_t size)
{
	return send(fd, buf, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Answer questions, each an offset, about this machine's node */
static int serve(unsigned int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int device = dsm_open(NULL), on = 1, listener, fd;
	struct dsm_page_info page;
	uint64_t offset;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (device < 0 || listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(listener, 1)) {
		perror("# cannot listen");
		return 1;
	}
	fd = accept(listener, NULL, NULL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (get(fd, &offset, sizeof(offset)))
		if (dsm_get_page(device, offset, &page) ||
		    !put(fd, &page, sizeof(page)))
			return 1;
	return 0;
}

static bool ask(struct source *s, uint64_t offset, struct dsm_page_info *page)
{
	if (s->remote)
		return put(s->fd, &offset, sizeof(offset)) &&
		       get(s->fd, page, sizeof(*page));
	return !dsm_get_page(s->fd, offset, page);
}

static bool connect_to(const struct sockaddr_in *a, int *fd)
{
	int on = 1;

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	if (*fd < 0)
		return false;
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!connect(*fd, (const struct sockaddr *)a, sizeof(*a)))
		return true;
	close(*fd);
	return false;
}

static int add_remote(struct watch *w, const char *where)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char address[64];
	unsigned int port;
	int fd;

	if (sscanf(where, "%63[0-9.]:%u", address, &port) != 2 ||
	    !inet_pton(AF_INET, address, &a.sin_addr))
		return -1;
	a.sin_port = htons(port);
	/* The other may not listen yet. */
	if (!wait_for(connect_to(&a, &fd))) {
		fprintf(stderr, "# %s does not answer\n", where);
		return -1;
	}
	w->source[w->nr].remote = true;
	w->source[w->nr++].fd = fd;
	return 0;
}

static int add_local(struct watch *w, const char *instance)
{
	int fd = dsm_open(instance);

	if (fd < 0) {
		fprintf(stderr, "# %s\n", dsm_error());
		return -1;
	}
	w->source[w->nr++].fd = fd;
	return 0;
}

static bool in_set(const struct dsm_page_info *page, uint32_t id)
{
	return page->copyset[id / 64] >> id % 64 & 1;
}

/* The pages of which a node says that it is their home tell its id. */
static int find_ids(struct watch *w)
{
	struct dsm_page_info page;
	unsigned int i, stripe;

	for (i = 0; i < w->nr; i++) {
		for (stripe = 0; stripe < w->nr; stripe++) {
			if (!ask(&w->source[i], stripe * STRIPE, &page))
				return -1;
			if (page.flags & DSM_PAGE_IS_HOME)
				w->source[i].id = page.home;
		}
	}
	return 0;
}

static int complain(const struct watch *w, const struct dsm_page_info *said,
		    const struct dsm_page_info *home, const char *what)
{
	unsigned int i;

	fprintf(stderr, "# page %#" PRIx64 ": %s. Home %u: owner %u, version %"
		PRIu64 ", copyset %#" PRIx64 "\n", (uint64_t)home->offset, what,
		home->home, home->owner, (uint64_t)home->version,
		(uint64_t)home->copyset[0]);
	for (i = 0; i < w->nr; i++)
		fprintf(stderr, "#   node %u: state %u, version %" PRIu64
			", flags %#x\n", w->source[i].id, said[i].state,
			(uint64_t)said[i].version, said[i].flags);
	return -1;
}

/*
 * It has asked to write, and the home has ended that with its answer, which is
 * on its way.
 */
static bool is_being_upgraded(const struct dsm_page_info *said,
			      const struct dsm_page_info *home, uint32_t id)
{
	return said->flags & DSM_PAGE_PENDING &&
	       said->state == DSM_PAGE_READ_ONLY && home->owner == id &&
	       said->version + 1 == home->version;
}

/* Whether what the nodes said of a page at rest fits together */
static int judge(struct watch *w, const struct dsm_page_info *said,
		 const struct dsm_page_info *home)
{
	unsigned int i, holders = 0, writers = 0;

	for (i = 0; i < w->nr; i++) {
		uint32_t id = w->source[i].id;

		if (said[i].state == DSM_PAGE_NONE)
			continue;
		holders++;
		if (!in_set(home, id))
			return complain(w, said, home, "not in the copyset");
		if (is_being_upgraded(&said[i], home, id))
			continue;
		if (said[i].version != home->version)
			return complain(w, said, home, "an old copy");
		if (said[i].state == DSM_PAGE_READ_ONLY)
			continue;
		writers++;
		if (home->owner != id)
			return complain(w, said, home, "a writer, no owner");
	}
	if (writers > 1 || (writers && holders > 1))
		return complain(w, said, home, "copies beside a writer's");
	w->written += writers;
	w->shared += holders > 1;
	return 0;
}

static bool is_same(const struct dsm_page_info *a,
		    const struct dsm_page_info *b)
{
	return a->version == b->version && a->owner == b->owner &&
	       !memcmp(a->copyset, b->copyset, sizeof(a->copyset));
}

/* The source that is a page's home, of those that @said tells */
static int home_of(const struct watch *w, const struct dsm_page_info *said)
{
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (said[i].flags & DSM_PAGE_IS_HOME)
			return i;
	return -1;
}

static int look(struct watch *w, uint64_t offset)
{
	struct dsm_page_info said[NODES_MAX], before, after;
	int home;
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (!ask(&w->source[i], offset, &said[i]))
			return -1;
	home = home_of(w, said);
	if (home < 0)
		return complain(w, said, said, "nobody is its home");
	before = said[home];
	for (i = 0; i < w->nr; i++)
		if (!ask(&w->source[i], offset, &said[i]))
			return -1;
	if (!ask(&w->source[home], offset, &after))
		return -1;

	w->asked++;
	if ((before.flags | after.flags) & DSM_PAGE_BUSY ||
	    !is_same(&before, &after))
		return 0;
	w->stable++;
	return judge(w, said, &after);
}

static int usage(void)
{
	fprintf(stderr, "usage: dsmwatch -l PORT\n"
		"       dsmwatch [-d INSTANCE]... [-r ADDRESS:PORT]...\n"
		"	[-p PAGES] [-s SECONDS] OFFSET\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t pages = 32, seconds = 5, offset, end, rng = random_seed();
	struct watch w = { .nr = 0 };
	int opt;

	while ((opt = getopt(argc, argv, "d:l:p:r:s:")) != -1) {
		if (w.nr == NODES_MAX)
			return usage();
		switch (opt) {
		case 'd':
			if (add_local(&w, optarg))
				return 1;
			break;
		case 'l':
			return serve(strtoul(optarg, NULL, 0));
		case 'p':
			pages = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			if (add_remote(&w, optarg))
				return 1;
			break;
		case 's':
			seconds = strtoull(optarg, NULL, 0);
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 1 || !w.nr || !pages)
		return usage();
	offset = strtoull(argv[optind], NULL, 0);

	if (find_ids(&w))
		return 1;
	end = now_ms() + seconds * 1000;
	/* Who has not seen both kinds of page has proved nothing. */
	while (now_ms() < end || ((!w.shared || !w.written) &&
				  now_ms() < end + PATIENCE_MS)) {
		if (look(&w, offset + random_next(&rng) % pages * PAGE))
			return 1;
		/* The others have work to do. */
		sleep_ms(1);
	}
	printf("# %" PRIu64 " looks, %" PRIu64 " at rest: %" PRIu64
	       " shared, %" PRIu64 " written\n", w.asked, w.stable, w.shared,
	       w.written);
	return !w.shared || !w.written;
}
