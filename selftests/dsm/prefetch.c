// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice that pages will be needed, while the node that has to be asked is not
 * there: nobody waits, and nothing is worse for it. Configures the first two
 * instances, both of which have to be down. advice.c has what comes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Offsets in pages whose homes are the two nodes; the first is not there. */
#define AWAY	0UL
#define HERE	STRIPE
/* Those on their way at once (DSM_FLYING_MAX, DSM_LARGE_MAX, DSM_FLYING_MIN) */
#define LARGE	(256U * MACHINE_PAGE / PAGE)
#define FLYING	(LARGE > 32 ? 32U : LARGE > 4 ? LARGE : 4U)
/* While programs wait for others (DSM_FLYING_FEW), and for so long after one */
#define FEW	(PAGE < 8 * MACHINE_PAGE ? 8U * MACHINE_PAGE / PAGE : 1U)
#define FEW_MS	100
/* Those that stand in line (DSM_PREFETCH_MAX, DSM_PREFETCH_MIN) */
#define LINE	(PAGE < 128 * MACHINE_PAGE ? 1024U * MACHINE_PAGE / PAGE : 8U)
/* More than that */
#define MANY	(4 * LINE)

FIXTURE(prefetch)
{
	struct node n;
};

FIXTURE_SETUP(prefetch)
{
	ASSERT_EQ(0, instance_reset(0));
	ASSERT_EQ(0, instance_reset(1));
	ASSERT_EQ(0, instance_setup(0, 1, 2));
	ASSERT_EQ(0, instance_setup(1, 0, 2));
	/* Who waits for the other node waits for ever. */
	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "0"));
	ASSERT_EQ(0, instance_set(0, "state", "up"));
	ASSERT_TRUE(instance_reads(0, "state", "joining"));
	instance_name(self->n.name, sizeof(self->n.name), 0);
	self->n.fd = dsm_open("dsm");
	ASSERT_LE(0, self->n.fd);
	self->n.map = dsm_map(self->n.fd, 0, 0, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, self->n.map);
}

FIXTURE_TEARDOWN(prefetch)
{
	close(self->n.fd);
	if (self->n.map)
		munmap(self->n.map, REGION);
	EXPECT_EQ(0, instance_reset(0));
	EXPECT_EQ(0, instance_reset(1));
}

/* How many of some pages a request is in flight for */
static unsigned int pending(const struct node *n, uint64_t at,
			    unsigned int pages)
{
	struct dsm_page_info page;
	unsigned int i, nr = 0;

	for (i = 0; i < pages; i++) {
		if (dsm_get_page(n->fd, at + i * PAGE, &page))
			abort();
		nr += !!(page.flags & DSM_PAGE_PENDING);
	}
	return nr;
}

static bool all_here(const struct node *n, uint64_t at, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		if (page_state(n, at + i * PAGE) == DSM_PAGE_NONE)
			return false;
	return true;
}

static int will_need(const struct node *n, uint64_t at, unsigned int pages)
{
	return posix_fadvise(n->fd, at, pages * PAGE, POSIX_FADV_WILLNEED);
}

/* Wait until the two nodes have found each other */
static bool are_joined(void)
{
	return wait_for(instance_reads(0, "nodes/0/state", "up") &&
			instance_reads(1, "nodes/1/state", "up"));
}

TEST_F(prefetch, does_not_wait)
{
	struct node *n = &self->n;
	uint64_t faults;

	ASSERT_EQ(0, will_need(n, AWAY, 3));
	EXPECT_EQ(3, pending(n, AWAY, 4));
	ASSERT_EQ(0, madvise(n->map + AWAY + 3 * PAGE, PAGE, MADV_WILLNEED));
	EXPECT_EQ(4, pending(n, AWAY, 5));
	/* What is on its way is not asked for once more. */
	faults = stat_of(n, "messages_out");
	ASSERT_EQ(0, will_need(n, AWAY, 4));
	EXPECT_EQ(faults, stat_of(n, "messages_out"));
	/* What needs nobody is here at once. */
	ASSERT_EQ(0, will_need(n, HERE, 2));
	EXPECT_TRUE(all_here(n, HERE, 2));

	/* The other node comes, and with it the pages. */
	faults = stat_of(n, "read_faults");
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(wait_for(all_here(n, AWAY, 4)));
	EXPECT_EQ(0, n->map[AWAY]);
	EXPECT_EQ(faults, stat_of(n, "read_faults"));
	EXPECT_TRUE(are_joined());
}

