// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory runs out at every point: whatever is asked of the module is done, or
 * refused with ENOMEM and done when it is asked again, and no data is lost.
 *
 * Each thing is tried with the first of its allocations failing, then with the
 * second, until there is none left to fail. Needs a kernel with fault injection
 * that shortage.sh has limited to the modules; loads dsm, from the file that
 * DSM_MODULE names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

#define NODES		3
#define SECONDS		600	/* that a test may take, where all is slow */
#define PAGES		64	/* more than an access to one has allocations */

/* The allocation, counted from now on, that fails; 0 for none */
static void fail_set(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY);

	if (fd < 0 || dprintf(fd, "%u", nth) < 1 || close(fd))
		abort();
}

/* How far away that still is; 0 if it was reached */
static unsigned int fail_get(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1 || close(fd))
		abort();
	return strtoul(text, NULL, 10);
}

/**
 * struct trial - something to do while memory runs out
 * @run:	do it; -1 with errno set if it is refused
 * @undo:	make it possible again; or NULL
 * @c:		the cluster, for accesses
 * @at:		the page of the next access
 * @attr:	the attribute to write
 * @value:	what to write, or the module's parameters
 */
struct trial {
	int (*run)(struct trial *t);
	int (*undo)(struct trial *t);
	struct cluster *c;
	uint64_t at;
	const char *attr;
	const char *value;
};

/*
 * To Linux, no memory for a socket is too many open files, and no memory for
 * its port is an address in use.
 */
static bool is_shortage(int err)
{
	return err == ENOMEM || err == ENFILE || err == EADDRINUSE;
}

/*
 * Returns how many allocations there were to fail, or -1 if one of them had
 * another effect than it may have.
 */
static int starve(struct trial *t)
{
	unsigned int nth, left;
	int err;

	for (nth = 1; ; nth++) {
		fail_set(nth);
		err = t->run(t) ? errno : 0;
		left = fail_get();
		fail_set(0);
		if (left && !err) {
			fprintf(stderr, "# %u allocations failed\n", nth - 1);
			return nth - 1;
		}
		if (left || (err && !is_shortage(err))) {
			fprintf(stderr, "# allocation %u: %s\n", nth,
				strerror(err));
			return -1;
		}
		if (!err && t->undo && t->undo(t)) {
			fprintf(stderr, "# after allocation %u: %s\n", nth,
				strerror(errno));
			return -1;
		}
	}
}

/* ---- the module ---- */

FIXTURE(control)
{
	struct trial t;
};

FIXTURE_SETUP(control)
{
	ASSERT_EQ(0, instance_reset(0));
}

FIXTURE_TEARDOWN(control)
{
	EXPECT_EQ(0, instance_reset(0));
}

static int module_load(struct trial *t)
{
	int fd = open(getenv("DSM_MODULE"), O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, t->value, 0);

	close(fd);
	return err;
}

static int module_unload(struct trial *t)
{
	(void)t;
	return syscall(SYS_delete_module, "dsm", 0);
}

TEST_F_TIMEOUT(control, load, SECONDS)
{
	self->t.run = module_load;
	self->t.undo = module_unload;
	self->t.value = "instances=2";
	ASSERT_EQ(0, module_unload(&self->t));
	EXPECT_LT(0, starve(&self->t));

	/* as many as the next tests need */
	ASSERT_EQ(0, module_unload(&self->t));
	self->t.value = "instances=3";
	ASSERT_EQ(0, module_load(&self->t));
}

/* ---- configuration ---- */

static int attr_write(struct trial *t)
{
	return instance_set(0, t->attr, t->value);
}

static int forget_node(struct trial *t)
{
	(void)t;
	return instance_set(0, "remove_node", "1");
}

static int go_down(struct trial *t)
{
	(void)t;
	return instance_set(0, "state", "down");
}

TEST_F_TIMEOUT(control, configure, SECONDS)
{
	static const char * const settings[][2] = {
		{ "cluster", "other" },
		{ "node_id", "0" },
		{ "size", "67108864" },
		{ "listen", "127.0.0.1:7424" },
		{ NULL, NULL },
	};
	struct trial *t = &self->t;
	unsigned int i;

	t->run = attr_write;
	for (i = 0; settings[i][0]; i++) {
		t->attr = settings[i][0];
		t->value = settings[i][1];
		EXPECT_LE(0, starve(t));
		EXPECT_TRUE(instance_reads(0, t->attr, t->value));
	}

	t->attr = "add_node";
	t->value = "1 127.0.0.1:7425";
	t->undo = forget_node;
	EXPECT_LT(0, starve(t));
	EXPECT_TRUE(instance_reads(0, "nodes/1/address", "127.0.0.1:7425"));
}

