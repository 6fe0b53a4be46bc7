// SPDX-License-Identifier: GPL-2.0-only
#include "member.c"

#include "harness.h"

TEST(dsm_words_for__rounds_up)
{
	EXPECT_EQ(1, dsm_words_for(0));
	EXPECT_EQ(1, dsm_words_for(63));
	EXPECT_EQ(2, dsm_words_for(64));
	EXPECT_EQ(DSM_SET_WORDS_MAX, dsm_words_for(DSM_NODE_LIMIT - 1));
}

TEST(dsm_member_is_lost__only_those_in_the_set)
{
	u64 lost[1] = { 1 << 3 };
	const struct dsm_members m = { .lost = lost };

	EXPECT_TRUE(dsm_member_is_lost(&m, 3));
	EXPECT_FALSE(dsm_member_is_lost(&m, 2));
}

/* All sizes to 40, with ids 1, 4, 7 ... */
TEST(dsm_member_has__finds_all_and_nothing_else)
{
	u16 ids[40], nr, i;

	for (i = 0; i < 40; i++)
		ids[i] = 3 * i + 1;
	for (nr = 1; nr <= 40; nr++) {
		const struct dsm_members m = { .nr = nr, .ids = ids };

		for (i = 0; i <= 3 * nr; i++)
			EXPECT_EQ(i % 3 == 1, dsm_member_has(&m, i));
		EXPECT_FALSE(dsm_member_has(&m, 3 * nr + 1));
		EXPECT_FALSE(dsm_member_has(&m, DSM_NO_NODE));
	}
}

TEST(dsm_member_home__deals_stripes_in_turn)
{
	const u16 ids[] = { 2, 5, 1023 };
	const struct dsm_members m = { .nr = 3, .ids = ids };

	EXPECT_EQ(2, dsm_member_home(&m, 0));
	EXPECT_EQ(2, dsm_member_home(&m, 15));
	EXPECT_EQ(5, dsm_member_home(&m, 16));
	EXPECT_EQ(1023, dsm_member_home(&m, 47));
	EXPECT_EQ(2, dsm_member_home(&m, 48));
	/* 2^64 - 1 is in stripe 2^60 - 1, which is divisible by 3. */
	EXPECT_EQ(2, dsm_member_home(&m, ~0ULL));
}

TEST(dsm_member_home__one_node_has_all)
{
	const u16 ids[] = { 7 };
	const struct dsm_members m = { .nr = 1, .ids = ids };
	u64 page;

	for (page = 0; page < 100; page++)
		EXPECT_EQ(7, dsm_member_home(&m, page));
}
