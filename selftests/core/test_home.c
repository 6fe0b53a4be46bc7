// SPDX-License-Identifier: GPL-2.0-only
#include "home.c"

#include "fixture.h"

#define SET(node)	(1 << (node))

/* The home with a transaction in flight. */
static void setup_busy(struct fixture *f, u8 access, u16 requester, u16 source)
{
	setup(f, 0);
	setup_home(f, source, 5, source == DSM_NO_NODE ? 0 : SET(source));
	f->hm.busy = access;
	f->hm.requester = requester;
	f->hm.source = source;
}

static void begin_for(struct dsm_home *hm, u16 node, u8 access)
{
	const struct dsm_request rq = { .node = node, .access = access };

	begin(hm, &rq);
}

static void serve_one(struct fixture *f, u16 node, u8 access, bool have)
{
	const struct dsm_request rq = {
		.node = node, .access = access, .have = have,
	};

	serve(&f->x, &rq);
}

static struct dsm_msg get(u8 access, u16 from)
{
	return message(DSM_MSG_GET, access, from, 0);
}

static struct dsm_msg done(u8 access, u16 from, u64 version)
{
	return message(DSM_MSG_DONE, access, from, version);
}

static void queue(struct fixture *f, u16 node, u8 access)
{
	struct dsm_msg msg = get(access, node);

	EXPECT_EQ(DSM_OK, dsm_home_recv_get(&f->x, node, &msg));
}

TEST(dsm_home_init__empty)
{
	struct dsm_home hm;
	u64 copyset[1] = { 7 }, inval[1] = { 7 };
	u32 queue[4];

	dsm_home_init(&hm, 3, copyset, inval, queue, 1);
	EXPECT_EQ(3, hm.owner);
	EXPECT_EQ(0, hm.busy);
	EXPECT_EQ(DSM_NO_NODE, hm.requester);
	EXPECT_EQ(DSM_NO_NODE, hm.source);
	EXPECT_EQ(DSM_NO_NODE, hm.last_reader);
	EXPECT_EQ(0, hm.version);
	EXPECT_EQ(0, copyset[0]);
	EXPECT_EQ(0, inval[0]);
}

TEST(next_version__grows_with_writes_only)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	EXPECT_EQ(5, next_version(&f.hm));
	f.hm.busy = DSM_WRITE;
	EXPECT_EQ(6, next_version(&f.hm));
}

TEST(begin__forgets_the_last_one)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	f.hm.upgrade = true;
	f.hm.asked = true;
	begin_for(&f.hm, 3, DSM_WRITE);
	EXPECT_EQ(DSM_WRITE, f.hm.busy);
	EXPECT_EQ(3, f.hm.requester);
	EXPECT_EQ(DSM_NO_NODE, f.hm.source);
	EXPECT_FALSE(f.hm.upgrade);
	EXPECT_FALSE(f.hm.asked);
}

TEST(end__idle)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	end(&f.hm);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(DSM_NO_NODE, f.hm.requester);
	EXPECT_EQ(DSM_NO_NODE, f.hm.source);
}

TEST(send_grant__to_another_node)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	send_grant(&f.x, DSM_MSG_ZERO, 2);
	EXPECT_STREQ("0>1 GRANT write p0 v6 acks 2 zero", acts(&f));
}

TEST(send_grant__to_itself)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 0, 2);
	setup_page(&f, DSM_READ, 5);
	f.pg.want = DSM_WRITE;
	send_grant(&f.x, 0, 1);
	EXPECT_EQ(DSM_WRITE, f.pg.granted);
	EXPECT_EQ(1, f.pg.acks_left);
	EXPECT_STREQ("", acts(&f));
}

TEST(send_forward__to_another_node)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	send_forward(&f.x, 1);
	EXPECT_STREQ("0>2 FORWARD write p0 v6 for 1 acks 1", acts(&f));
}

TEST(send_forward__to_itself)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 0);
	setup_page(&f, DSM_READ, 5);
	send_forward(&f.x, 0);
	EXPECT_STREQ("0>1 DATA read p0 v5 final", acts(&f));
}

TEST_AT(0, send_refuse__to_another_node)
{
	send_refuse(&f->x, 1, 0, DSM_STATUS_PROTO, 0, 5);
	EXPECT_STREQ("0>1 REFUSE p0 v5 contradiction", acts(f));
}

