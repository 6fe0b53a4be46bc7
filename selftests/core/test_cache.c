// SPDX-License-Identifier: GPL-2.0-only
#include "cache.c"

#include "fixture.h"

/* A request in flight from here. */
static void setup_want(struct fixture *f, u8 want)
{
	f->pg.want = want;
}

/* The grant is here, of version 6, and so many acknowledgements are to come. */
static void setup_granted(struct fixture *f, u8 right, s16 acks_left)
{
	f->pg.granted = right;
	f->pg.counted = true;
	f->pg.acks_left = acks_left;
	f->pg.acks_version = 6;
}

static const struct dsm_msg inval = {
	.type = DSM_MSG_INVALIDATE, .requester = 2, .version = 6,
};

static const struct dsm_msg forward_read = {
	.type = DSM_MSG_FORWARD, .access = DSM_READ, .requester = 2,
	.version = 5,
};

static const struct dsm_msg forward_write = {
	.type = DSM_MSG_FORWARD, .access = DSM_WRITE, .requester = 2,
	.version = 6, .acks = 1,
};

TEST_AT(1, send_home__to_another_node)
{
	struct dsm_msg msg = message(DSM_MSG_GET, DSM_READ, 0, 3);

	send_home(&f->x, &msg);
	EXPECT_STREQ("1>0 GET read p0 v3", acts(f));
}

TEST_AT(0, send_home__to_itself_is_no_message)
{
	struct dsm_msg msg = message(DSM_MSG_GET, DSM_READ, 0, 0);

	setup_home(f, 2, 5, 1 << 2);
	send_home(&f->x, &msg);
	EXPECT_EQ(0, f->hm.requester);
	EXPECT_STREQ("0>2 FORWARD read p0 v5", acts(f));
}

TEST_AT(1, send_inval_ack__goes_to_the_requester)
{
	send_inval_ack(&f->x, &inval);
	EXPECT_STREQ("1>2 INVAL_ACK p0 v6", acts(f));
}

TEST_AT(1, send_refuse__goes_to_who_asked)
{
	f->ev.from = 0;
	send_refuse(&f->x, &forward_read);
	EXPECT_STREQ("1>0 REFUSE read p0 v5 for 2 lost", acts(f));
}

TEST_AT(1, protect__to_read)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.fresh = true;
	protect(&f->x, DSM_READ);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_FALSE(f->pg.fresh);
	EXPECT_STREQ("protect read", acts(f));
}

TEST_AT(1, protect__to_none_is_no_owner)
{
	setup_page(f, DSM_WRITE, 5);
	protect(&f->x, DSM_NONE);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_FALSE(f->pg.owned);
	EXPECT_STREQ("protect none", acts(f));
}

TEST_AT(1, fail__ends_the_request)
{
	setup_want(f, DSM_WRITE);
	f->pg.acks_left = -1;
	fail(&f->x, DSM_STATUS_LOST);
	EXPECT_EQ(0, f->pg.want);
	EXPECT_EQ(0, f->pg.acks_left);
	EXPECT_EQ(DSM_STATUS_LOST, f->pg.error);
	EXPECT_STREQ("wake", acts(f));
}

TEST_AT(1, dsm_cache_fault__asks_the_home)
{
	f->pg.version = 4;
	f->pg.error = DSM_STATUS_LOST;
	dsm_cache_fault(&f->x, DSM_READ);
	EXPECT_EQ(DSM_READ, f->pg.want);
	EXPECT_EQ(DSM_STATUS_OK, f->pg.error);
	EXPECT_STREQ("1>0 GET read p0 v4", acts(f));
}

TEST_AT(1, dsm_cache_fault__upgrade_says_have)
{
	setup_page(f, DSM_READ, 5);
	dsm_cache_fault(&f->x, DSM_WRITE);
	EXPECT_EQ(DSM_WRITE, f->pg.want);
	EXPECT_STREQ("1>0 GET write p0 v5 have", acts(f));
}

