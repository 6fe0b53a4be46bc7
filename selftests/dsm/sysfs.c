// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration: every bad value and every wrong order is refused, and what is
 * refused changes nothing. Uses the first two instances, which are down.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* Sixty characters */
#define SIXTY	"012345678901234567890123456789012345678901234567890123456789"

/**
 * struct change - a value that is written and what comes of it
 * @attr:	the attribute
 * @value:	what is written
 * @reads:	what it then reads as; NULL: it is refused with EINVAL
 */
struct change {
	const char *attr;
	const char *value;
	const char *reads;
};

static const struct change changes[] = {
	{ "node_id", "0", "0" },
	{ "node_id", "1023", "1023" },
	{ "node_id", "", NULL },
	{ "node_id", "x", NULL },
	{ "node_id", "-1", NULL },
	{ "node_id", "1024", NULL },
	{ "node_id", "1 2", NULL },
	{ "node_id", "1.5", NULL },
	{ "node_id", "4294967297", NULL },
	{ "node_id", "99999999999999999999", NULL },

	{ "listen", "127.0.0.1:7424", "127.0.0.1:7424" },
	{ "listen", "0.0.0.0:1", "0.0.0.0:1" },
	{ "listen", "[::1]:65535", "[::1]:65535" },
	{ "listen", "", NULL },
	{ "listen", "127.0.0.1", NULL },
	{ "listen", "127.0.0.1:", NULL },
	{ "listen", ":7424", NULL },
	{ "listen", "7424", NULL },
	{ "listen", "localhost:7424", NULL },
	{ "listen", "127.0.0.1:x", NULL },
	{ "listen", "127.0.0.1:-1", NULL },
	{ "listen", "127.0.0.1:65536", NULL },
	{ "listen", "127.0.0.1:7424x", NULL },
	{ "listen", "127.0.0.1:7424 7425", NULL },
	{ "listen", "127.0.0.256:7424", NULL },
	{ "listen", "[127.0.0.1]:7424", NULL },
	{ "listen", "[::1]", NULL },
	{ "listen", "[::1]:", NULL },
	{ "listen", "[::1", NULL },
	{ "listen", "[::1]7424", NULL },
	{ "listen", "::1:7424", NULL },
	{ "listen", "[::g]:7424", NULL },
	{ "listen", SIXTY SIXTY SIXTY ":7424", NULL },

	{ "size", "4096", "4096" },
	{ "size", "64K", "65536" },
	{ "size", "3M", "3145728" },
	{ "size", "1G", "1073741824" },
	{ "size", "1T", "1099511627776" },
	{ "size", "", NULL },
	{ "size", "0", NULL },
	{ "size", "0K", NULL },
	{ "size", "1", NULL },
	{ "size", "4095", NULL },
	{ "size", "4097", NULL },
	{ "size", "-4096", NULL },
	{ "size", "x", NULL },
	{ "size", "K", NULL },
	{ "size", "1X", NULL },
	{ "size", "1KK", NULL },
	{ "size", "1K1", NULL },
	{ "size", "1.5G", NULL },
	{ "size", "18446744073709551616", NULL },
	{ "size", "16777216T", NULL },

	{ "block_size", "4096", "4096" },
	{ "block_size", "", NULL },
	{ "block_size", "0", NULL },
	{ "block_size", "1", NULL },
	{ "block_size", "2048", NULL },
	{ "block_size", "4097", NULL },
	{ "block_size", "12K", NULL },
	{ "block_size", "3M", NULL },
	{ "block_size", "4M", NULL },
	{ "block_size", "-4096", NULL },
	{ "block_size", "x", NULL },

	{ "base", "0x2000000000", "0x2000000000" },
	{ "base", "0x3000000000", "0x3000000000" },
	{ "base", "", NULL },
	{ "base", "x", NULL },
	{ "base", "0x", NULL },
	{ "base", "0x200000000001", NULL },
	{ "base", "0x200000000800", NULL },
	{ "base", "0x20000000z000", NULL },
	{ "base", "0x10000000000000000", NULL },

	{ "cluster", "a", "a" },
	{ "cluster", "A-z_0.9", "A-z_0.9" },
	{ "cluster", SIXTY "012", SIXTY "012" },
	{ "cluster", "", NULL },
	{ "cluster", SIXTY "0123", NULL },
	{ "cluster", "a b", NULL },
	{ "cluster", "a/b", NULL },
	{ "cluster", "a:b", NULL },
	{ "cluster", "a\nb", NULL },
	{ "cluster", "\303\244", NULL },

	{ "fault_timeout_ms", "0", "0" },
	{ "fault_timeout_ms", "30000", "30000" },
	{ "fault_timeout_ms", "", NULL },
	{ "fault_timeout_ms", "-1", NULL },
	{ "fault_timeout_ms", "x", NULL },
	{ "fault_timeout_ms", "1 2", NULL },
	{ "fault_timeout_ms", "99999999999999999999", NULL },

	{ "hold_us", "0", "0" },
	{ "hold_us", "1000000", "1000000" },
	{ "hold_us", "100", "100" },
	{ "hold_us", "auto", "auto" },
	{ "hold_us", "Auto", NULL },
	{ "hold_us", "auto 1", NULL },
	{ "hold_us", "", NULL },
	{ "hold_us", "-1", NULL },
	{ "hold_us", "1000001", NULL },
	{ "hold_us", "x", NULL },

	{ "ahead_pages", "0", "0" },
	{ "ahead_pages", "512", "512" },
	{ "ahead_pages", "64", "64" },
	{ "ahead_pages", "", NULL },
	{ "ahead_pages", "-1", NULL },
	{ "ahead_pages", "513", NULL },
	{ "ahead_pages", "64 1", NULL },
	{ "ahead_pages", "x", NULL },
	{ "rest_ms", "0", "0" },
	{ "rest_ms", "60000", "60000" },
	{ "rest_ms", "1000", "1000" },
	{ "rest_ms", "", NULL },
	{ "rest_ms", "-1", NULL },
	{ "rest_ms", "60001", NULL },
	{ "rest_ms", "1 1", NULL },
	{ "rest_ms", "auto", NULL },

	{ "state", "", NULL },
	{ "state", "x", NULL },
	{ "state", "joining", NULL },
	{ "state", "degraded", NULL },
	{ "state", "up down", NULL },
};

