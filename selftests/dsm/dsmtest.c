// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of one machine share.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "dsmtest.h"

/*
 * Rows of the region that are handed out, a row being a stripe of each member.
 * Each test is a process of its own, so they count in memory that they share.
 */
static unsigned int *rows_used;

unsigned long page_bytes = MACHINE_PAGE;

static void __attribute__((constructor)) init(void)
{
	const char *block_size = getenv("DSM_BLOCK_SIZE");

	rows_used = shared_alloc(sizeof(*rows_used));
	if (block_size)
		page_bytes = strtoul(block_size, NULL, 10);
}

static int by_id(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int cluster_open(struct cluster *c)
{
	struct dsm_info info;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < NODES_MAX; i++) {
		struct node *n = &c->node[c->nr];

		instance_name(n->name, sizeof(n->name), i);
		n->fd = dsm_open(n->name);
		if (n->fd < 0)
			break;
		if (dsm_get_info(n->fd, &info)) {
			close(n->fd);
			continue;
		}
		n->id = info.node;
		c->nr++;
		c->members = info.nodes;
		c->size = info.size;
		c->base = info.base;
	}
	qsort(c->node, c->nr, sizeof(c->node[0]), by_id);
	if (c->nr)
		return 0;
	fprintf(stderr, "# no instance is up: %s\n", dsm_error());
	errno = ENOTCONN;
	return -1;
}

int cluster_map(struct cluster *c)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		c->node[i].map = dsm_map(c->node[i].fd, 0, 0,
					 PROT_READ | PROT_WRITE);
		if (!c->node[i].map) {
			fprintf(stderr, "# %s\n", dsm_error());
			return -1;
		}
	}
	return 0;
}

void cluster_close(struct cluster *c)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		if (c->node[i].map)
			munmap(c->node[i].map, c->size);
		close(c->node[i].fd);
	}
	c->nr = 0;
}

/* Write an attribute of all nodes */
int cluster_set(const struct cluster *c, const char *attr, const char *value)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (dsm_attr_write(c->node[i].name, attr, value))
			return -1;
	return 0;
}

/**
 * fresh_range() - Take pages that no test has used
 * @c:		the cluster
 * @pages:	how many, one after the other
 *
 * Return: the offset of the first; its home is the first member.
 */
uint64_t fresh_range(const struct cluster *c, unsigned int pages)
{
	uint64_t row_bytes = c->members * STRIPE;
	unsigned int rows = (pages * PAGE + row_bytes - 1) / row_bytes;
	unsigned int row = __atomic_fetch_add(rows_used, rows,
					      __ATOMIC_RELAXED);

	if ((row + rows) * row_bytes > c->size) {
		fprintf(stderr, "# the region is too small for these tests\n");
		abort();
	}
	return row * row_bytes;
}

/* Take a stripe whose home is the member number @home */
uint64_t fresh_at(const struct cluster *c, unsigned int home)
{
	return fresh_range(c, 1) + home * STRIPE;
}

/* What a node may do with a page, of enum dsm_page_state */
uint32_t page_state(const struct node *n, uint64_t offset)
{
	struct dsm_page_info page;

	if (dsm_get_page(n->fd, offset, &page)) {
		fprintf(stderr, "# %s\n", dsm_error());
		abort();
	}
	return page.state;
}

uint64_t stat_of(const struct node *n, const char *name)
{
	char attr[64], value[DSM_ATTR_MAX], *end;
	uint64_t number;

	snprintf(attr, sizeof(attr), "stats/%s", name);
	if (dsm_attr_read(n->name, attr, value, sizeof(value))) {
		fprintf(stderr, "# %s\n", dsm_error());
		abort();
	}
	number = strtoull(value, &end, 10);
	if (end == value || *end) {
		fprintf(stderr, "# %s of %s reads \"%s\"\n", attr, n->name,
			value);
		abort();
	}
	return number;
}

uint64_t stat_sum(const struct cluster *c, const char *name)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		sum += stat_of(&c->node[i], name);
	return sum;
}

