// SPDX-License-Identifier: GPL-2.0-only
#include "rest.c"

#include "fixture.h"

static bool rests(const struct fixture *f)
{
	return dsm_page_rests(&f->pg, f->ev.now);
}

/* Pack the page, spoil it, and take it up again. */
static void rest(struct fixture *f)
{
	u64 packed = dsm_page_pack(&f->pg);

	EXPECT_EQ(0, packed >> DSM_REST_BITS);
	memset(&f->pg, 0xa5, sizeof(f->pg));
	dsm_page_unpack(&f->pg, packed);
}

TEST_AT(1, dsm_page_rests__untouched)
{
	EXPECT_TRUE(rests(f));
}

TEST_AT(1, dsm_page_rests__asked_for)
{
	happens(f, DSM_EV_READ);
	EXPECT_FALSE(rests(f));
}

TEST_AT(1, dsm_page_rests__not_used_yet)
{
	setup_page(f, DSM_READ, 1);
	f->pg.fresh = true;
	EXPECT_FALSE(rests(f));
}

TEST_AT(1, dsm_page_rests__held)
{
	setup_page(f, DSM_READ, 1);
	f->pg.hold_until = f->ev.now + 1;
	EXPECT_FALSE(rests(f));
	f->ev.now++;
	EXPECT_TRUE(rests(f));
}

TEST_AT(1, dsm_page_rests__put_off)
{
	setup_page(f, DSM_WRITE, 1);
	f->pg.deferred.type = DSM_MSG_FORWARD;
	EXPECT_FALSE(rests(f));
}

TEST_AT(1, dsm_page_rests__refused)
{
	f->pg.error = DSM_STATUS_LOST;
	EXPECT_FALSE(rests(f));
}

TEST_AT(1, dsm_page_rests__version_too_large)
{
	setup_page(f, DSM_READ, (1ULL << 42) - 1);
	EXPECT_TRUE(rests(f));
	rest(f);
	EXPECT_EQ((1ULL << 42) - 1, f->pg.version);
	f->pg.version++;
	EXPECT_FALSE(rests(f));
}

TEST_AT(1, dsm_page_unpack__all_that_counts)
{
	setup_page(f, DSM_WRITE, 0x123456789aULL);
	f->pg.serial = 0xfedc;
	rest(f);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_TRUE(f->pg.dirty);
	EXPECT_EQ(0xfedc, f->pg.serial);
	EXPECT_EQ(0x123456789aULL, f->pg.version);

	f->pg.state = DSM_READ;
	f->pg.dirty = false;
	rest(f);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_FALSE(f->pg.dirty);

	f->pg.state = DSM_NONE;
	f->pg.owned = false;
	rest(f);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_FALSE(f->pg.owned);
}

TEST_AT(1, dsm_page_unpack__the_rest_is_as_new)
{
	struct dsm_page fresh;

	dsm_page_init(&fresh);
	f->pg.hold_until = f->ev.now;
	f->pg.clean = true;
	f->pg.final = true;
	f->pg.deferred_since = 5;
	rest(f);
	EXPECT_EQ(0, memcmp(&fresh, &f->pg, sizeof(fresh)));
}

TEST_AT(0, dsm_home_rests__busy)
{
	EXPECT_TRUE(dsm_home_rests(&f->hm));
	f->hm.busy = DSM_READ;
	EXPECT_FALSE(dsm_home_rests(&f->hm));
}

TEST_AT(0, dsm_home_rests__somebody_waits)
{
	f->hm.queue_len = 1;
	EXPECT_FALSE(dsm_home_rests(&f->hm));
}

TEST_AT(0, dsm_home_unpack__all_that_counts)
{
	struct {
		struct dsm_home_rest home;
		u64 words[1];
	} kept;

	setup_home(f, 2, 7, 0xd);
	f->hm.last_reader = 3;
	f->hm.migratory = DSM_MIGRATORY;
	f->hm.serial = 9;
	dsm_home_pack(&f->hm, &kept.home, 1);
	EXPECT_TRUE(dsm_home_rest_names(&kept.home, 0));
	EXPECT_FALSE(dsm_home_rest_names(&kept.home, 1));
	EXPECT_TRUE(dsm_home_rest_names(&kept.home, 2));
	memset(&f->hm, 0xa5, sizeof(f->hm));
	dsm_home_init(&f->hm, 0, f->copyset, f->inval, f->queue, 1);
	dsm_home_unpack(&f->hm, &kept.home, 1);
	EXPECT_EQ(2, f->hm.owner);
	EXPECT_EQ(7, f->hm.version);
	EXPECT_EQ(0xd, f->copyset[0]);
	EXPECT_EQ(3, f->hm.last_reader);
	EXPECT_EQ(DSM_MIGRATORY, f->hm.migratory);
	EXPECT_EQ(DSM_NO_NODE, f->hm.requester);
	EXPECT_EQ(DSM_NO_NODE, f->hm.source);
	EXPECT_EQ(0, f->hm.busy);
}

/* The owner has no copy any more where its page is lost. */
TEST_AT(0, dsm_home_rest_names__the_owner)
{
	struct {
		struct dsm_home_rest home;
		u64 words[1];
	} kept;

	setup_home(f, 2, 7, 0);
	dsm_home_pack(&f->hm, &kept.home, 1);
	EXPECT_TRUE(dsm_home_rest_names(&kept.home, 2));
	EXPECT_FALSE(dsm_home_rest_names(&kept.home, 0));
}