TEST_AT(0, send_refuse__to_itself)
{
	f->pg.want = DSM_READ;
	send_refuse(&f->x, 0, 0, DSM_STATUS_LOST, 0, 5);
	EXPECT_EQ(DSM_STATUS_LOST, f->pg.error);
	EXPECT_STREQ("wake", acts(f));
}

TEST_AT(0, pick_source__a_copy_here_saves_a_hop)
{
	setup_home(f, 2, 5, SET(0) | SET(2));
	EXPECT_EQ(2, pick_source(&f->x, 1));
	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(0, pick_source(&f->x, 1));
	/* But not for itself. */
	EXPECT_EQ(2, pick_source(&f->x, 0));
}

TEST_AT(0, serve_read__never_written)
{
	begin_for(&f->hm, 1, DSM_READ);
	serve_read(&f->x);
	EXPECT_EQ(0, f->hm.busy);
	EXPECT_EQ(SET(1), f->copyset[0]);
	EXPECT_STREQ("0>1 GRANT read p0 v0 zero final", acts(f));
}

TEST_AT(0, serve_read__from_the_owner)
{
	setup_home(f, 2, 5, SET(2));
	begin_for(&f->hm, 1, DSM_READ);
	serve_read(&f->x);
	EXPECT_EQ(DSM_READ, f->hm.busy);
	EXPECT_EQ(2, f->hm.source);
	EXPECT_STREQ("0>2 FORWARD read p0 v5 for 1", acts(f));
}

TEST(invalidate_copies__all_but_requester_and_source)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	f.copyset[0] = SET(1) | SET(2) | SET(3);
	EXPECT_EQ(1, invalidate_copies(&f.x));
	EXPECT_EQ(SET(3), f.inval[0]);
	EXPECT_STREQ("0>3 INVALIDATE p0 v6 for 1", acts(&f));
}

TEST(invalidate_copies__nobody)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	EXPECT_EQ(0, invalidate_copies(&f.x));
	EXPECT_STREQ("", acts(&f));
}

TEST(invalidate_copies__its_own_goes_at_once)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	setup_page(&f, DSM_READ, 5);
	f.copyset[0] = SET(0) | SET(1) | SET(3);
	EXPECT_EQ(1, invalidate_copies(&f.x));
	EXPECT_EQ(DSM_NONE, f.pg.state);
	EXPECT_STREQ("0>3 INVALIDATE p0 v6 for 1; protect none", acts(&f));
}

TEST(invalidate_copies__its_own_is_held)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	setup_page(&f, DSM_READ, 5);
	f.pg.hold_until = 1030;
	f.copyset[0] = SET(0) | SET(1);
	EXPECT_EQ(1, invalidate_copies(&f.x));
	EXPECT_EQ(DSM_READ, f.pg.state);
	EXPECT_STREQ("timer 1030", acts(&f));
}

TEST_AT(0, serve_write__never_written)
{
	setup_home(f, 0, 0, SET(2) | SET(3));
	begin_for(&f->hm, 1, DSM_WRITE);
	serve_write(&f->x, false);
	EXPECT_STREQ("0>2,3 INVALIDATE p0 v1 for 1; "
		     "0>1 GRANT write p0 v1 acks 2 zero", acts(f));
}

TEST_AT(0, serve_write__upgrade)
{
	setup_home(f, 2, 5, SET(1) | SET(2));
	begin_for(&f->hm, 1, DSM_WRITE);
	serve_write(&f->x, true);
	EXPECT_TRUE(f->hm.upgrade);
	EXPECT_EQ(DSM_NO_NODE, f->hm.source);
	EXPECT_STREQ("0>2 INVALIDATE p0 v6 for 1; "
		     "0>1 GRANT write p0 v6 acks 1", acts(f));
}

TEST_AT(0, serve__a_copy_that_is_gone_is_no_upgrade)
{
	setup_home(f, 2, 5, SET(2));
	serve_one(f, 1, DSM_WRITE, true);
	EXPECT_FALSE(f->hm.upgrade);
	EXPECT_STREQ("0>2 FORWARD write p0 v6 for 1", acts(f));
}