/* A fault joins the request that is on its way. */
TEST_F(prefetch, fault_joins)
{
	struct node *n = &self->n;
	uint64_t sent;
	pid_t pid;

	ASSERT_EQ(0, will_need(n, AWAY, 1));
	sent = stat_of(n, "messages_out");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(n->map[AWAY] != 0);
	ASSERT_TRUE(wait_for(stat_of(n, "retries")));
	EXPECT_EQ(sent, stat_of(n, "messages_out"));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(are_joined());
}

/* It waits as long as one that found nothing on its way. */
TEST_F(prefetch, fault_has_its_own_time)
{
	enum { TIMEOUT_MS = 300, TICK_MS = 10 };
	struct node *n = &self->n;
	uint64_t start;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "300"));
	ASSERT_EQ(0, will_need(n, AWAY, 1));
	/* The request gets older than any fault may. */
	sleep_ms(TIMEOUT_MS + TICK_MS);
	ASSERT_EQ(1, pending(n, AWAY, 1));
	start = now_ms();
	EXPECT_EQ(SIGBUS, fault_of(n->map + AWAY, false, NULL));
	EXPECT_LE(start + TIMEOUT_MS - TICK_MS, now_ms());
}

TEST_F(prefetch, is_bounded)
{
	struct node *n = &self->n;
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, will_need(n, 0, MANY));
	EXPECT_EQ(FLYING, pending(n, 0, MANY));

	/* With answers, what stands in line comes, and then the others. */
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_TRUE(wait_for(all_here(n, 0, LINE)));
	for (i = 0; i < 2 * MANY / LINE && !all_here(n, 0, MANY); i++) {
		ASSERT_TRUE(wait_for(!pending(n, 0, MANY)));
		ASSERT_EQ(0, will_need(n, 0, MANY));
	}
	EXPECT_TRUE(wait_for(all_here(n, 0, MANY)));
	EXPECT_TRUE(are_joined());
}

/* Said twice, it takes no second place in line from what is said next. */
TEST_F(prefetch, lines_up_once)
{
	const uint64_t next = 4 * LINE * PAGE;
	struct node *n = &self->n;
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, will_need(n, AWAY, LINE));
	ASSERT_EQ(0, will_need(n, next, LINE / 4));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_TRUE(wait_for(all_here(n, AWAY, LINE)));
	EXPECT_TRUE(wait_for(all_here(n, next, LINE / 4)));
	EXPECT_TRUE(are_joined());
}

/*
 * Pages ahead of a thread that find no place in line are asked for when it gets
 * there, not waited for one after the other.
 */
TEST_F(prefetch, stream_goes_on)
{
	const uint64_t far = 8 * STRIPE, next = HERE + STRIPE;
	struct node *n = &self->n;
	uint64_t at, faults;

	/* Half of them are of the other node, twice as many as have a place. */
	for (at = far; at < far + MANY * PAGE; at += LINE * PAGE)
		ASSERT_EQ(0, will_need(n, at, LINE));
	for (at = HERE; at < next; at += PAGE)
		ASSERT_EQ(0, n->map[at]);
	ASSERT_EQ(0, pending(n, next, STRIPE / PAGE));

	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	ASSERT_TRUE(wait_for(all_here(n, far, LINE)));
	ASSERT_TRUE(wait_for(!pending(n, far, MANY)));
	faults = stat_of(n, "read_faults");
	for (; at < next + STRIPE; at += PAGE)
		EXPECT_EQ(0, n->map[at]);
	EXPECT_EQ(faults + 1, stat_of(n, "read_faults"));
}