static const char * const bad_nodes[] = {
	"", "1", "1 ", " ", "x 127.0.0.1:7425", "-1 127.0.0.1:7425",
	"1024 127.0.0.1:7425", "1 127.0.0.1", "1 127.0.0.1:", "1 :7425",
	"1 127.0.0.1:65536", "1 127.0.0.1:7425 x", "127.0.0.1:7425 1",
	"1 1 127.0.0.1:7425", "1 [::1]", "1,127.0.0.1:7425",
};

static const char * const stats[] = {
	"read_faults", "write_faults", "upgrades", "faults_local",
	"faults_failed", "invalidations_in", "invalidations_out", "pages_in",
	"pages_out", "messages_in", "messages_out", "resident_pages",
	"owned_pages", "home_pages", "awake_pages", "retries",
	"rejected_messages",
};

static const char * const of_nodes[] = {
	"address", "state", "rtt_us", "pages_in", "pages_out", "messages_in",
	"messages_out",
};

FIXTURE(sysfs)
{
	int unused;
};

FIXTURE_SETUP(sysfs)
{
	ASSERT_EQ(0, instance_reset(0));
	ASSERT_EQ(0, instance_reset(1));
}

FIXTURE_TEARDOWN(sysfs)
{
	EXPECT_EQ(0, instance_reset(0));
	EXPECT_EQ(0, instance_reset(1));
}

/* The error of writing an attribute of the first instance, or 0 */
static int set(const char *attr, const char *value)
{
	return instance_set(0, attr, value) ? errno : 0;
}

static bool reads(const char *attr, const char *value)
{
	return instance_reads(0, attr, value);
}

