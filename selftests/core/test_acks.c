// SPDX-License-Identifier: GPL-2.0-only
#include "acks.c"

#include "harness.h"

#define LIMIT	4

TEST(dsm_acks_take__before_and_after_the_number)
{
	struct dsm_page pg = { 0 };

	EXPECT_EQ(DSM_OK, dsm_acks_take(&pg, 6, LIMIT));
	EXPECT_FALSE(pg.counted);
	EXPECT_TRUE(dsm_acks_expect(&pg, 6, 2));
	EXPECT_TRUE(pg.counted);
	EXPECT_EQ(1, pg.acks_left);
	EXPECT_EQ(DSM_OK, dsm_acks_take(&pg, 6, LIMIT));
	EXPECT_EQ(0, pg.acks_left);
}

TEST(dsm_acks_take__one_too_many)
{
	struct dsm_page pg = { .acks_left = -LIMIT, .acks_version = 6 };

	EXPECT_EQ(DSM_PROTO, dsm_acks_take(&pg, 6, LIMIT));
	EXPECT_EQ(-LIMIT, pg.acks_left);
	pg.counted = true;
	pg.acks_left = 0;
	EXPECT_EQ(DSM_PROTO, dsm_acks_take(&pg, 6, LIMIT));
	EXPECT_EQ(0, pg.acks_left);
}

/* One of a recount, before the home has said how many: the old ones are void */
TEST(dsm_acks_take__of_a_recount)
{
	struct dsm_page pg = {
		.counted = true, .acks_left = 1, .acks_version = 6,
	};

	EXPECT_EQ(DSM_OK, dsm_acks_take(&pg, 7, LIMIT));
	EXPECT_EQ(-1, pg.acks_left);
	EXPECT_FALSE(pg.counted);
	EXPECT_EQ(DSM_STALE, dsm_acks_take(&pg, 6, LIMIT));
	EXPECT_EQ(-1, pg.acks_left);
}

TEST(dsm_acks_expect__no_acknowledgement_at_all)
{
	struct dsm_page pg = { 0 };

	EXPECT_TRUE(dsm_acks_expect(&pg, 0, 0));
	EXPECT_TRUE(pg.counted);
	EXPECT_EQ(0, pg.acks_left);
}

TEST(dsm_acks_expect__what_cannot_be)
{
	struct dsm_page pg = { .acks_left = -2, .acks_version = 6 };

	EXPECT_FALSE(dsm_acks_expect(&pg, 5, 3));
	EXPECT_FALSE(dsm_acks_expect(&pg, 6, 1));
	EXPECT_EQ(-2, pg.acks_left);
	EXPECT_FALSE(pg.counted);
	EXPECT_TRUE(dsm_acks_expect(&pg, 6, 2));
	EXPECT_FALSE(dsm_acks_expect(&pg, 6, 2));
	EXPECT_EQ(0, pg.acks_left);
}

TEST(dsm_acks_expect__a_recount_starts_anew)
{
	struct dsm_page pg = {
		.counted = true, .acks_left = 2, .acks_version = 6,
	};

	EXPECT_TRUE(dsm_acks_expect(&pg, 7, 1));
	EXPECT_EQ(1, pg.acks_left);
	EXPECT_EQ(7, pg.acks_version);
}

TEST(dsm_acks_forget__all)
{
	struct dsm_page pg = {
		.counted = true, .acks_left = 2, .acks_version = 6,
	};

	dsm_acks_forget(&pg);
	EXPECT_FALSE(pg.counted);
	EXPECT_EQ(0, pg.acks_left);
	EXPECT_EQ(0, pg.acks_version);
}