/* Who comes to a page that stands in line asks for it, and does not wait. */
TEST_F(prefetch, fault_overtakes)
{
	struct node *n = &self->n;
	/* Behind those on their way, and of the same home */
	uint64_t at = FLYING * PAGE < STRIPE ? FLYING * PAGE : 4 * STRIPE;
	uint64_t sent;
	pid_t pid;

	ASSERT_EQ(0, will_need(n, AWAY, MANY));
	ASSERT_EQ(0, pending(n, at, 1));
	sent = stat_of(n, "messages_out");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(n->map[at] != 0);
	ASSERT_TRUE(wait_for(pending(n, at, 1)));
	EXPECT_EQ(sent + 1, stat_of(n, "messages_out"));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(wait_for(all_here(n, 0, LINE)));
	EXPECT_TRUE(are_joined());
}

/* Who waits for a page behind others does not have as many before the next. */
TEST_F(prefetch, gives_way)
{
	enum { TICK_MS = 10 };
	const uint64_t far = 8 * STRIPE;
	struct node *n = &self->n;
	unsigned int flying;
	uint64_t start;

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "1"));
	ASSERT_EQ(0, will_need(n, far, 1));
	ASSERT_EQ(1, pending(n, far, 1));
	start = now_ms();
	EXPECT_EQ(SIGBUS, fault_of(n->map + AWAY, false, NULL));
	ASSERT_EQ(0, will_need(n, far, MANY));
	flying = pending(n, far, MANY);
	/* A machine may be so slow that it is over. */
	if (now_ms() < start + FEW_MS - TICK_MS)
		EXPECT_EQ(FEW, flying);
	sleep_ms(FEW_MS + TICK_MS);
	ASSERT_EQ(0, will_need(n, far, MANY));
	EXPECT_EQ(FLYING, pending(n, far, MANY));
}

/* A store where the thread's own stream is does not slow that down. */
TEST_F(prefetch, stream_gives_no_way)
{
	const uint64_t far = 8 * STRIPE, last = AWAY + 2 * PAGE;
	struct node *n = &self->n;
	uint64_t at;

	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	for (at = AWAY; at <= last; at += PAGE)
		ASSERT_EQ(0, n->map[at]);
	ASSERT_TRUE(wait_for(!pending(n, AWAY, STRIPE / PAGE)));
	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_TRUE(wait_for(instance_reads(0, "state", "degraded")));

	ASSERT_EQ(0, instance_set(0, "fault_timeout_ms", "1"));
	ASSERT_EQ(0, will_need(n, far, 1));
	ASSERT_EQ(1, pending(n, far, 1));
	EXPECT_EQ(-1, pwrite(n->fd, "", 1, last));
	EXPECT_EQ(EIO, errno);
	ASSERT_EQ(0, will_need(n, far, MANY));
	EXPECT_EQ(FLYING, pending(n, far, MANY));
}

/* What fails leaves nothing behind, and is nobody's error. */
TEST_F(prefetch, of_a_lost_page)
{
	struct node *n = &self->n;
	unsigned int i;

	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(are_joined());
	n->map[AWAY] = 1;
	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_TRUE(wait_for(instance_reads(0, "state", "degraded")));
	ASSERT_EQ(0, will_need(n, AWAY + PAGE, 1));
	EXPECT_EQ(1, pending(n, AWAY + PAGE, 1));
	/* It has lost its memory, as it says when it is back. */
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	ASSERT_TRUE(wait_for(!pending(n, AWAY + PAGE, 1)));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, will_need(n, AWAY + PAGE, 2));
		EXPECT_EQ(0, pending(n, AWAY + PAGE, 2));
	}
	EXPECT_EQ(SIGBUS, fault_of(n->map + AWAY + PAGE, false, NULL));
	EXPECT_EQ(1, n->map[AWAY]);
}

TEST_F(prefetch, when_down)
{
	struct node *n = &self->n;

	munmap(n->map, REGION);
	n->map = NULL;
	ASSERT_EQ(0, instance_set(0, "state", "down"));
	EXPECT_EQ(ENOTCONN, will_need(n, HERE, 1));
	EXPECT_EQ(0, posix_fadvise(n->fd, 0, PAGE, POSIX_FADV_DONTNEED));
}

TEST_HARNESS_MAIN