static bool exists(const char *attr)
{
	char value[DSM_ATTR_MAX];

	return !dsm_attr_read("dsm", attr, value, sizeof(value));
}

/*
 * First of all, while nothing has been set yet. That there are no nodes is not
 * seen here.
 */
TEST(fresh)
{
	EXPECT_TRUE(reads("node_id", "none"));
	EXPECT_TRUE(reads("listen", "none"));
	EXPECT_TRUE(reads("size", "0"));
	EXPECT_TRUE(reads("block_size", "4096"));
	EXPECT_TRUE(reads("base", "0x300000000000"));
	EXPECT_TRUE(reads("cluster", "dsm"));
	EXPECT_TRUE(reads("fault_timeout_ms", "30000"));
	EXPECT_TRUE(reads("hold_us", "auto"));
	EXPECT_TRUE(reads("hold_now_us", "100"));
	EXPECT_TRUE(reads("ahead_pages", "64"));
	EXPECT_TRUE(reads("rest_ms", "1000"));
	EXPECT_TRUE(reads("state", "down"));
}

/*
 * Each of the three that have no default is missed. What is the default of base
 * is out of reach in User-Mode Linux.
 */
TEST(incomplete)
{
	ASSERT_EQ(0, set("base", "0x3000000000"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	ASSERT_EQ(0, set("size", "1M"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	ASSERT_EQ(0, set("listen", "127.0.0.1:7424"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	EXPECT_TRUE(reads("state", "down"));
	ASSERT_EQ(0, set("node_id", "0"));
	EXPECT_EQ(0, set("state", "up"));
	EXPECT_TRUE(reads("state", "up"));
	EXPECT_EQ(0, set("state", "down"));

	ASSERT_EQ(0, instance_set(1, "base", "0x3000000000"));
	ASSERT_EQ(0, instance_set(1, "node_id", "0"));
	ASSERT_EQ(0, instance_set(1, "size", "1M"));
	EXPECT_EQ(-1, instance_set(1, "state", "up"));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, instance_set(1, "listen", "127.0.0.1:7425"));
	EXPECT_EQ(0, instance_set(1, "state", "up"));
	EXPECT_EQ(0, instance_set(1, "state", "down"));
}

TEST_F(sysfs, values)
{
	char before[DSM_ATTR_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *c = &changes[i];

		ASSERT_EQ(0, dsm_attr_read("dsm", c->attr, before,
					   sizeof(before)));
		EXPECT_EQ(c->reads ? 0 : EINVAL, set(c->attr, c->value)) {
			TH_LOG("%s = \"%s\"", c->attr, c->value);
		}
		EXPECT_TRUE(reads(c->attr, c->reads ?: before)) {
			TH_LOG("after %s = \"%s\"", c->attr, c->value);
		}
	}
}

/* The second instance is another node: nothing of the first is its own. */
TEST_F(sysfs, instances_are_apart)
{
	ASSERT_EQ(0, set("cluster", "first"));
	ASSERT_EQ(0, instance_set(1, "cluster", "second"));
	EXPECT_TRUE(reads("cluster", "first"));
	ASSERT_EQ(0, set("hold_us", "7"));
	EXPECT_TRUE(reads("hold_now_us", "7"));
	EXPECT_TRUE(instance_reads(1, "hold_us", "auto"));
}

TEST_F(sysfs, nodes)
{
	char attr[64];
	size_t i;

	ASSERT_EQ(0, set("node_id", "0"));
	EXPECT_FALSE(exists("nodes/1/state"));
	ASSERT_EQ(0, set("add_node", "1 127.0.0.1:7425"));
	ASSERT_EQ(0, set("add_node", "1000 [::1]:9"));
	for (i = 0; i < ARRAY_SIZE(of_nodes); i++) {
		snprintf(attr, sizeof(attr), "nodes/1/%s", of_nodes[i]);
		EXPECT_TRUE(exists(attr)) {
			TH_LOG("%s", attr);
		}
	}
	EXPECT_TRUE(reads("nodes/1/address", "127.0.0.1:7425"));
	EXPECT_TRUE(reads("nodes/1/state", "down"));
	EXPECT_TRUE(reads("nodes/1000/address", "[::1]:9"));

	EXPECT_EQ(EEXIST, set("add_node", "1 127.0.0.1:7426"));
	EXPECT_TRUE(reads("nodes/1/address", "127.0.0.1:7425"));
	EXPECT_EQ(EINVAL, set("add_node", "0 127.0.0.1:7424"));
	EXPECT_FALSE(exists("nodes/0/state"));

	EXPECT_EQ(ENOENT, set("remove_node", "2"));
	EXPECT_EQ(EINVAL, set("remove_node", "x"));
	EXPECT_EQ(EINVAL, set("remove_node", ""));
	EXPECT_EQ(EINVAL, set("remove_node", "1 2"));
	EXPECT_TRUE(exists("nodes/1/state"));
	EXPECT_EQ(0, set("remove_node", "1"));
	EXPECT_FALSE(exists("nodes/1/state"));
	EXPECT_TRUE(exists("nodes/1000/state"));
	EXPECT_EQ(ENOENT, set("remove_node", "1"));
	EXPECT_EQ(0, set("add_node", "1 127.0.0.1:7426"));
	EXPECT_TRUE(reads("nodes/1/address", "127.0.0.1:7426"));
}

TEST_F(sysfs, bad_nodes)
{
	size_t i;

	ASSERT_EQ(0, set("node_id", "0"));
	for (i = 0; i < ARRAY_SIZE(bad_nodes); i++) {
		EXPECT_EQ(EINVAL, set("add_node", bad_nodes[i])) {
			TH_LOG("add_node = \"%s\"", bad_nodes[i]);
		}
		EXPECT_FALSE(exists("nodes/1/state")) {
			TH_LOG("after add_node = \"%s\"", bad_nodes[i]);
		}
	}
}

TEST_F(sysfs, permissions)
{
	static const char * const write_only[] = { "add_node", "remove_node" };
	char path[128];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(write_only); i++) {
		ASSERT_EQ(0, dsm_attr_path(path, sizeof(path), "dsm",
					   write_only[i]));
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0200, st.st_mode & 0777);
	}
	ASSERT_EQ(0, dsm_attr_path(path, sizeof(path), "dsm", "state"));
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(0644, st.st_mode & 0777);
	ASSERT_EQ(0, dsm_attr_path(path, sizeof(path), "dsm",
				   "stats/read_faults"));
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(0444, st.st_mode & 0777);
	EXPECT_EQ(-1, open(path, O_WRONLY));
}

TEST_F(sysfs, own_id_among_others)
{
	ASSERT_EQ(0, instance_setup(0, 0, 2));
	/* Only "up" can tell which of the two is wrong. */
	ASSERT_EQ(0, set("node_id", "1"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	EXPECT_TRUE(reads("state", "down"));
	EXPECT_TRUE(reads("nodes/1/state", "down"));
	ASSERT_EQ(0, set("node_id", "0"));
	EXPECT_EQ(0, set("state", "up"));
}

/* Large pages need a kernel that has huge ones. */
TEST_F(sysfs, block_sizes)
{
	bool have = !access("/sys/kernel/mm/transparent_hugepage", F_OK);
	static const char * const sizes[][2] = {
		{ "8K", "8192" }, { "65536", "65536" }, { "1M", "1048576" },
		{ "2M", "2097152" },
	};
	size_t i;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(have ? 0 : EOPNOTSUPP,
			  set("block_size", sizes[i][0]));
		EXPECT_EQ(have, reads("block_size", sizes[i][1]));
	}
	if (!have)
		return;
	/* The region has to have a whole number of them. */
	EXPECT_EQ(EINVAL, set("size", "3M"));
	ASSERT_EQ(0, set("block_size", "1M"));
	EXPECT_EQ(0, set("size", "3M"));
	ASSERT_EQ(0, set("block_size", "2M"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	EXPECT_TRUE(reads("state", "down"));
	EXPECT_EQ(0, set("size", "4M"));
	EXPECT_EQ(0, set("state", "up"));
}

TEST_F(sysfs, busy_while_up)
{
	static const char * const frozen[][2] = {
		{ "node_id", "5" }, { "listen", "127.0.0.1:7555" },
		{ "size", "1M" }, { "block_size", "4096" },
		{ "base", "0x200000000000" }, { "cluster", "other" },
	};
	char before[DSM_ATTR_MAX];
	size_t i;

	ASSERT_EQ(0, instance_setup(0, 0, 2));
	ASSERT_EQ(0, set("state", "up"));
	for (i = 0; i < ARRAY_SIZE(frozen); i++) {
		ASSERT_EQ(0, dsm_attr_read("dsm", frozen[i][0], before,
					   sizeof(before)));
		EXPECT_EQ(EBUSY, set(frozen[i][0], frozen[i][1])) {
			TH_LOG("%s", frozen[i][0]);
		}
		EXPECT_TRUE(reads(frozen[i][0], before)) {
			TH_LOG("%s", frozen[i][0]);
		}
	}
	EXPECT_EQ(EBUSY, set("add_node", "7 127.0.0.1:7431"));
	EXPECT_FALSE(exists("nodes/7/state"));
	EXPECT_EQ(EBUSY, set("remove_node", "1"));
	EXPECT_TRUE(exists("nodes/1/state"));
	EXPECT_EQ(EBUSY, set("state", "up"));
	EXPECT_TRUE(reads("state", "joining"));

	/* These may change at any time, if only to what is allowed. */
	EXPECT_EQ(0, set("fault_timeout_ms", "1234"));
	EXPECT_TRUE(reads("fault_timeout_ms", "1234"));
	EXPECT_EQ(0, set("hold_us", "55"));
	EXPECT_TRUE(reads("hold_us", "55"));
	EXPECT_EQ(EINVAL, set("hold_us", "-1"));
	EXPECT_TRUE(reads("hold_us", "55"));
	EXPECT_EQ(0, set("ahead_pages", "5"));
	EXPECT_TRUE(reads("ahead_pages", "5"));
	EXPECT_EQ(EINVAL, set("ahead_pages", "513"));
	EXPECT_TRUE(reads("ahead_pages", "5"));
	EXPECT_EQ(0, set("rest_ms", "1"));
	EXPECT_TRUE(reads("rest_ms", "1"));

	EXPECT_EQ(0, set("state", "down"));
	EXPECT_TRUE(reads("state", "down"));
	EXPECT_TRUE(reads("nodes/1/state", "down"));
	EXPECT_EQ(0, set("state", "down"));
	EXPECT_EQ(0, set("cluster", "other"));
}

TEST_F(sysfs, down_while_mapped)
{
	char *p;
	int fd;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	fd = dsm_open("dsm");
	ASSERT_LE(0, fd);
	p = dsm_map(fd, 0, PAGE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(EBUSY, set("state", "down"));
	EXPECT_TRUE(reads("state", "up"));
	p[0] = 1;
	close(fd);
	EXPECT_EQ(EBUSY, set("state", "down"));
	EXPECT_EQ(1, p[0]);
	munmap(p, PAGE);
	EXPECT_EQ(0, set("state", "down"));
	EXPECT_TRUE(reads("state", "down"));
}

/* A private mapping whose pages are all its own still belongs to the node. */
TEST_F(sysfs, down_while_mapped_privately)
{
	char *p;
	int fd;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	fd = dsm_open("dsm");
	ASSERT_LE(0, fd);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	close(fd);
	EXPECT_EQ(EBUSY, set("state", "down"));
	p[0] = 1;
	EXPECT_EQ(EBUSY, set("state", "down"));
	munmap(p, PAGE);
	EXPECT_EQ(0, set("state", "down"));
}

TEST_F(sysfs, device_while_down)
{
	struct dsm_page_info page;
	struct dsm_info info;
	__u64 rtt;
	char c = 0;
	int fd;

	fd = open("/dev/dsm", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, pread(fd, &c, 1, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, pwrite(fd, &c, 1, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, dsm_get_info(fd, &info));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, dsm_get_page(fd, 0, &page));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, dsm_ping_node(fd, 1, 8, 100, &rtt));
	EXPECT_EQ(ENOTCONN, errno);
	close(fd);
}

/* Memory does not outlive the node. */
TEST_F(sysfs, down_forgets)
{
	char c = 'c';
	int fd;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	fd = dsm_open("dsm");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, &c, 1, 5000));
	close(fd);
	ASSERT_EQ(0, set("state", "down"));
	ASSERT_EQ(0, set("state", "up"));
	fd = dsm_open("dsm");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pread(fd, &c, 1, 5000));
	EXPECT_EQ(0, c);
	close(fd);
}

/* One node is a cluster too, and talks to nobody. */
TEST_F(sysfs, alone)
{
	struct cluster c;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	EXPECT_TRUE(reads("state", "up"));
	ASSERT_EQ(0, cluster_open(&c));
	ASSERT_EQ(1, c.nr);
	EXPECT_EQ(1, c.members);
	ASSERT_EQ(0, cluster_map(&c));
	*word(&c, 0, 17 * PAGE) = 9;
	EXPECT_EQ(9, *word(&c, 0, 17 * PAGE));
	EXPECT_EQ(0, stat_sum(&c, "messages_out"));
	cluster_close(&c);
}

static bool can_map(unsigned long address)
{
	void *p = mmap((void *)address, MACHINE_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	if (p != MAP_FAILED)
		munmap(p, MACHINE_PAGE);
	return p != MAP_FAILED;
}

/* A region that no program could map as a whole */
TEST_F(sysfs, base_too_high)
{
	if (set("base", "0x400000000000") || can_map(1UL << 47))
		SKIP_IF_GOOD(return, "programs of this kernel have more than 128 TiB, or less");
	EXPECT_EQ(EINVAL, set("base", "0x800000000000"));
	/* The last 64 MiB of them, but for a page that is never mapped */
	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("base", "0x7ffffc000000"));
	EXPECT_EQ(EINVAL, set("state", "up"));
	EXPECT_TRUE(reads("state", "down"));
	ASSERT_EQ(0, set("base", "0x7ffffbfff000"));
	EXPECT_EQ(0, set("state", "up"));
	EXPECT_TRUE(reads("state", "up"));
}

TEST_F(sysfs, address_in_use)
{
	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	ASSERT_EQ(0, instance_setup(1, 0, 1));
	EXPECT_EQ(-1, instance_set(1, "state", "up"));
	EXPECT_EQ(EADDRINUSE, errno);
	EXPECT_TRUE(instance_reads(1, "state", "down"));
	/* An address that is not this machine's */
	ASSERT_EQ(0, instance_set(1, "listen", "192.0.2.1:7424"));
	EXPECT_EQ(-1, instance_set(1, "state", "up"));
	EXPECT_EQ(EADDRNOTAVAIL, errno);
	EXPECT_TRUE(instance_reads(1, "state", "down"));
	ASSERT_EQ(0, instance_set(1, "listen", "127.0.0.1:7425"));
	EXPECT_EQ(0, instance_set(1, "state", "up"));
}

TEST_F(sysfs, stats)
{
	char attr[64], value[DSM_ATTR_MAX];
	size_t i, length;

	ASSERT_EQ(0, instance_setup(0, 0, 1));
	ASSERT_EQ(0, set("state", "up"));
	for (i = 0; i < ARRAY_SIZE(stats); i++) {
		snprintf(attr, sizeof(attr), "stats/%s", stats[i]);
		ASSERT_EQ(0, dsm_attr_read("dsm", attr, value, sizeof(value)));
		length = strspn(value, "0123456789");
		EXPECT_NE(0, length);
		EXPECT_EQ(length, strlen(value)) {
			TH_LOG("%s reads \"%s\"", attr, value);
		}
	}
}

TEST_HARNESS_MAIN