/* Whether the device's node has asked for the page and has no answer yet */
bool page_is_pending(int fd, uint64_t offset)
{
	struct dsm_page_info page;

	return !dsm_get_page(fd, offset, &page) &&
	       page.flags & DSM_PAGE_PENDING;
}

/* Whether no node that can tell is serving or waiting for the page */
static bool page_idle(const struct cluster *c, uint64_t offset)
{
	struct dsm_page_info page;
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (dsm_get_page(c->node[i].fd, offset, &page) ||
		    page.flags & (DSM_PAGE_BUSY | DSM_PAGE_PENDING))
			return false;
	return true;
}

/* Wait until the page's home knows all that has happened to it */
int page_settle(const struct cluster *c, uint64_t offset)
{
	if (wait_for(page_idle(c, offset)))
		return 0;
	fprintf(stderr, "# the page at %#" PRIx64 " stays busy\n", offset);
	return -1;
}

bool kernel_is_before(unsigned int major, unsigned int minor)
{
	unsigned int ours, ours_minor;
	struct utsname u;

	uname(&u);
	if (sscanf(u.release, "%u.%u", &ours, &ours_minor) != 2)
		return false;
	return ours < major || (ours == major && ours_minor < minor);
}

/* Wait until all pages of all nodes rest */
bool pages_rest(const struct cluster *c)
{
	return wait_for(!stat_sum(c, "awake_pages"));
}

/**
 * let_rest() - Come before a step of a test that runs with rest_ms=1, too
 * @c:		the cluster
 *
 * Return: whether it has another rest_ms, or all pages rest now.
 */
bool let_rest(const struct cluster *c)
{
	char value[DSM_ATTR_MAX];

	if (dsm_attr_read(c->node[0].name, "rest_ms", value, sizeof(value)))
		return false;
	return strcmp(value, "1") || pages_rest(c);
}

/* Wait until every message that was sent has arrived */
int messages_settle(const struct cluster *c)
{
	if (wait_for(stat_sum(c, "messages_in") ==
		     stat_sum(c, "messages_out")))
		return 0;
	fprintf(stderr, "# %" PRIu64 " messages sent, %" PRIu64 " received\n",
		stat_sum(c, "messages_out"), stat_sum(c, "messages_in"));
	return -1;
}

void instance_name(char *name, size_t size, unsigned int instance)
{
	if (instance)
		snprintf(name, size, "dsm%u", instance);
	else
		snprintf(name, size, "dsm");
}

/* Write an attribute; errno says why not, and that alone is no complaint */
int instance_set(unsigned int instance, const char *attr, const char *value)
{
	char name[16];

	instance_name(name, sizeof(name), instance);
	return dsm_attr_write(name, attr, value);
}

bool instance_reads(unsigned int instance, const char *attr, const char *value)
{
	char name[16], now[DSM_ATTR_MAX];

	instance_name(name, sizeof(name), instance);
	return !dsm_attr_read(name, attr, now, sizeof(now)) &&
	       !strcmp(now, value);
}

int instance_add(unsigned int instance, unsigned int id, unsigned int port)
{
	char value[64];

	snprintf(value, sizeof(value), "%u 127.0.0.1:%u", id, port);
	return instance_set(instance, "add_node", value);
}

/**
 * instance_setup() - Make an instance a member of a cluster on this machine
 * @instance:	which one; it is down and knows no nodes
 * @id:		its node id
 * @members:	the cluster's nodes are 0 to @members - 1
 *
 * Whether it comes up is left to the caller.
 */
int instance_setup(unsigned int instance, unsigned int id,
		   unsigned int members)
{
	char value[64];
	unsigned int i;

	snprintf(value, sizeof(value), "%u", id);
	if (instance_set(instance, "node_id", value))
		goto fail;
	snprintf(value, sizeof(value), "127.0.0.1:%u", PORT + id);
	if (instance_set(instance, "listen", value))
		goto fail;
	snprintf(value, sizeof(value), "%lu", PAGE);
	if (instance_set(instance, "block_size", value))
		goto fail;
	snprintf(value, sizeof(value), "%lu", REGION);
	if (instance_set(instance, "size", value))
		goto fail;
	for (i = 0; i < members; i++)
		if (i != id && instance_add(instance, i, PORT + i))
			goto fail;
	return 0;
fail:
	fprintf(stderr, "# %s\n", dsm_error());
	return -1;
}