TEST_F_TIMEOUT(control, up, SECONDS)
{
	self->t.run = attr_write;
	self->t.undo = go_down;
	self->t.attr = "state";
	self->t.value = "up";
	ASSERT_EQ(0, instance_setup(0, 0, NODES));
	EXPECT_LT(0, starve(&self->t));
	EXPECT_TRUE(instance_reads(0, "state", "joining"));
}

/* ---- accesses ---- */

FIXTURE(nomem)
{
	struct cluster c;
	struct trial t;
};

static bool all_up(void)
{
	unsigned int i;

	for (i = 0; i < NODES; i++)
		if (!instance_reads(i, "state", "up"))
			return false;
	return true;
}

/* What node 1 stores in a page, for node 0 to find */
static uint64_t content(uint64_t at)
{
	return ~at;
}

FIXTURE_SETUP(nomem)
{
	unsigned int i;

	for (i = 0; i < NODES; i++) {
		ASSERT_EQ(0, instance_reset(i));
		ASSERT_EQ(0, instance_setup(i, i, NODES));
	}
	for (i = 0; i < NODES; i++)
		ASSERT_EQ(0, instance_set(i, "state", "up"));
	ASSERT_TRUE(wait_for(all_up()));
	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_EQ(0, cluster_map(&self->c));
	self->t.c = &self->c;
	self->t.at = fresh_range(&self->c, PAGES);
	for (i = 0; i < PAGES; i++)
		*word(&self->c, 1, self->t.at + i * PAGE) =
			content(self->t.at + i * PAGE);
}

FIXTURE_TEARDOWN(nomem)
{
	unsigned int i;

	cluster_close(&self->c);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ(0, instance_reset(i));
}

/* A page that was had has nothing to allocate any more: take the next. */
static int next_page(struct trial *t)
{
	t->at += PAGE;
	return 0;
}

static int wrong_content(void)
{
	errno = EILSEQ;
	return -1;
}

static int read_page(struct trial *t)
{
	uint64_t value;

	if (pread(t->c->node[0].fd, &value, 8, t->at) != 8)
		return -1;
	return value == content(t->at) ? 0 : wrong_content();
}

static int write_page(struct trial *t)
{
	uint64_t value = t->at;

	if (pwrite(t->c->node[0].fd, &value, 8, t->at) != 8)
		return -1;
	return *word(t->c, 1, t->at) == t->at ? 0 : wrong_content();
}

static int load_page(struct trial *t)
{
	return *word(t->c, 0, t->at) == content(t->at) ? 0 : wrong_content();
}

static int store_page(struct trial *t)
{
	*word(t->c, 0, t->at) = t->at;
	return *word(t->c, 1, t->at) == t->at ? 0 : wrong_content();
}

static int open_device(struct trial *t)
{
	int fd = dsm_open("dsm");

	(void)t;
	return fd < 0 ? -1 : close(fd);
}

static int map_device(struct trial *t)
{
	void *map = mmap(NULL, t->c->size, PROT_READ, MAP_SHARED,
			 t->c->node[0].fd, 0);

	return map == MAP_FAILED ? -1 : munmap(map, t->c->size);
}

TEST_F_TIMEOUT(nomem, open, SECONDS)
{
	self->t.run = open_device;
	EXPECT_LE(0, starve(&self->t));
}

TEST_F_TIMEOUT(nomem, mmap, SECONDS)
{
	self->t.run = map_device;
	EXPECT_LE(0, starve(&self->t));
}

TEST_F_TIMEOUT(nomem, read, SECONDS)
{
	self->t.run = read_page;
	self->t.undo = next_page;
	EXPECT_LT(0, starve(&self->t));
}

TEST_F_TIMEOUT(nomem, write, SECONDS)
{
	self->t.run = write_page;
	self->t.undo = next_page;
	EXPECT_LT(0, starve(&self->t));
}

TEST_F_TIMEOUT(nomem, load_word, SECONDS)
{
	self->t.run = load_page;
	self->t.undo = next_page;
	EXPECT_LT(0, starve(&self->t));
}

TEST_F_TIMEOUT(nomem, store_word, SECONDS)
{
	self->t.run = store_page;
	self->t.undo = next_page;
	EXPECT_LT(0, starve(&self->t));
}

TEST_HARNESS_MAIN
