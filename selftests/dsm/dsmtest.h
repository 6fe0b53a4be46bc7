/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of one machine share: its instances, seen as the nodes of a
 * cluster, and ways to wait for things and to survive faults.
 */
#ifndef DSMTEST_H
#define DSMTEST_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "libdsm.h"

#define NODES_MAX	8
#define MACHINE_PAGE	4096UL
#ifndef PAGE
#define PAGE		page_bytes	/* of the region; see there */
#endif
#define HUGE_PAGE	(512 * MACHINE_PAGE)
#define STRIPE		(16 * PAGE)	/* bytes that share a home */
#define REGION		(16384 * PAGE)	/* bytes of the clusters made here */
#define PORT		7424		/* of node 0, plus the id for others */

/* Longest that a test waits for something that has to happen. */
#define PATIENCE_MS	20000

/*
 * Skip a test for what the kernel lacks; the reason has to name it. SKIP() of
 * the harness makes a pass of whatever the test has found wrong before.
 */
#define SKIP_IF_GOOD(statement, ...) do { \
	if (_metadata->passed) \
		SKIP(statement, __VA_ARGS__); \
	statement; \
} while (0)

/* Exit status of the dsm* programs after a SIGBUS that was caught. */
#define EXIT_SIGBUS	7

/**
 * struct node - one instance
 * @name:	"dsm", "dsm1", ...
 * @id:		its node id
 * @fd:		its device, open for reading and writing
 * @map:	all of its region, or NULL
 */
struct node {
	char name[16];
	uint32_t id;
	int fd;
	char *map;
};

/**
 * struct cluster - the instances of this machine that are up
 * @nr:		how many
 * @members:	how many nodes their cluster has; those that are not on this
 *		machine have higher ids
 * @size:	bytes in the region
 * @base:	address of offset 0
 * @node:	the instances, by increasing id
 */
struct cluster {
	unsigned int nr;
	unsigned int members;
	uint64_t size;
	uint64_t base;
	struct node node[NODES_MAX];
};

/* A page's size: DSM_BLOCK_SIZE in the environment, in bytes; else 4096 */
extern unsigned long page_bytes;

/* All functions that return int return 0, or -1 with errno set. */
int cluster_open(struct cluster *c);
int cluster_map(struct cluster *c);
void cluster_close(struct cluster *c);
int cluster_set(const struct cluster *c, const char *attr, const char *value);

/* Pages that no test of this program has used before */
uint64_t fresh_range(const struct cluster *c, unsigned int pages);
uint64_t fresh_at(const struct cluster *c, unsigned int home);

/* The word at an offset, as a node sees it */
static inline volatile uint64_t *word(const struct cluster *c,
				      unsigned int node, uint64_t offset)
{
	return (volatile uint64_t *)(c->node[node].map + offset);
}

uint32_t page_state(const struct node *n, uint64_t offset);
uint64_t stat_of(const struct node *n, const char *name);
uint64_t stat_sum(const struct cluster *c, const char *name);
bool page_is_pending(int fd, uint64_t offset);
bool kernel_is_before(unsigned int major, unsigned int minor);
int page_settle(const struct cluster *c, uint64_t offset);
bool pages_rest(const struct cluster *c);
bool let_rest(const struct cluster *c);
int messages_settle(const struct cluster *c);

/* Configuration of instances that are down, over the loopback interface */
void instance_name(char *name, size_t size, unsigned int instance);
int instance_set(unsigned int instance, const char *attr, const char *value);
bool instance_reads(unsigned int instance, const char *attr, const char *value);
int instance_add(unsigned int instance, unsigned int id, unsigned int port);
int instance_setup(unsigned int instance, unsigned int id,
		   unsigned int members);
int instance_reset(unsigned int instance);

/* The signal that an access ends with, or 0 */
int fault_of(volatile void *address, bool write, const void **where);

int child_status(pid_t pid);
bool sleeps_in(pid_t pid, long call);

/* Write one value. Return: 0 or an error number. */
int file_write(const char *dir, const char *name, const char *value);

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/* Look again and again until @condition holds; false if it never does. */
#define wait_for(condition) ({						\
	uint64_t end_ = now_ms() + PATIENCE_MS;				\
	bool met_;							\
									\
	while (!(met_ = (condition)) && now_ms() < end_)		\
		sleep_ms(1);						\
	met_;								\
})

/* Memory that a test and its children share, outside the region */
void *shared_alloc(size_t size);

/**
 * struct barrier - lets processes start together
 * @parties:	how many
 * @arrived:	how many times somebody came
 */
struct barrier {
	unsigned int parties;
	unsigned int arrived;
};

void barrier_wait(struct barrier *b);

/* A mutex and a condition variable that processes share */
void monitor_init(pthread_mutex_t *mutex, pthread_cond_t *cond);

/* One atomic instruction, also where the word spans two pages */
static inline void atomic_inc64(volatile void *p)
{
	asm volatile("lock incq %0" : "+m" (*(volatile uint64_t *)p)
		     : : "memory", "cc");
}

/* A pseudo-random sequence that a seed repeats */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

uint64_t random_seed(void);

/* Bytes that only the same seed gives */
void pattern(char *buf, size_t size, unsigned int seed);

#endif /* DSMTEST_H */