TEST_AT(1, dsm_cache_fault__enough_is_enough)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.dirty = false;
	dsm_cache_fault(&f->x, DSM_READ);
	EXPECT_FALSE(f->pg.dirty);
	dsm_cache_fault(&f->x, DSM_WRITE);
	EXPECT_TRUE(f->pg.dirty);
	EXPECT_EQ(0, f->pg.want);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_fault__shares_the_request)
{
	setup_want(f, DSM_READ);
	dsm_cache_fault(&f->x, DSM_WRITE);
	EXPECT_EQ(DSM_READ, f->pg.want);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_fault__lost_home)
{
	dsm_set_add(f->lost, 0);
	dsm_cache_fault(&f->x, DSM_READ);
	EXPECT_EQ(0, f->pg.want);
	EXPECT_EQ(DSM_STATUS_LOST, f->pg.error);
	EXPECT_STREQ("wake", acts(f));
}

TEST_AT(1, dsm_cache_used__starts_the_hold_time_once)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.fresh = true;
	f->pg.hold_until = f->ev.now + DSM_GRACE_US;
	dsm_cache_used(&f->x);
	EXPECT_FALSE(f->pg.fresh);
	EXPECT_EQ(1000 + HOLD_US, f->pg.hold_until);
	f->ev.now += 50;
	dsm_cache_used(&f->x);
	EXPECT_EQ(1000 + HOLD_US, f->pg.hold_until);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_used__moves_the_timer)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.fresh = true;
	f->pg.deferred = forward_write;
	dsm_cache_used(&f->x);
	EXPECT_STREQ("timer 1100", acts(f));
}

TEST_AT(1, dsm_cache_evict__drops_a_copy)
{
	setup_page(f, DSM_READ, 5);
	dsm_cache_evict(&f->x);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_EQ(5, f->pg.version);
	EXPECT_STREQ("protect none", acts(f));
}

TEST_AT(1, dsm_cache_evict__keeps)
{
	setup_page(f, DSM_READ, 5);
	f->pg.owned = true;
	dsm_cache_evict(&f->x);
	EXPECT_EQ(DSM_READ, f->pg.state);

	f->pg.owned = false;
	f->pg.deferred = inval;
	dsm_cache_evict(&f->x);
	EXPECT_EQ(DSM_READ, f->pg.state);

	f->pg.deferred.type = 0;
	f->pg.hold_until = f->ev.now + 1;
	dsm_cache_evict(&f->x);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, settle__waits_for_the_grant)
{
	setup_want(f, DSM_WRITE);
	settle(&f->x);
	EXPECT_EQ(DSM_WRITE, f->pg.want);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, settle__waits_for_all_acks)
{
	setup_want(f, DSM_WRITE);
	setup_granted(f, DSM_WRITE, 1);
	settle(&f->x);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, settle__write)
{
	setup_want(f, DSM_WRITE);
	setup_granted(f, DSM_WRITE, 0);
	f->pg.clean = true;
	settle(&f->x);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_EQ(0, f->pg.want);
	EXPECT_EQ(0, f->pg.granted);
	EXPECT_EQ(6, f->pg.version);
	EXPECT_FALSE(f->pg.counted);
	EXPECT_EQ(0, f->pg.acks_version);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_TRUE(f->pg.dirty);
	EXPECT_TRUE(f->pg.fresh);
	EXPECT_EQ(1000 + DSM_GRACE_US, f->pg.hold_until);
	EXPECT_STREQ("wake; 1>0 DONE write p0 v6 clean", acts(f));
}

TEST_AT(1, settle__read_is_no_owner)
{
	setup_want(f, DSM_READ);
	setup_granted(f, DSM_READ, 0);
	settle(&f->x);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_FALSE(f->pg.owned);
	EXPECT_FALSE(f->pg.dirty);
}

TEST_AT(1, settle__more_than_wanted_is_not_dirty)
{
	setup_want(f, DSM_READ);
	setup_granted(f, DSM_WRITE, 0);
	settle(&f->x);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_FALSE(f->pg.dirty);
}