TEST_AT(0, serve_write__copies)
{
	setup_home(f, 2, 5, SET(2) | SET(3));
	begin_for(&f->hm, 1, DSM_WRITE);
	serve_write(&f->x, false);
	EXPECT_STREQ("0>3 INVALIDATE p0 v6 for 1; "
		     "0>2 FORWARD write p0 v6 for 1 acks 1", acts(f));
}

TEST_AT(0, other_copy__not_the_one_and_not_an_evicted_one_here)
{
	setup_home(f, 1, 5, SET(0) | SET(1));
	EXPECT_EQ(DSM_NO_NODE, other_copy(&f->x, 1));
	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(0, other_copy(&f->x, 1));
	EXPECT_EQ(1, other_copy(&f->x, 0));
}

TEST_AT(0, forget_copy__heir)
{
	setup_home(f, 1, 5, SET(1) | SET(3));
	forget_copy(&f->x, 1);
	EXPECT_EQ(3, f->hm.owner);
	EXPECT_EQ(SET(3), f->copyset[0]);
	forget_copy(&f->x, 3);
	EXPECT_EQ(DSM_NO_NODE, f->hm.owner);
}

TEST_AT(0, forget_copy__heir_here)
{
	setup_home(f, 1, 5, SET(0) | SET(1));
	setup_page(f, DSM_READ, 5);
	forget_copy(&f->x, 1);
	EXPECT_EQ(0, f->hm.owner);
	EXPECT_TRUE(f->pg.owned);
}

TEST_AT(0, forget_copy__not_the_owner)
{
	setup_home(f, 1, 5, SET(1) | SET(3));
	forget_copy(&f->x, 3);
	EXPECT_EQ(1, f->hm.owner);
	EXPECT_EQ(SET(1), f->copyset[0]);
}

TEST_AT(0, forget_copy__zeros_are_never_lost)
{
	setup_home(f, 0, 0, SET(3));
	forget_copy(&f->x, 3);
	EXPECT_EQ(0, f->hm.owner);
}

TEST_AT(0, serve__reader_and_writer)
{
	setup_home(f, 2, 5, SET(2));
	serve_one(f, 1, DSM_READ, false);
	EXPECT_STREQ("0>2 FORWARD read p0 v5 for 1", acts(f));
	end(&f->hm);
	serve_one(f, 1, DSM_WRITE, false);
	EXPECT_STREQ("0>2 FORWARD write p0 v6 for 1", acts(f));
}

TEST_AT(0, serve__migratory_reader_gets_write)
{
	setup_home(f, 2, 5, SET(2));
	f->hm.migratory = DSM_MIGRATORY;
	serve_one(f, 1, DSM_READ, false);
	EXPECT_EQ(DSM_WRITE, f->hm.busy);
	EXPECT_STREQ("0>2 FORWARD write p0 v6 for 1", acts(f));
}

TEST_AT(0, serve__the_owner_has_no_bytes)
{
	setup_home(f, 1, 5, SET(1));
	serve_one(f, 1, DSM_READ, false);
	EXPECT_EQ(0, f->hm.busy);
	EXPECT_EQ(1, f->hm.owner);
	EXPECT_STREQ("0>1 REFUSE p0 v5 contradiction", acts(f));
	/* With another copy, there is no need to ask why. */
	f->copyset[0] |= SET(3);
	serve_one(f, 1, DSM_READ, false);
	EXPECT_STREQ("0>3 FORWARD read p0 v5 for 1", acts(f));
}

TEST_AT(0, serve__lost)
{
	setup_home(f, DSM_NO_NODE, 5, 0);
	serve_one(f, 1, DSM_WRITE, false);
	EXPECT_EQ(0, f->hm.busy);
	EXPECT_STREQ("0>1 REFUSE p0 v5 lost", acts(f));
}

TEST(serve_next__one_at_a_time)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 3, DSM_WRITE);
	queue(&f, 2, DSM_READ);
	serve_next(&f.x);
	EXPECT_STREQ("", acts(&f));
	end(&f.hm);
	serve_next(&f.x);
	EXPECT_EQ(3, f.hm.requester);
	EXPECT_EQ(DSM_WRITE, f.hm.busy);
	EXPECT_EQ(1, f.hm.queue_len);
	EXPECT_STREQ("0>2 FORWARD write p0 v6 for 3", acts(&f));
}

