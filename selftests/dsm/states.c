// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the nodes say of a page, by DSM_IOC_PAGE, after each step that its life
 * can take.
 */
#include <string.h>

#include "kselftest_harness.h"

#include "dsmtest.h"

/* The page's home and two other nodes */
enum role { H, A, B, ROLES };

static const char role_names[] = "HAB";

FIXTURE(states)
{
	struct cluster c;
	uint64_t at;
	unsigned int node[ROLES];
	char picture[128];
	bool restless;
};

/* Which member is the home */
FIXTURE_VARIANT(states)
{
	unsigned int home;
};

FIXTURE_VARIANT_ADD(states, home_first) { .home = 0 };
FIXTURE_VARIANT_ADD(states, home_middle) { .home = 1 };
FIXTURE_VARIANT_ADD(states, home_last) { .home = 2 };

FIXTURE_SETUP(states)
{
	unsigned int role;

	ASSERT_EQ(0, cluster_open(&self->c));
	ASSERT_EQ(3, self->c.nr);
	ASSERT_EQ(0, cluster_map(&self->c));
	self->at = fresh_at(&self->c, variant->home);
	for (role = 0; role < ROLES; role++)
		self->node[role] = (variant->home + role) % self->c.nr;
}

FIXTURE_TEARDOWN(states)
{
	EXPECT_FALSE(self->restless);
	cluster_close(&self->c);
}

#define FIXTURE_OF_TEST	FIXTURE_DATA(states)

static void load(FIXTURE_OF_TEST *self, enum role who)
{
	self->restless |= !let_rest(&self->c);
	(void)*word(&self->c, self->node[who], self->at);
}

static void store(FIXTURE_OF_TEST *self, enum role who)
{
	self->restless |= !let_rest(&self->c);
	*word(&self->c, self->node[who], self->at) = who + 1;
}

static bool in_set(const struct dsm_page_info *page, uint32_t id)
{
	return page->copyset[id / 64] >> id % 64 & 1;
}

/* Whether what a node says of a page that is elsewhere at home is possible */
static bool guest_is_true(const struct dsm_page_info *page, uint32_t id,
			  const struct dsm_page_info *home)
{
	unsigned int word;

	if (page->home != home->home || page->flags ||
	    page->offset != home->offset)
		return false;
	if (page->owner != (home->owner == id ? id : DSM_NODE_NONE))
		return false;
	for (word = 0; word < DSM_NODES_MAX / 64; word++)
		if (page->copyset[word] & ~home->copyset[word] ||
		    (page->copyset[word] &&
		     (word != id / 64 ||
		      page->copyset[word] != 1ULL << id % 64)))
			return false;
	if (page->state == DSM_PAGE_NONE)
		return page->version <= home->version;
	return page->version == home->version;
}

/*
 * The state of each role, the owner and the copyset, as text. A home that has
 * no copy of a page nobody has written may count itself among the holders.
 */
static const char *picture(FIXTURE_OF_TEST *self)
{
	struct dsm_page_info page[ROLES];
	char *p = self->picture;
	unsigned int role, k;
	unsigned int copies = 0;

	if (page_settle(&self->c, self->at))
		return "busy";
	for (role = 0; role < ROLES; role++) {
		struct node *n = &self->c.node[self->node[role]];

		if (dsm_get_page(n->fd, self->at, &page[role]) ||
		    page[role].state < DSM_PAGE_NONE ||
		    page[role].state > DSM_PAGE_READ_WRITE)
			return "unreadable";
		if (role != H && !guest_is_true(&page[role], n->id, &page[H]))
			return "contradictory";
		p += sprintf(p, "%c%c ", role_names[role],
			     "?-rw"[page[role].state]);
	}
	if (page[H].flags != DSM_PAGE_IS_HOME ||
	    page[H].home != self->c.node[self->node[H]].id)
		return "not at home";

	p += sprintf(p, "owner ");
	for (role = 0; role < ROLES; role++)
		if (page[H].owner == self->c.node[self->node[role]].id)
			*p++ = role_names[role];
	p += sprintf(p, " copies ");
	for (role = 0; role < ROLES; role++) {
		if (!in_set(&page[H], self->c.node[self->node[role]].id))
			continue;
		copies++;
		if (role != H || page[H].version ||
		    page[H].state != DSM_PAGE_NONE)
			*p++ = role_names[role];
	}
	for (k = 0; k < DSM_NODES_MAX / 64; k++)
		copies -= __builtin_popcountll(page[H].copyset[k]);
	if (copies)
		return "strangers in the copyset";
	*p = '\0';
	return self->picture;
}