TEST_AT(1, grant_fits__data)
{
	struct dsm_msg data = message(DSM_MSG_DATA, DSM_WRITE, 1, 6);

	f->pg.version = 5;
	setup_want(f, DSM_WRITE);
	EXPECT_TRUE(grant_fits(&f->x, &data));

	data.requester = 2;
	EXPECT_FALSE(grant_fits(&f->x, &data));
	data.requester = 1;
	data.access = DSM_READ;
	EXPECT_FALSE(grant_fits(&f->x, &data));
	data.access = DSM_WRITE;
	data.version = 5;
	EXPECT_FALSE(grant_fits(&f->x, &data));
	data.version = 6;
	data.acks = 4;
	EXPECT_FALSE(grant_fits(&f->x, &data));
	data.acks = 1;
	EXPECT_TRUE(grant_fits(&f->x, &data));
	f->pg.granted = DSM_WRITE;
	EXPECT_FALSE(grant_fits(&f->x, &data));
}

TEST_AT(1, grant_fits__read)
{
	struct dsm_msg data = message(DSM_MSG_DATA, DSM_READ, 1, 5);

	f->pg.version = 5;
	setup_want(f, DSM_READ);
	EXPECT_TRUE(grant_fits(&f->x, &data));
	data.version = 4;
	EXPECT_FALSE(grant_fits(&f->x, &data));
	data.version = 5;
	data.acks = 1;
	EXPECT_FALSE(grant_fits(&f->x, &data));
}

TEST_AT(1, grant_fits__bytes_only_where_there_is_no_copy)
{
	struct dsm_msg msg = message(DSM_MSG_GRANT, DSM_WRITE, 1, 6);

	setup_want(f, DSM_WRITE);
	/* No copy: the grant has to say "zeros", or be DATA. */
	EXPECT_FALSE(grant_fits(&f->x, &msg));
	msg.flags = DSM_MSG_ZERO;
	EXPECT_TRUE(grant_fits(&f->x, &msg));
	msg.flags = 0;
	msg.type = DSM_MSG_DATA;
	EXPECT_TRUE(grant_fits(&f->x, &msg));

	/* A copy: neither. */
	setup_page(f, DSM_READ, 5);
	EXPECT_FALSE(grant_fits(&f->x, &msg));
	msg.type = DSM_MSG_GRANT;
	EXPECT_TRUE(grant_fits(&f->x, &msg));
	msg.flags = DSM_MSG_ZERO;
	EXPECT_FALSE(grant_fits(&f->x, &msg));
}

TEST_AT(1, dsm_cache_recv_grant__complete)
{
	struct dsm_msg msg = message(DSM_MSG_GRANT, DSM_READ, 1, 0);

	setup_want(f, DSM_READ);
	msg.flags = DSM_MSG_ZERO;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_grant(&f->x, &msg));
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_STREQ("zero; wake; 1>0 DONE read p0 v0", acts(f));
}

TEST_AT(1, dsm_cache_recv_grant__with_acks_to_come)
{
	struct dsm_msg msg = message(DSM_MSG_DATA, DSM_WRITE, 1, 6);

	setup_want(f, DSM_WRITE);
	f->pg.acks_left = -1;
	f->pg.acks_version = 6;
	msg.acks = 3;
	msg.flags = DSM_MSG_CLEAN;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_grant(&f->x, &msg));
	EXPECT_EQ(DSM_WRITE, f->pg.granted);
	EXPECT_EQ(2, f->pg.acks_left);
	EXPECT_TRUE(f->pg.counted);
	EXPECT_EQ(0, f->pg.version);
	EXPECT_TRUE(f->pg.clean);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_recv_grant__does_not_fit)
{
	struct dsm_msg msg = message(DSM_MSG_DATA, DSM_WRITE, 2, 6);

	setup_want(f, DSM_WRITE);
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_grant(&f->x, &msg));
	EXPECT_EQ(0, f->pg.granted);
	EXPECT_STREQ("", acts(f));

	/* More acknowledgements are here than it speaks of. */
	msg.requester = 1;
	f->pg.acks_left = -1;
	f->pg.acks_version = 6;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_grant(&f->x, &msg));
	EXPECT_EQ(0, f->pg.granted);
}