TEST(serve_next__after_a_refusal_by_timer)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 3, DSM_WRITE);
	queue(&f, 2, DSM_READ);
	end(&f.hm);
	f.hm.owner = DSM_NO_NODE;
	serve_next(&f.x);
	EXPECT_STREQ("0>3 REFUSE p0 v5 lost; timer 1000", acts(&f));
	serve_next(&f.x);
	EXPECT_STREQ("0>2 REFUSE p0 v5 lost", acts(&f));
	serve_next(&f.x);
	EXPECT_STREQ("", acts(&f));
}

TEST(serve_next__remembers_have)
{
	struct dsm_msg msg = get(DSM_WRITE, 3);
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	msg.flags = DSM_MSG_HAVE;
	EXPECT_EQ(DSM_OK, dsm_home_recv_get(&f.x, 3, &msg));
	end(&f.hm);
	f.copyset[0] = SET(3);
	serve_next(&f.x);
	EXPECT_EQ(3, f.hm.owner);
	EXPECT_STREQ("0>3 GRANT write p0 v6 final", acts(&f));
}

TEST_AT(0, dsm_home_recv_get__idle)
{
	struct dsm_msg msg = get(DSM_READ, 1);

	setup_home(f, 2, 5, SET(2));
	EXPECT_EQ(DSM_OK, dsm_home_recv_get(&f->x, 1, &msg));
	EXPECT_EQ(1, f->hm.requester);
}

TEST(dsm_home_recv_get__behind_those_that_wait)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 3, DSM_READ);
	/* Idle for a moment, until the timer comes: no overtaking. */
	end(&f.hm);
	queue(&f, 2, DSM_READ);
	EXPECT_EQ(2, f.hm.queue_len);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_STREQ("", acts(&f));
}

TEST(dsm_home_recv_get__twice)
{
	struct dsm_msg msg = get(DSM_READ, 1);
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_get(&f.x, 1, &msg));
	queue(&f, 3, DSM_READ);
	msg = get(DSM_WRITE, 3);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_get(&f.x, 3, &msg));
	EXPECT_EQ(1, f.hm.queue_len);
}

TEST(dsm_home_recv_get__all_members_can_wait)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 0, DSM_READ);
	queue(&f, 2, DSM_READ);
	queue(&f, 3, DSM_READ);
	EXPECT_EQ(3, f.hm.queue_len);
}

TEST(abandon__read)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	abandon(&f.x);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(5, f.hm.version);
	EXPECT_EQ(2, f.hm.owner);
	EXPECT_EQ(SET(2), f.copyset[0]);
}

TEST(abandon__write)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	abandon(&f.x);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(6, f.hm.version);
	EXPECT_EQ(DSM_NO_NODE, f.hm.owner);
	EXPECT_EQ(0, f.copyset[0]);
}

TEST(dsm_home_recv_done__read)
{
	struct dsm_msg msg = done(DSM_READ, 1, 5);
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(2, f.hm.owner);
	EXPECT_EQ(5, f.hm.version);
	EXPECT_EQ(SET(1) | SET(2), f.copyset[0]);
}

TEST(dsm_home_recv_done__write)
{
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(1, f.hm.owner);
	EXPECT_EQ(6, f.hm.version);
	EXPECT_EQ(SET(1), f.copyset[0]);
}

TEST(dsm_home_recv_done__serves_the_next)
{
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	queue(&f, 3, DSM_READ);
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(3, f.hm.requester);
	EXPECT_STREQ("0>1 FORWARD read p0 v6 for 3", acts(&f));
}

TEST(dsm_home_recv_done__not_of_this_transaction)
{
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_done(&f.x, 3, &msg));
	msg.version = 5;
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_done(&f.x, 1, &msg));
	msg = done(DSM_READ, 1, 6);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_done(&f.x, 1, &msg));
	msg = done(DSM_WRITE, 1, 6);
	msg.status = DSM_STATUS_LOST;
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(DSM_WRITE, f.hm.busy);
	EXPECT_EQ(5, f.hm.version);
}

TEST(dsm_home_recv_done__bytes_never_came)
{
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	queue(&f, 3, DSM_READ);
	f.hm.asked = true;
	msg.status = DSM_STATUS_LOST;
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(DSM_NO_NODE, f.hm.owner);
	EXPECT_STREQ("0>3 REFUSE p0 v6 lost", acts(&f));
}

