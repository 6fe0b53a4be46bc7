// SPDX-License-Identifier: GPL-2.0-only
#include "copyset.c"

#include "harness.h"

TEST(dsm_set_add__adds_one_node)
{
	u64 set[3] = { 0 };

	dsm_set_add(set, 64);
	EXPECT_EQ(0, set[0]);
	EXPECT_EQ(1, set[1]);
	EXPECT_EQ(0, set[2]);
	dsm_set_add(set, 64);
	EXPECT_EQ(1, set[1]);
}

TEST(dsm_set_del__removes_one_node)
{
	u64 set[2] = { ~0ULL, ~0ULL };

	dsm_set_del(set, 127);
	EXPECT_EQ(~0ULL, set[0]);
	EXPECT_EQ(~0ULL >> 1, set[1]);
	dsm_set_del(set, 127);
	EXPECT_EQ(~0ULL >> 1, set[1]);
}

TEST(dsm_set_has__sees_the_ends_of_words)
{
	u64 set[2] = { 1ULL << 63, 1 };

	EXPECT_FALSE(dsm_set_has(set, 0));
	EXPECT_FALSE(dsm_set_has(set, 62));
	EXPECT_TRUE(dsm_set_has(set, 63));
	EXPECT_TRUE(dsm_set_has(set, 64));
	EXPECT_FALSE(dsm_set_has(set, 65));
}

TEST(dsm_set_clear__stays_inside)
{
	u64 set[3] = { 1, 2, 3 };

	dsm_set_clear(set, 2);
	EXPECT_EQ(0, set[0]);
	EXPECT_EQ(0, set[1]);
	EXPECT_EQ(3, set[2]);
}

TEST(dsm_set_copy__stays_inside)
{
	u64 from[3] = { 1, 2, 3 }, to[3] = { 0 };

	dsm_set_copy(to, from, 2);
	EXPECT_EQ(1, to[0]);
	EXPECT_EQ(2, to[1]);
	EXPECT_EQ(0, to[2]);
}

TEST(dsm_set_next__finds_each_node_alone)
{
	u64 set[DSM_SET_WORDS_MAX] = { 0 };
	u16 node;

	for (node = 0; node < DSM_NODE_LIMIT; node++) {
		dsm_set_add(set, node);
		EXPECT_EQ(node, dsm_set_next(set, DSM_SET_WORDS_MAX, 0));
		EXPECT_EQ(node, dsm_set_next(set, DSM_SET_WORDS_MAX, node));
		EXPECT_EQ(DSM_NO_NODE,
			  dsm_set_next(set, DSM_SET_WORDS_MAX, node + 1));
		dsm_set_del(set, node);
	}
}

TEST(dsm_set_next__empty)
{
	u64 set[2] = { 0 };

	EXPECT_EQ(DSM_NO_NODE, dsm_set_next(set, 2, 0));
}

TEST(dsm_set_next__does_not_look_behind_the_end)
{
	u64 set[2] = { 0, 1 };

	EXPECT_EQ(DSM_NO_NODE, dsm_set_next(set, 1, 0));
	EXPECT_EQ(DSM_NO_NODE, dsm_set_next(set, 1, 64));
}

TEST(dsm_set_count__counts)
{
	u64 set[DSM_SET_WORDS_MAX];

	memset(set, 0xff, sizeof(set));
	EXPECT_EQ(DSM_NODE_LIMIT, dsm_set_count(set, DSM_SET_WORDS_MAX));
	EXPECT_EQ(64, dsm_set_count(set, 1));
	dsm_set_clear(set, DSM_SET_WORDS_MAX);
	EXPECT_EQ(0, dsm_set_count(set, DSM_SET_WORDS_MAX));
}

TEST(dsm_set_for_each__visits_in_order)
{
	u64 set[2] = { 1ULL << 63 | 1, 1ULL << 2 };
	const u16 want[] = { 0, 63, 66 };
	u16 node, n = 0;

	dsm_set_for_each(node, set, 2) {
		ASSERT_TRUE(n < 3);
		EXPECT_EQ(want[n++], node);
	}
	EXPECT_EQ(3, n);
}