TEST_AT(1, dsm_cache_recv_inval_ack__before_the_grant)
{
	struct dsm_msg msg = message(DSM_MSG_INVAL_ACK, 0, 1, 6);

	setup_want(f, DSM_WRITE);
	f->pg.version = 5;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_inval_ack(&f->x, &msg));
	EXPECT_EQ(-1, f->pg.acks_left);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_recv_inval_ack__the_last_one)
{
	struct dsm_msg msg = message(DSM_MSG_INVAL_ACK, 0, 1, 6);

	setup_want(f, DSM_WRITE);
	setup_granted(f, DSM_WRITE, 1);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_inval_ack(&f->x, &msg));
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_STREQ("wake; 1>0 DONE write p0 v6", acts(f));
}

TEST_AT(1, dsm_cache_recv_inval_ack__stale)
{
	struct dsm_msg msg = message(DSM_MSG_INVAL_ACK, 0, 1, 5);

	f->pg.version = 5;
	EXPECT_EQ(DSM_STALE, dsm_cache_recv_inval_ack(&f->x, &msg));
	setup_want(f, DSM_WRITE);
	EXPECT_EQ(DSM_STALE, dsm_cache_recv_inval_ack(&f->x, &msg));
	setup_granted(f, DSM_WRITE, 1);
	EXPECT_EQ(DSM_STALE, dsm_cache_recv_inval_ack(&f->x, &msg));
	EXPECT_EQ(1, f->pg.acks_left);
}

TEST_AT(1, dsm_cache_recv_recount__before_the_bytes)
{
	struct dsm_msg ack = message(DSM_MSG_INVAL_ACK, 0, 1, 7);
	struct dsm_msg recount = message(DSM_MSG_RECOUNT, 0, 1, 7);
	struct dsm_msg data = message(DSM_MSG_DATA, DSM_WRITE, 1, 6);

	setup_want(f, DSM_WRITE);
	recount.acks = 1;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_recount(&f->x, &recount));
	data.acks = 3;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_grant(&f->x, &data));
	EXPECT_EQ(1, f->pg.acks_left);
	EXPECT_STREQ("", acts(f));
	EXPECT_EQ(DSM_OK, dsm_cache_recv_inval_ack(&f->x, &ack));
	EXPECT_STREQ("wake; 1>0 DONE write p0 v7", acts(f));
}

/* The request was over already: what comes next is of the new version. */
TEST_AT(1, dsm_cache_recv_recount__not_needed)
{
	struct dsm_msg recount = message(DSM_MSG_RECOUNT, 0, 1, 7);

	setup_page(f, DSM_WRITE, 6);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_recount(&f->x, &recount));
	EXPECT_EQ(7, f->pg.version);
	recount.version = 6;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_recount(&f->x, &recount));
	EXPECT_EQ(7, f->pg.version);
	EXPECT_STREQ("", acts(f));
}

/* A copy that is still held answers the later of two INVALIDATE only. */
TEST_AT(1, dsm_cache_recv_invalidate__of_a_recount)
{
	struct dsm_msg msg = message(DSM_MSG_INVALIDATE, 0, 2, 6);

	setup_page(f, DSM_READ, 5);
	f->pg.hold_until = 2000;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_invalidate(&f->x, &msg));
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_invalidate(&f->x, &msg));
	msg.version = 7;
	msg.requester = 3;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_invalidate(&f->x, &msg));
	msg.requester = 2;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_invalidate(&f->x, &msg));
	EXPECT_STREQ("timer 2000", acts(f));
	f->ev.now = 2000;
	dsm_cache_tick(&f->x);
	EXPECT_STREQ("protect none; 1>2 INVAL_ACK p0 v7", acts(f));
}

static struct dsm_msg refusal(u8 access, u64 version)
{
	struct dsm_msg msg = message(DSM_MSG_REFUSE, access, 1, version);