TEST(lost_source__another_copy_for_a_reader)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	f.hm.owner = 3;
	lost_source(&f.x);
	EXPECT_EQ(3, f.hm.source);
	EXPECT_STREQ("0>3 FORWARD read p0 v5 for 1", acts(&f));
}

TEST(lost_source__asks_the_requester)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	f.hm.owner = DSM_NO_NODE;
	lost_source(&f.x);
	EXPECT_TRUE(f.hm.asked);
	EXPECT_STREQ("0>1 REFUSE read p0 v5 lost", acts(&f));

	setup_busy(&f, DSM_WRITE, 1, 2);
	f.hm.owner = 3;
	lost_source(&f.x);
	EXPECT_EQ(DSM_WRITE, f.hm.busy);
	EXPECT_STREQ("0>1 REFUSE write p0 v6 lost", acts(&f));
}

TEST(lost_source__asks_itself)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 0, 2);
	f.pg.want = DSM_WRITE;
	f.pg.version = 5;
	lost_source(&f.x);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(DSM_NO_NODE, f.hm.owner);
	EXPECT_STREQ("wake", acts(&f));
}

static struct dsm_msg no_copy(u8 access, u64 version)
{
	struct dsm_msg msg = message(DSM_MSG_REFUSE, access, 1, version);

	msg.status = DSM_STATUS_LOST;
	return msg;
}

TEST(dsm_home_recv_refuse__next_copy)
{
	struct dsm_msg msg = no_copy(DSM_READ, 5);
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	f.copyset[0] |= SET(3);
	EXPECT_EQ(DSM_OK, dsm_home_recv_refuse(&f.x, 2, &msg));
	EXPECT_EQ(3, f.hm.owner);
	EXPECT_STREQ("0>3 FORWARD read p0 v5 for 1", acts(&f));
}

TEST(dsm_home_recv_refuse__not_of_this_transaction)
{
	struct dsm_msg msg = no_copy(DSM_READ, 5);
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_refuse(&f.x, 3, &msg));
	msg.requester = 3;
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_refuse(&f.x, 2, &msg));
	msg = no_copy(DSM_WRITE, 5);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_refuse(&f.x, 2, &msg));
	msg = no_copy(DSM_READ, 6);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_refuse(&f.x, 2, &msg));
	EXPECT_EQ(2, f.hm.owner);
	EXPECT_STREQ("", acts(&f));
}

TEST(dsm_home_tick__serves)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 3, DSM_READ);
	dsm_home_tick(&f.x, true);
	EXPECT_EQ(1, f.hm.requester);
	end(&f.hm);
	dsm_home_tick(&f.x, false);
	EXPECT_EQ(3, f.hm.requester);
}

TEST(dsm_home_lost__who_waits)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	queue(&f, 3, DSM_READ);
	dsm_home_lost(&f.x, 3);
	EXPECT_EQ(0, f.hm.queue_len);
	EXPECT_EQ(1, f.hm.requester);
	EXPECT_STREQ("", acts(&f));
}

TEST(dsm_home_lost__requester)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	queue(&f, 3, DSM_READ);
	dsm_home_lost(&f.x, 1);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(DSM_NO_NODE, f.hm.owner);
	EXPECT_STREQ("timer 1000", acts(&f));

	setup_busy(&f, DSM_READ, 1, 2);
	dsm_home_lost(&f.x, 1);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(2, f.hm.owner);
	EXPECT_STREQ("", acts(&f));
}

TEST(dsm_home_lost__source)
{
	struct fixture f;

	setup_busy(&f, DSM_READ, 1, 2);
	f.copyset[0] |= SET(3);
	dsm_home_lost(&f.x, 2);
	EXPECT_EQ(3, f.hm.source);
	EXPECT_STREQ("0>3 FORWARD read p0 v5 for 1", acts(&f));
}

TEST_AT(0, dsm_home_lost__owner)
{
	setup_home(f, 2, 5, SET(2) | SET(3));
	dsm_home_lost(&f->x, 2);
	EXPECT_EQ(3, f->hm.owner);
	EXPECT_EQ(SET(3), f->copyset[0]);
	dsm_home_lost(&f->x, 1);
	EXPECT_EQ(3, f->hm.owner);
	EXPECT_STREQ("", acts(f));
}