/* Remove the nodes that an instance knows */
static int instance_forget(unsigned int instance)
{
	char name[16], path[PATH_MAX];
	struct dirent *entry;
	int result = 0;
	DIR *dir;

	instance_name(name, sizeof(name), instance);
	if (dsm_attr_path(path, sizeof(path), name, "nodes"))
		return -1;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (!result && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			result = instance_set(instance, "remove_node",
					      entry->d_name);
	closedir(dir);
	return result;
}

/* Take an instance down and back to how it was loaded, but for its identity */
int instance_reset(unsigned int instance)
{
	static const struct {
		const char *attr;
		const char *value;
	} defaults[] = {
		{ "state", "down" },
		{ "cluster", "dsm" },
		{ "base", "0x3000000000" },
		{ "fault_timeout_ms", "30000" },
		{ "hold_us", "auto" },
		{ NULL, NULL },
	}, *d;

	for (d = defaults; d->attr; d++)
		if (instance_set(instance, d->attr, d->value))
			goto fail;
	if (!instance_forget(instance))
		return 0;
fail:
	fprintf(stderr, "# %s\n", dsm_error());
	return -1;
}

static sigjmp_buf fault_env;
static siginfo_t fault_info;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault_info = *info;
	siglongjmp(fault_env, sig);
}

/**
 * fault_of() - Load or store a byte and survive
 * @address:	where
 * @write:	store 0; else load
 * @where:	NULL, or set to the signal's address
 *
 * Return: SIGSEGV or SIGBUS, or 0 where the access went well.
 */
int fault_of(volatile void *address, bool write, const void **where)
{
	struct sigaction act = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};
	struct sigaction segv, bus;
	volatile char *p = address;
	int sig;

	sigaction(SIGSEGV, &act, &segv);
	sigaction(SIGBUS, &act, &bus);
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		if (write)
			*p = 0;
		else
			(void)*p;
	} else if (where) {
		*where = fault_info.si_addr;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return sig;
}

/* The exit status of a child, or -1 if a signal ended it */
int child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int file_write(const char *dir, const char *name, const char *value)
{
	ssize_t n, length = strlen(value);
	char path[160];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = write(fd, value, length);
	err = n == length ? 0 : errno;
	close(fd);
	return err;
}

/* Whether a process has a function on its kernel stack */
static bool is_within(pid_t pid, const char *function)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, function);
	fclose(f);
	return found;
}

/* What is on the stack of who sleeps in a futex call */
static const char *function_of(long call)
{
	switch (call) {
	case SYS_futex:
		return " do_futex";
	case SYS_restart_syscall:
		return " futex_wait_restart";
	}
	return " futex_wait_multiple";
}

/*
 * Whether a process of ours sleeps in a system call. User-Mode Linux does not
 * say in which: there, only futex calls are known.
 */
bool sleeps_in(pid_t pid, long call)
{
	char path[64];
	long nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (!f)
		return is_within(pid, function_of(call));
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr == call;
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

void *shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* Meets as often as one likes: every party waits for its own round to fill */
void barrier_wait(struct barrier *b)
{
	unsigned int mine = __atomic_fetch_add(&b->arrived, 1,
					       __ATOMIC_SEQ_CST);
	unsigned int full = (mine / b->parties + 1) * b->parties;

	while (__atomic_load_n(&b->arrived, __ATOMIC_SEQ_CST) < full)
		sched_yield();
}

void monitor_init(pthread_mutex_t *mutex, pthread_cond_t *cond)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &ma);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(cond, &ca);
}

/* A seed for random_next(): DSM_SEED from the environment, or a new one */
uint64_t random_seed(void)
{
	const char *fixed = getenv("DSM_SEED");
	uint64_t seed = 0;

	if (fixed)
		seed = strtoull(fixed, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	return seed ? seed : 1;
}

void pattern(char *buf, size_t size, unsigned int seed)
{
	uint64_t state = seed + 1;
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = random_next(&state);
}
