// SPDX-License-Identifier: GPL-2.0-only
#include "pattern.c"

#include "fixture.h"

/* A transaction is done. */
static void note(struct dsm_home *hm, u16 node, u8 access, bool upgrade,
		 bool clean)
{
	hm->requester = node;
	hm->busy = access;
	hm->upgrade = upgrade;
	dsm_pattern_note(hm, clean);
}

/* One turn of a migratory page. */
static void read_then_write(struct dsm_home *hm, u16 node)
{
	note(hm, node, DSM_READ, false, false);
	note(hm, node, DSM_WRITE, true, false);
}

TEST_AT(0, dsm_pattern_note__two_turns)
{
	read_then_write(&f->hm, 1);
	EXPECT_EQ(1, f->hm.migratory);
	read_then_write(&f->hm, 2);
	EXPECT_EQ(2, f->hm.migratory);
	read_then_write(&f->hm, 3);
	EXPECT_EQ(DSM_MIGRATORY, f->hm.migratory);
}

TEST_AT(0, dsm_pattern_note__two_readers_in_a_row)
{
	read_then_write(&f->hm, 1);
	note(&f->hm, 2, DSM_READ, false, false);
	EXPECT_EQ(1, f->hm.migratory);
	note(&f->hm, 3, DSM_READ, false, false);
	EXPECT_EQ(0, f->hm.migratory);
}

TEST_AT(0, dsm_pattern_note__upgrade_of_another_reader)
{
	read_then_write(&f->hm, 1);
	note(&f->hm, 2, DSM_READ, false, false);
	note(&f->hm, 1, DSM_WRITE, true, false);
	EXPECT_EQ(0, f->hm.migratory);
}

TEST_AT(0, dsm_pattern_note__clean)
{
	read_then_write(&f->hm, 1);
	read_then_write(&f->hm, 2);
	note(&f->hm, 3, DSM_WRITE, false, true);
	EXPECT_EQ(0, f->hm.migratory);
}

TEST_AT(0, dsm_pattern_note__writes_without_reads_change_nothing)
{
	read_then_write(&f->hm, 1);
	note(&f->hm, 2, DSM_WRITE, false, false);
	EXPECT_EQ(1, f->hm.migratory);
}