TEST(dsm_home_lost__who_owes_an_acknowledgement)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, 2);
	f.inval[0] = SET(3);
	f.copyset[0] |= SET(3);
	dsm_home_lost(&f.x, 3);
	EXPECT_EQ(0, f.inval[0]);
	EXPECT_EQ(6, f.hm.version);
	EXPECT_STREQ("0>1 RECOUNT p0 v7", acts(&f));
}

TEST(recount__tells_the_others_again)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, DSM_NO_NODE);
	f.inval[0] = SET(2) | SET(3);
	recount(&f.x, 3);
	EXPECT_STREQ("0>2 INVALIDATE p0 v7 for 1; 0>1 RECOUNT p0 v7 acks 1",
		     acts(&f));
}

/* The home's own copy, if it is not gone yet, owes an acknowledgement, too. */
TEST(recount__own_copy)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 1, DSM_NO_NODE);
	setup_page(&f, DSM_READ, 5);
	f.pg.deferred = message(DSM_MSG_INVALIDATE, 0, 1, 6);
	f.inval[0] = SET(3);
	recount(&f.x, 3);
	EXPECT_EQ(7, f.pg.deferred.version);
	EXPECT_STREQ("0>1 RECOUNT p0 v7 acks 1", acts(&f));
}

TEST(recount__of_its_own_request)
{
	struct fixture f;

	setup_busy(&f, DSM_WRITE, 0, DSM_NO_NODE);
	setup_page(&f, DSM_READ, 5);
	f.pg.want = DSM_WRITE;
	f.pg.granted = DSM_WRITE;
	f.inval[0] = SET(3);
	recount(&f.x, 3);
	EXPECT_EQ(0, f.hm.busy);
	EXPECT_EQ(7, f.hm.version);
	EXPECT_EQ(7, f.pg.version);
	EXPECT_STREQ("wake", acts(&f));
}

TEST(is_about__version_before_and_after_a_recount)
{
	struct fixture f;
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);

	setup_busy(&f, DSM_WRITE, 1, 2);
	EXPECT_TRUE(is_about(&f.hm, &msg));
	f.hm.version = 6;
	EXPECT_FALSE(is_about(&f.hm, &msg));
	f.hm.recounts = 1;
	EXPECT_TRUE(is_about(&f.hm, &msg));
	msg.version = 7;
	EXPECT_TRUE(is_about(&f.hm, &msg));
	msg.version = 8;
	EXPECT_FALSE(is_about(&f.hm, &msg));
	msg.version = 5;
	EXPECT_FALSE(is_about(&f.hm, &msg));
}

TEST(is_about__another_request)
{
	struct fixture f;
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);

	setup_busy(&f, DSM_WRITE, 1, 2);
	f.hm.serial = 7;
	EXPECT_FALSE(is_about(&f.hm, &msg));
	msg.serial = 7;
	EXPECT_TRUE(is_about(&f.hm, &msg));
	msg.access = DSM_READ;
	EXPECT_FALSE(is_about(&f.hm, &msg));
}

/* Whoever is still owed something by this very node cannot be done. */
TEST(dsm_home_recv_done__before_all_was_sent)
{
	struct fixture f;
	struct dsm_msg msg = done(DSM_WRITE, 1, 6);

	setup_busy(&f, DSM_WRITE, 1, 0);
	f.pg.deferred = message(DSM_MSG_FORWARD, DSM_WRITE, 1, 6);
	EXPECT_EQ(DSM_PROTO, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(DSM_WRITE, f.hm.busy);
	f.pg.deferred.type = 0;
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
}

/* The owner was lost, but the reader has its bytes, and is the heir. */
TEST(dsm_home_recv_done__of_the_last_copy)
{
	struct fixture f;
	struct dsm_msg msg = done(DSM_READ, 1, 5);

	setup_busy(&f, DSM_READ, 1, 2);
	dsm_home_lost(&f.x, 2);
	EXPECT_EQ(DSM_NO_NODE, f.hm.owner);
	EXPECT_EQ(DSM_OK, dsm_home_recv_done(&f.x, 1, &msg));
	EXPECT_EQ(1, f.hm.owner);
}
