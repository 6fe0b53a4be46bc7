// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls: what they report, and what they refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

FIXTURE(ioctl)
{
	struct cluster c;
	int fd;
};

FIXTURE_SETUP(ioctl)
{
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_LE(3, self->c.nr);
	self->fd = self->c.node[0].fd;
}

FIXTURE_TEARDOWN(ioctl)
{
	cluster_close(&self->c);
}

/* The error of an ioctl, or 0 */
static int error_of(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? errno : 0;
}

TEST_F(ioctl, info)
{
	struct node *n;
	struct dsm_info info;
	char value[DSM_ATTR_MAX];

	for (n = self->c.node; n < self->c.node + self->c.nr; n++) {
		memset(&info, 0xff, sizeof(info));
		ASSERT_EQ(0, error_of(n->fd, DSM_IOC_INFO, &info));
		EXPECT_EQ(0, info.reserved);
		EXPECT_EQ(self->c.nr, info.nodes);
		EXPECT_EQ(getpagesize(), info.page_size);
		EXPECT_EQ(0, info.block_size % info.page_size);
		ASSERT_EQ(0, dsm_attr_read(n->name, "node_id", value,
					   sizeof(value)));
		EXPECT_EQ(atoi(value), info.node);
		ASSERT_EQ(0, dsm_attr_read(n->name, "size", value,
					   sizeof(value)));
		EXPECT_EQ(strtoull(value, NULL, 10), info.size);
		ASSERT_EQ(0, dsm_attr_read(n->name, "base", value,
					   sizeof(value)));
		EXPECT_EQ(strtoull(value, NULL, 16), info.base);
	}
}

TEST_F(ioctl, page_offset)
{
	struct dsm_page_info page;
	uint64_t at = fresh_at(&self->c, 1);

	memset(&page, 0xff, sizeof(page));
	page.offset = at + PAGE + 123;
	ASSERT_EQ(0, error_of(self->fd, DSM_IOC_PAGE, &page));
	EXPECT_EQ(at + PAGE, page.offset);
	EXPECT_EQ(DSM_PAGE_NONE, page.state);
	EXPECT_EQ(DSM_NODE_NONE, page.owner);
	EXPECT_EQ(self->c.node[1].id, page.home);
	EXPECT_EQ(0, page.flags);

	page.offset = self->c.size - 1;
	EXPECT_EQ(0, error_of(self->fd, DSM_IOC_PAGE, &page));
	EXPECT_EQ(self->c.size - PAGE, page.offset);
	page.offset = self->c.size;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PAGE, &page));
	page.offset = UINT64_MAX;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PAGE, &page));
}

/* Stripes of sixteen pages, dealt to the members in turn */
TEST_F(ioctl, homes)
{
	struct dsm_page_info page;
	uint64_t number;
	unsigned int i;

	for (number = 0; number < 100; number++) {
		for (i = 0; i < self->c.nr; i++) {
			ASSERT_EQ(0, dsm_get_page(self->c.node[i].fd,
						  number * PAGE, &page));
			EXPECT_EQ(self->c.node[number / 16 % self->c.nr].id,
				  page.home);
			EXPECT_EQ(page.home == self->c.node[i].id,
				  !!(page.flags & DSM_PAGE_IS_HOME));
		}
	}
}

TEST_F(ioctl, ping)
{
	struct dsm_ping ping;
	unsigned int i, j;
	__u64 rtt;

	for (i = 0; i < self->c.nr; i++) {
		for (j = 0; j < self->c.nr; j++) {
			if (i == j)
				continue;
			rtt = 0;
			EXPECT_EQ(0, dsm_ping_node(self->c.node[i].fd,
						   self->c.node[j].id,
						   i * 1000, 10000, &rtt));
			EXPECT_NE(0, rtt);
		}
	}
	ping = (struct dsm_ping) { .node = self->c.node[1].id,
				   .bytes = DSM_PING_BYTES_MAX,
				   .timeout_ms = 60000 };
	EXPECT_EQ(0, error_of(self->fd, DSM_IOC_PING, &ping));
	EXPECT_EQ(self->c.node[1].id, ping.node);
	EXPECT_EQ(DSM_PING_BYTES_MAX, ping.bytes);
}

TEST_F(ioctl, ping_refused)
{
	const struct dsm_ping good = { .node = self->c.node[1].id,
				       .bytes = 8, .timeout_ms = 10000 };
	struct dsm_ping ping;

	ping = good;
	ping.node = self->c.node[0].id;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PING, &ping));
	ping = good;
	ping.bytes = DSM_PING_BYTES_MAX + 1;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PING, &ping));
	ping = good;
	ping.timeout_ms = 0;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PING, &ping));
	ping = good;
	ping.timeout_ms = 60001;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PING, &ping));
	ping = good;
	ping.reserved = 1;
	EXPECT_EQ(EINVAL, error_of(self->fd, DSM_IOC_PING, &ping));
	/* No such node */
	ping = good;
	ping.node = 999;
	EXPECT_NE(0, error_of(self->fd, DSM_IOC_PING, &ping));
	ping = good;
	ping.node = DSM_NODE_NONE;
	EXPECT_NE(0, error_of(self->fd, DSM_IOC_PING, &ping));
}

TEST_F(ioctl, bad_requests)
{
	void *nowhere = (void *)8;

	EXPECT_EQ(EFAULT, error_of(self->fd, DSM_IOC_INFO, nowhere));
	EXPECT_EQ(EFAULT, error_of(self->fd, DSM_IOC_PAGE, nowhere));
	EXPECT_EQ(EFAULT, error_of(self->fd, DSM_IOC_PING, nowhere));
	EXPECT_EQ(ENOTTY, error_of(self->fd, _IO(DSM_IOC_MAGIC, 0x7f),
				   nowhere));
	EXPECT_EQ(ENOTTY, error_of(self->fd, _IOR(DSM_IOC_MAGIC, 0x01, char),
				   nowhere));
	EXPECT_EQ(ENOTTY, error_of(self->fd, 0, nowhere));
}

TEST_F(ioctl, read_only_file)
{
	int fd = open("/dev/dsm", O_RDONLY);
	struct dsm_page_info page;
	struct dsm_info info;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, dsm_get_info(fd, &info));
	EXPECT_EQ(0, dsm_get_page(fd, 0, &page));
	close(fd);
}

TEST_HARNESS_MAIN
