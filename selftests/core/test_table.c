// SPDX-License-Identifier: GPL-2.0-only
#include "table.c"

#include "harness.h"

/*
 * The table once more, in another form, so that no change of it goes unnoticed.
 * A row for each input; a column for each state here: none, none pending, read,
 * read pending, write; then directory entry absent, idle, busy.
 */
static const struct {
	const char *input;
	const char *cache;
	const char *home;
} expected[] = {
	{ "EV_READ",	"+++++", "+++" },
	{ "EV_WRITE",	"+++++", "+++" },
	{ "EV_USED",	"+++++", "+++" },
	{ "EV_EVICT",	"--+--", "+++" },
	{ "EV_TICK",	"+++++", "+++" },
	{ "EV_LOST",	"+++++", "+++" },
	{ "GET",	"+++++", "-++" },
	{ "FORWARD",	"+++++", "+--" },
	{ "INVALIDATE",	"++++-", "+--" },
	{ "INVAL_ACK",	"+++++", "+++" },
	{ "DATA",	"-+---", "+-+" },
	{ "GRANT",	"-+-+-", "+--" },
	{ "DONE",	"+++++", "--+" },
	{ "REFUSE",	"+++++", "+-+" },
	{ "RECOUNT",	"++-++", "+--" },
};

TEST(dsm_cache_state__all)
{
	struct dsm_page pg;

	dsm_page_init(&pg);
	EXPECT_EQ(DSM_CACHE_NONE, dsm_cache_state(&pg));
	pg.want = DSM_READ;
	EXPECT_EQ(DSM_CACHE_NONE_PENDING, dsm_cache_state(&pg));
	pg.state = DSM_READ;
	EXPECT_EQ(DSM_CACHE_READ_PENDING, dsm_cache_state(&pg));
	pg.want = 0;
	EXPECT_EQ(DSM_CACHE_READ, dsm_cache_state(&pg));
	pg.state = DSM_WRITE;
	EXPECT_EQ(DSM_CACHE_WRITE, dsm_cache_state(&pg));
}

TEST(dsm_home_state__all)
{
	struct dsm_home hm = { 0 };

	EXPECT_EQ(DSM_HOME_ABSENT, dsm_home_state(NULL));
	EXPECT_EQ(DSM_HOME_IDLE, dsm_home_state(&hm));
	hm.busy = DSM_READ;
	EXPECT_EQ(DSM_HOME_BUSY, dsm_home_state(&hm));
}

TEST(dsm_input_of__events)
{
	struct dsm_event ev = { .type = DSM_EV_READ };

	EXPECT_EQ(DSM_IN_EV_READ, dsm_input_of(&ev));
	ev.type = DSM_EV_LOST;
	EXPECT_EQ(DSM_IN_EV_LOST, dsm_input_of(&ev));
	ev.type = 0;
	EXPECT_EQ(DSM_IN_END, dsm_input_of(&ev));
	ev.type = DSM_EV_END;
	EXPECT_EQ(DSM_IN_END, dsm_input_of(&ev));
	ev.type = 255;
	EXPECT_EQ(DSM_IN_END, dsm_input_of(&ev));
}

TEST(dsm_input_of__messages)
{
	struct dsm_event ev = { .type = DSM_EV_RECV };
	unsigned int type;

	for (type = 0; type < 256; type++) {
		enum dsm_input in;

		ev.msg.type = type;
		in = dsm_input_of(&ev);
		if (dsm_msg_is_protocol(type))
			EXPECT_STREQ(dsm_wire_type_name(type),
				     dsm_input_name(in));
		else
			EXPECT_EQ(DSM_IN_END, in);
	}
}

TEST(dsm_table_legal__every_cell)
{
	unsigned int in, cache, home;

	ASSERT_EQ(DSM_IN_END, sizeof(expected) / sizeof(*expected));
	for (in = 0; in < DSM_IN_END; in++) {
		EXPECT_STREQ(expected[in].input, dsm_input_name(in));
		for (cache = 0; cache < DSM_CACHE_END; cache++)
			for (home = 0; home < DSM_HOME_END; home++)
				EXPECT_EQ(expected[in].cache[cache] == '+' &&
					  expected[in].home[home] == '+',
					  dsm_table_legal(cache, home, in));
	}
}

TEST(dsm_cache_state_name__all)
{
	EXPECT_STREQ("NONE", dsm_cache_state_name(DSM_CACHE_NONE));
	EXPECT_STREQ("WRITE", dsm_cache_state_name(DSM_CACHE_WRITE));
	EXPECT_STREQ("?", dsm_cache_state_name(DSM_CACHE_END));
}

TEST(dsm_home_state_name__all)
{
	EXPECT_STREQ("ABSENT", dsm_home_state_name(DSM_HOME_ABSENT));
	EXPECT_STREQ("BUSY", dsm_home_state_name(DSM_HOME_BUSY));
	EXPECT_STREQ("?", dsm_home_state_name(DSM_HOME_END));
}

TEST(dsm_input_name__unknown)
{
	EXPECT_STREQ("?", dsm_input_name(DSM_IN_END));
}