	msg.status = DSM_STATUS_LOST;
	return msg;
}

TEST_AT(1, dsm_cache_recv_refuse__ends_the_request)
{
	struct dsm_msg msg = refusal(0, 7);

	setup_want(f, DSM_WRITE);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_refuse(&f->x, &msg));
	EXPECT_EQ(0, f->pg.want);
	EXPECT_EQ(DSM_STATUS_LOST, f->pg.error);
	EXPECT_EQ(7, f->pg.version);
	EXPECT_STREQ("wake", acts(f));
}

TEST_AT(1, dsm_cache_recv_refuse__a_copy_keeps_its_version)
{
	struct dsm_msg msg = refusal(0, 7);

	setup_page(f, DSM_READ, 5);
	setup_want(f, DSM_WRITE);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_refuse(&f->x, &msg));
	EXPECT_EQ(5, f->pg.version);
}

TEST_AT(1, dsm_cache_recv_refuse__tells_the_home_that_bytes_never_came)
{
	struct dsm_msg msg = refusal(DSM_WRITE, 6);

	f->pg.version = 4;
	setup_want(f, DSM_WRITE);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_refuse(&f->x, &msg));
	EXPECT_EQ(6, f->pg.version);
	EXPECT_STREQ("wake; 1>0 DONE write p0 v6 lost", acts(f));
}

TEST_AT(1, dsm_cache_recv_refuse__bytes_had_come)
{
	struct dsm_msg msg = refusal(DSM_READ, 5);

	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(DSM_STALE, dsm_cache_recv_refuse(&f->x, &msg));
	setup_want(f, DSM_READ);
	f->pg.granted = DSM_READ;
	EXPECT_EQ(DSM_STALE, dsm_cache_recv_refuse(&f->x, &msg));
	EXPECT_EQ(DSM_READ, f->pg.want);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_recv_refuse__of_nothing)
{
	struct dsm_msg msg = refusal(0, 5);

	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_refuse(&f->x, &msg));
	setup_want(f, DSM_READ);
	msg.status = DSM_STATUS_OK;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_refuse(&f->x, &msg));
	EXPECT_EQ(DSM_READ, f->pg.want);
}

TEST_AT(1, must_wait__hold_time)
{
	u64 until = 0;

	f->pg.hold_until = 1001;
	EXPECT_TRUE(must_wait(&f->x, &until));
	EXPECT_EQ(1001, until);
	f->ev.now = 1001;
	EXPECT_FALSE(must_wait(&f->x, &until));
}

TEST_AT(1, must_wait__in_use_is_bounded)
{
	u64 until = 0;

	f->ev.in_use = true;
	EXPECT_TRUE(must_wait(&f->x, &until));
	EXPECT_EQ(1000 + DSM_POLL_US, until);
	f->pg.deferred = forward_write;
	f->pg.deferred_since = 1000;
	f->ev.now = 1000 + DSM_IN_USE_MAX_US - 1;
	EXPECT_TRUE(must_wait(&f->x, &until));
	f->ev.now++;
	EXPECT_FALSE(must_wait(&f->x, &until));
}

TEST_AT(1, defer__keeps_the_first_time)
{
	f->ev.in_use = true;
	EXPECT_TRUE(defer(&f->x, &inval));
	EXPECT_EQ(DSM_MSG_INVALIDATE, f->pg.deferred.type);
	EXPECT_EQ(1000, f->pg.deferred_since);
	EXPECT_STREQ("timer 1050", acts(f));
	f->ev.now = 1050;
	EXPECT_TRUE(defer(&f->x, &inval));
	EXPECT_EQ(1000, f->pg.deferred_since);
	EXPECT_STREQ("timer 1100", acts(f));
}

