// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes that do not belong together refuse each other, say so, and leave those
 * that do alone. Configures the first three instances, which have to be down:
 * two good ones, and one that has something wrong with it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

FIXTURE(handshake)
{
	int unused;
};

/* What is wrong with the third */
FIXTURE_VARIANT(handshake)
{
	const char *attr;
	const char *value;
	const char *right;
};

FIXTURE_VARIANT_ADD(handshake, cluster) {
	.attr = "cluster", .value = "other", .right = "dsm",
};

FIXTURE_VARIANT_ADD(handshake, size) {
	.attr = "size", .value = "32M", .right = "64M",
};

/* Where no kernel has large pages there is nothing to tell apart. */
FIXTURE_VARIANT_ADD(handshake, block_size) {
	.attr = "block_size", .value = "8192", .right = "4096",
};

FIXTURE_VARIANT_ADD(handshake, base) {
	.attr = "base", .value = "0x2000000000", .right = "0x3000000000",
};

FIXTURE_VARIANT_ADD(handshake, one_node_too_many) {
	.attr = "add_node", .value = "3 127.0.0.1:7427",
};

FIXTURE_VARIANT_ADD(handshake, one_node_too_few) {
	.attr = "remove_node", .value = "1", .right = NULL,
};

FIXTURE_VARIANT_ADD(handshake, stranger) {
	.attr = "node_id", .value = "9", .right = "2",
};

static bool configure_all(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (instance_reset(i) || instance_setup(i, i, 3))
			return false;
	return true;
}

static bool reset_all(void)
{
	bool good = true;
	unsigned int i;

	for (i = 0; i < 3; i++)
		good &= !instance_reset(i);
	return good;
}

static bool all_up(void)
{
	return wait_for(instance_reads(0, "state", "up") &&
			instance_reads(1, "state", "up") &&
			instance_reads(2, "state", "up"));
}

FIXTURE_SETUP(handshake)
{
	ASSERT_TRUE(configure_all());
}

FIXTURE_TEARDOWN(handshake)
{
	EXPECT_TRUE(reset_all());
}

static bool refused(unsigned int instance, unsigned int node)
{
	char name[16], attr[64], value[DSM_ATTR_MAX];

	instance_name(name, sizeof(name), instance);
	snprintf(attr, sizeof(attr), "nodes/%u/state", node);
	return !dsm_attr_read(name, attr, value, sizeof(value)) &&
	       !strncmp(value, "refused: ", 9) && value[9];
}

/* The two good nodes share pages of which they are the homes. */
static bool good_ones_work(void)
{
	volatile char *p[2];
	unsigned int home, i;
	bool good = true;
	int fd[2];

	fd[0] = dsm_open("dsm");
	fd[1] = dsm_open("dsm1");
	if (fd[0] < 0 || fd[1] < 0)
		return false;
	for (home = 0; home < 2; home++) {
		for (i = 0; i < 2; i++) {
			p[i] = dsm_map(fd[i], home * STRIPE, PAGE,
				       PROT_READ | PROT_WRITE);
			if (!p[i])
				return false;
		}
		(*p[0])++;
		(*p[1])++;
		good = good && *p[0] == *p[1] && *p[0] >= 2;
		for (i = 0; i < 2; i++)
			munmap((void *)p[i], PAGE);
	}
	close(fd[0]);
	close(fd[1]);
	return good;
}

TEST_F_TIMEOUT(handshake, refused, 60)
{
	unsigned int i;

	if (instance_set(2, variant->attr, variant->value)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP_IF_GOOD(return, "a kernel without huge pages");
	}
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, instance_set(i, "state", "up"));

	EXPECT_TRUE(wait_for(instance_reads(0, "nodes/1/state", "up") &&
			     instance_reads(1, "nodes/0/state", "up")));
	/* Whoever of the two called the other knows it. */
	EXPECT_TRUE(wait_for(refused(0, 2) || refused(2, 0)));
	EXPECT_FALSE(instance_reads(0, "nodes/2/state", "up"));
	EXPECT_FALSE(instance_reads(2, "nodes/0/state", "up"));
	EXPECT_TRUE(instance_reads(0, "state", "joining"));
	EXPECT_TRUE(good_ones_work());

	/* Set right, it may join. */
	if (!variant->right)
		return;
	ASSERT_EQ(0, instance_set(2, "state", "down"));
	ASSERT_EQ(0, instance_set(2, variant->attr, variant->right));
	ASSERT_EQ(0, instance_set(2, "state", "up"));
	EXPECT_TRUE(all_up());
	EXPECT_TRUE(good_ones_work());
}

/* The second of the three is about to restart. */
FIXTURE(restart)
{
	int fd[3];
};

FIXTURE_SETUP(restart)
{
	unsigned int i;

	ASSERT_TRUE(configure_all());
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, instance_set(i, "state", "up"));
	ASSERT_TRUE(all_up());
	self->fd[0] = dsm_open("dsm");
	self->fd[2] = dsm_open("dsm2");
	ASSERT_LE(0, self->fd[0]);
	ASSERT_LE(0, self->fd[2]);
}

FIXTURE_TEARDOWN(restart)
{
	close(self->fd[0]);
	close(self->fd[2]);
	EXPECT_TRUE(reset_all());
}

/*
 * A node that had nothing to do with the one that restarts is not told that a
 * page is new which a third one has.
 */
TEST_F(restart, seen_by_the_idle)
{
	uint64_t value = 7, had = 0;

	ASSERT_EQ(sizeof(value), pwrite(self->fd[0], &value, sizeof(value),
					STRIPE));
	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_TRUE(wait_for(instance_reads(0, "nodes/1/state", "lost")));
	EXPECT_TRUE(wait_for(instance_reads(2, "nodes/1/state", "lost")));
	EXPECT_EQ(-1, pread(self->fd[2], &had, sizeof(had), STRIPE));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, had);
	EXPECT_EQ(sizeof(had), pread(self->fd[0], &had, sizeof(had), STRIPE));
	EXPECT_EQ(value, had);
}

/* Before anything is shared there is nothing to lose. */
TEST_F(restart, harmless_at_first)
{
	uint64_t value = 7, had = 0;

	ASSERT_EQ(0, instance_set(1, "state", "down"));
	ASSERT_TRUE(wait_for(instance_reads(0, "state", "degraded") &&
			     instance_reads(2, "state", "degraded")));
	ASSERT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_TRUE(all_up());
	EXPECT_EQ(sizeof(value), pwrite(self->fd[0], &value, sizeof(value),
					STRIPE));
	EXPECT_EQ(sizeof(had), pread(self->fd[2], &had, sizeof(had), STRIPE));
	EXPECT_EQ(value, had);
}

TEST_HARNESS_MAIN