static uint64_t version_at_home(FIXTURE_OF_TEST *self)
{
	struct dsm_page_info page;

	if (page_settle(&self->c, self->at) ||
	    dsm_get_page(self->c.node[self->node[H]].fd, self->at, &page))
		return 0;
	return page.version;
}

TEST_F(states, untouched)
{
	EXPECT_STREQ("H- A- B- owner H copies ", picture(self));
	EXPECT_EQ(0, version_at_home(self));
}

TEST_F(states, first_read)
{
	load(self, A);
	EXPECT_STREQ("H- Ar B- owner H copies A", picture(self));
	load(self, B);
	EXPECT_STREQ("H- Ar Br owner H copies AB", picture(self));
	EXPECT_EQ(0, version_at_home(self));
}

TEST_F(states, first_write)
{
	store(self, A);
	EXPECT_STREQ("H- Aw B- owner A copies A", picture(self));
	EXPECT_LT(0, version_at_home(self));
}

TEST_F(states, first_write_at_home)
{
	store(self, H);
	EXPECT_STREQ("Hw A- B- owner H copies H", picture(self));
}

TEST_F(states, read_from_home)
{
	store(self, H);
	load(self, A);
	EXPECT_STREQ("Hr Ar B- owner H copies HA", picture(self));
	load(self, B);
	EXPECT_STREQ("Hr Ar Br owner H copies HAB", picture(self));
}

TEST_F(states, read_from_third)
{
	store(self, A);
	load(self, B);
	EXPECT_STREQ("H- Ar Br owner A copies AB", picture(self));
	load(self, H);
	EXPECT_STREQ("Hr Ar Br owner A copies HAB", picture(self));
}

TEST_F(states, home_reads)
{
	store(self, A);
	load(self, H);
	EXPECT_STREQ("Hr Ar B- owner A copies HA", picture(self));
}

TEST_F(states, upgrade)
{
	store(self, A);
	load(self, B);
	load(self, H);
	store(self, B);
	EXPECT_STREQ("H- A- Bw owner B copies B", picture(self));
}

TEST_F(states, upgrade_by_owner)
{
	store(self, A);
	load(self, B);
	store(self, A);
	EXPECT_STREQ("H- Aw B- owner A copies A", picture(self));
}

TEST_F(states, upgrade_by_home)
{
	store(self, A);
	load(self, H);
	store(self, H);
	EXPECT_STREQ("Hw A- B- owner H copies H", picture(self));
}

TEST_F(states, upgrade_of_unwritten)
{
	load(self, A);
	load(self, B);
	store(self, A);
	EXPECT_STREQ("H- Aw B- owner A copies A", picture(self));
}

TEST_F(states, write_takes_all)
{
	store(self, A);
	load(self, H);
	store(self, B);
	EXPECT_STREQ("H- A- Bw owner B copies B", picture(self));
	store(self, H);
	EXPECT_STREQ("Hw A- B- owner H copies H", picture(self));
	store(self, A);
	EXPECT_STREQ("H- Aw B- owner A copies A", picture(self));
}

TEST_F(states, home_writes_over_copies)
{
	store(self, A);
	load(self, B);
	store(self, H);
	EXPECT_STREQ("Hw A- B- owner H copies H", picture(self));
}

TEST_F(states, version)
{
	uint64_t before, after;

	store(self, A);
	before = version_at_home(self);
	store(self, A);
	EXPECT_EQ(before, version_at_home(self));
	load(self, B);
	EXPECT_EQ(before, version_at_home(self));
	store(self, B);
	after = version_at_home(self);
	EXPECT_LT(before, after);
	store(self, H);
	EXPECT_LT(after, version_at_home(self));
}

TEST_F(states, migratory)
{
	unsigned int i;

	/* Read, then write, in turns: soon a read brings both rights, ... */
	for (i = 0; i < 3; i++) {
		load(self, A);
		store(self, A);
		load(self, B);
		store(self, B);
	}
	load(self, A);
	EXPECT_STREQ("H- Aw B- owner A copies A", picture(self));

	/* ... until nobody writes after reading. */
	for (i = 0; i < 3; i++) {
		load(self, B);
		load(self, H);
		load(self, A);
	}
	ASSERT_EQ(0, page_settle(&self->c, self->at));
	EXPECT_NE(NULL, strstr(picture(self), "Hr Ar Br "));
}

TEST_HARNESS_MAIN