TEST_AT(1, defer__nothing_to_wait_for)
{
	EXPECT_FALSE(defer(&f->x, &inval));
	EXPECT_EQ(0, f->pg.deferred.type);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, can_take_up__forgets_only_a_reader)
{
	EXPECT_TRUE(can_take_up(&f->pg));
	f->pg.deferred = forward_write;
	EXPECT_FALSE(can_take_up(&f->pg));
	f->pg.deferred = inval;
	EXPECT_FALSE(can_take_up(&f->pg));
	f->pg.deferred = forward_read;
	EXPECT_TRUE(can_take_up(&f->pg));
	EXPECT_EQ(0, f->pg.deferred.type);
}

TEST_AT(1, give__write)
{
	setup_page(f, DSM_WRITE, 5);
	give(&f->x, &forward_write);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_EQ(6, f->pg.version);
	EXPECT_STREQ("protect none; 1>2 DATA write p0 v6 acks 1", acts(f));
}

TEST_AT(1, give__read_of_a_writer)
{
	setup_page(f, DSM_WRITE, 5);
	give(&f->x, &forward_read);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_EQ(5, f->pg.version);
	EXPECT_TRUE(f->pg.owned);
	EXPECT_STREQ("protect read; 1>2 DATA read p0 v5", acts(f));
}

TEST_AT(1, give__read_of_a_reader_takes_nothing)
{
	setup_page(f, DSM_READ, 5);
	give(&f->x, &forward_read);
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_STREQ("1>2 DATA read p0 v5", acts(f));
}

TEST_AT(1, give__says_that_nobody_wrote)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.dirty = false;
	give(&f->x, &forward_read);
	EXPECT_STREQ("protect read; 1>2 DATA read p0 v5 clean", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__now)
{
	setup_page(f, DSM_WRITE, 5);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_forward(&f->x, &forward_write));
	EXPECT_STREQ("protect none; 1>2 DATA write p0 v6 acks 1", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__put_off)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_forward(&f->x, &forward_read));
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_STREQ("timer 1030", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__a_reader_need_not_wait_for_readers)
{
	setup_page(f, DSM_READ, 5);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_forward(&f->x, &forward_read));
	EXPECT_STREQ("1>2 DATA read p0 v5", acts(f));
	EXPECT_EQ(DSM_OK, dsm_cache_recv_forward(&f->x, &forward_write));
	EXPECT_STREQ("timer 1030", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__no_copy)
{
	f->pg.version = 5;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_forward(&f->x, &forward_read));
	EXPECT_STREQ("1>0 REFUSE read p0 v5 for 2 lost", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__wrong_version)
{
	setup_page(f, DSM_WRITE, 6);
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_forward(&f->x, &forward_write));
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_forward(&f->x, &forward_read));
	f->pg.version = 4;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_forward(&f->x, &forward_read));
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_recv_forward__second_while_one_is_put_off)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.deferred = forward_write;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_forward(&f->x, &forward_write));
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, drop_now__only_what_is_there)
{
	f->pg.version = 7;
	drop_now(&f->x, &inval);
	EXPECT_EQ(7, f->pg.version);
	EXPECT_STREQ("", acts(f));
	setup_page(f, DSM_READ, 5);
	drop_now(&f->x, &inval);
	EXPECT_EQ(6, f->pg.version);
	EXPECT_STREQ("protect none", acts(f));
}

TEST_AT(1, dsm_cache_drop__now_or_later)
{
	setup_page(f, DSM_READ, 5);
	f->pg.hold_until = 1030;
	EXPECT_FALSE(dsm_cache_drop(&f->x, &inval));
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_STREQ("timer 1030", acts(f));
	f->pg.deferred.type = 0;
	f->ev.now = 1030;
	EXPECT_TRUE(dsm_cache_drop(&f->x, &inval));
	EXPECT_STREQ("protect none", acts(f));
}

TEST_AT(1, dsm_cache_recv_invalidate__copy)
{
	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(DSM_OK, dsm_cache_recv_invalidate(&f->x, &inval));
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_EQ(6, f->pg.version);
	EXPECT_STREQ("protect none; 1>2 INVAL_ACK p0 v6", acts(f));
}

TEST_AT(1, dsm_cache_recv_invalidate__no_copy)
{
	EXPECT_EQ(DSM_OK, dsm_cache_recv_invalidate(&f->x, &inval));
	EXPECT_STREQ("1>2 INVAL_ACK p0 v6", acts(f));
}

TEST_AT(1, dsm_cache_recv_invalidate__put_off)
{
	setup_page(f, DSM_READ, 5);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK, dsm_cache_recv_invalidate(&f->x, &inval));
	EXPECT_STREQ("timer 1030", acts(f));
}

TEST_AT(1, dsm_cache_recv_invalidate__makes_no_sense)
{
	setup_page(f, DSM_READ, 6);
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_invalidate(&f->x, &inval));
	f->pg.version = 5;
	f->pg.deferred = inval;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_invalidate(&f->x, &inval));
	f->pg.deferred.type = 0;
	setup_want(f, DSM_WRITE);
	f->pg.granted = DSM_WRITE;
	EXPECT_EQ(DSM_PROTO, dsm_cache_recv_invalidate(&f->x, &inval));
	EXPECT_EQ(DSM_READ, f->pg.state);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_tick__nothing_put_off)
{
	setup_page(f, DSM_WRITE, 5);
	dsm_cache_tick(&f->x);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_tick__forward)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.deferred = forward_write;
	dsm_cache_tick(&f->x);
	EXPECT_EQ(0, f->pg.deferred.type);
	EXPECT_STREQ("protect none; 1>2 DATA write p0 v6 acks 1", acts(f));
}

TEST_AT(1, dsm_cache_tick__too_early)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.deferred = forward_write;
	f->pg.hold_until = 1030;
	dsm_cache_tick(&f->x);
	EXPECT_EQ(DSM_MSG_FORWARD, f->pg.deferred.type);
	EXPECT_STREQ("timer 1030", acts(f));
}

/* When the bound is reached, no use keeps a copy that is acknowledged. */
TEST_AT(1, dsm_cache_tick__in_use_for_too_long)
{
	setup_page(f, DSM_READ, 5);
	f->pg.deferred = inval;
	f->pg.deferred_since = 1000;
	f->ev.now = 1000 + DSM_IN_USE_MAX_US;
	f->ev.in_use = true;
	dsm_cache_tick(&f->x);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_EQ(0, f->pg.deferred.type);
	EXPECT_STREQ("protect none; 1>2 INVAL_ACK p0 v6", acts(f));
}

TEST_AT(1, dsm_cache_lost__home)
{
	setup_want(f, DSM_WRITE);
	setup_granted(f, DSM_WRITE, 2);
	dsm_cache_lost(&f->x, 0);
	EXPECT_EQ(0, f->pg.want);
	EXPECT_EQ(0, f->pg.granted);
	EXPECT_EQ(DSM_STATUS_LOST, f->pg.error);
	EXPECT_STREQ("wake", acts(f));
}

TEST_AT(1, dsm_cache_lost__somebody_else)
{
	setup_want(f, DSM_WRITE);
	f->pg.deferred = inval;
	dsm_cache_lost(&f->x, 3);
	EXPECT_EQ(DSM_WRITE, f->pg.want);
	EXPECT_EQ(DSM_MSG_INVALIDATE, f->pg.deferred.type);
	EXPECT_STREQ("", acts(f));
}

TEST_AT(1, dsm_cache_lost__who_was_to_get_it)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.deferred = forward_read;
	dsm_cache_lost(&f->x, 2);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_EQ(0, f->pg.deferred.type);
	EXPECT_STREQ("", acts(f));

	f->pg.deferred = forward_write;
	dsm_cache_lost(&f->x, 2);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_EQ(0, f->pg.deferred.type);
	EXPECT_STREQ("protect none", acts(f));

	setup_page(f, DSM_READ, 5);
	f->pg.deferred = inval;
	dsm_cache_lost(&f->x, 2);
	EXPECT_EQ(DSM_NONE, f->pg.state);
	EXPECT_STREQ("protect none", acts(f));
}
