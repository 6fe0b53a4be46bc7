// SPDX-License-Identifier: GPL-2.0-only
#include "step.c"

#include "fixture.h"

TEST_AT(1, dsm_core_home__is_a_member)
{
	EXPECT_EQ(0, dsm_core_home(&f->core, 0));
	EXPECT_EQ(1, dsm_core_home(&f->core, 16));
	EXPECT_EQ(0, dsm_core_home(&f->core, 64));
}

TEST_AT(1, dsm_act_add__in_order_and_empty)
{
	memset(f->out.act, 0xff, sizeof(f->out.act));
	EXPECT_EQ(0, dsm_act_add(&f->x, DSM_ACT_WAKE)->right);
	EXPECT_EQ(0, dsm_act_add(&f->x, DSM_ACT_ZERO)->at);
	EXPECT_STREQ("wake; zero", acts(f));
}

TEST_AT(1, dsm_act_add__too_many_are_counted)
{
	int i;

	for (i = 0; i < DSM_ACTS_MAX + 3; i++)
		dsm_act_add(&f->x, DSM_ACT_WAKE);
	EXPECT_EQ(DSM_ACTS_MAX + 3, f->out.nr);
}

TEST_AT(1, dsm_act_send__copies_the_message)
{
	struct dsm_msg msg = message(DSM_MSG_GET, DSM_READ, 1, 3);

	dsm_act_send(&f->x, 2, &msg);
	msg.version = 4;
	EXPECT_STREQ("1>2 GET read p0 v3", acts(f));
}

TEST_AT(1, dsm_act_timer__absolute)
{
	dsm_act_timer(&f->x, 7);
	EXPECT_STREQ("timer 7", acts(f));
}

/* Whether a message that only differs in a field of its own could come. */
#define FITS(field, value)						\
	({								\
		struct dsm_msg kept = f.ev.msg;				\
		bool fits;						\
									\
		f.ev.msg.field = (value);				\
		fits = sender_fits(&f.x);				\
		f.ev.msg = kept;					\
		fits;							\
	})

static void setup_from(struct fixture *f, u16 self, u16 from,
		       struct dsm_msg msg)
{
	setup(f, self);
	f->ev.type = DSM_EV_RECV;
	f->ev.from = from;
	f->ev.msg = msg;
}

TEST(sender_fits__any_message)
{
	struct fixture f;

	setup_from(&f, 0, 1, message(DSM_MSG_GET, DSM_READ, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(page, 1));
	f.ev.from = 0;
	EXPECT_FALSE(FITS(requester, 0));
	f.ev.from = 4;
	EXPECT_FALSE(FITS(requester, 4));
	f.ev.from = DSM_NO_NODE;
	EXPECT_FALSE(FITS(requester, DSM_NO_NODE));
	f.ev.from = 1;
	dsm_set_add(f.lost, 1);
	EXPECT_FALSE(sender_fits(&f.x));
}

TEST(sender_fits__get_and_done)
{
	struct fixture f;
	u8 type;

	for (type = DSM_MSG_GET; type <= DSM_MSG_DONE;
	     type += DSM_MSG_DONE - DSM_MSG_GET) {
		setup_from(&f, 0, 1, message(type, DSM_WRITE, 1, 0));
		EXPECT_TRUE(sender_fits(&f.x));
		EXPECT_FALSE(FITS(requester, 2));
		EXPECT_FALSE(FITS(access, 0));
		EXPECT_FALSE(FITS(access, DSM_NONE));
	}
}

TEST(sender_fits__forward)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_FORWARD, DSM_READ, 2, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(access, DSM_NONE));
	EXPECT_FALSE(FITS(requester, 1));
	EXPECT_FALSE(FITS(requester, 4));
	EXPECT_TRUE(FITS(acks, 3));
	EXPECT_FALSE(FITS(acks, 4));
	f.ev.from = 3;
	EXPECT_FALSE(sender_fits(&f.x));
}

TEST(sender_fits__invalidate)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_INVALIDATE, 0, 2, 1));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(requester, 1));
	EXPECT_FALSE(FITS(requester, 4));
	f.ev.from = 3;
	EXPECT_FALSE(sender_fits(&f.x));
}

TEST(sender_fits__grant)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_GRANT, DSM_READ, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(access, DSM_NONE));
	f.ev.from = 3;
	EXPECT_FALSE(sender_fits(&f.x));
}

TEST(sender_fits__refuse)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_REFUSE, 0, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	f.ev.from = 3;
	EXPECT_FALSE(sender_fits(&f.x));
	/* To a home, from any source. */
	setup_from(&f, 0, 3, message(DSM_MSG_REFUSE, DSM_READ, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
}

TEST(sender_fits__data)
{
	struct fixture f;

	setup_from(&f, 1, 3, message(DSM_MSG_DATA, DSM_READ, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(access, DSM_NONE));
	EXPECT_FALSE(FITS(flags, DSM_MSG_ZERO));
	EXPECT_TRUE(FITS(flags, DSM_MSG_CLEAN));
}

/* Only the home knows that a transaction is over. */
TEST(sender_fits__final)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_DATA, DSM_READ, 1, 0));
	EXPECT_TRUE(FITS(flags, DSM_MSG_FINAL));
	f.ev.from = 3;
	EXPECT_FALSE(FITS(flags, DSM_MSG_FINAL));
}

/* The home knows who sends it bytes. */
TEST(sender_fits__data_for_the_home)
{
	struct fixture f;

	setup_from(&f, 0, 3, message(DSM_MSG_DATA, DSM_READ, 0, 0));
	EXPECT_FALSE(sender_fits(&f.x));
	f.hm.requester = 0;
	f.hm.source = 3;
	EXPECT_TRUE(sender_fits(&f.x));
	f.hm.source = 2;
	EXPECT_FALSE(sender_fits(&f.x));
}

/* Who has a copy does not ask to read. */
TEST(sender_fits__have)
{
	struct fixture f;

	setup_from(&f, 0, 1, message(DSM_MSG_GET, DSM_READ, 1, 0));
	EXPECT_FALSE(FITS(flags, DSM_MSG_HAVE));
	f.ev.msg.access = DSM_WRITE;
	EXPECT_TRUE(FITS(flags, DSM_MSG_HAVE));
}

TEST(sender_fits__recount)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_RECOUNT, 0, 1, 6));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(requester, 2));
	EXPECT_FALSE(FITS(acks, 4));
	f.ev.from = 3;
	EXPECT_FALSE(sender_fits(&f.x));
}

TEST(sender_fits__inval_ack)
{
	struct fixture f;

	setup_from(&f, 1, 3, message(DSM_MSG_INVAL_ACK, 0, 1, 0));
	EXPECT_TRUE(sender_fits(&f.x));
	EXPECT_FALSE(FITS(requester, 2));
}

TEST(sender_fits__no_protocol_message)
{
	struct fixture f;

	setup_from(&f, 1, 0, message(DSM_MSG_PING, DSM_READ, 1, 0));
	EXPECT_FALSE(sender_fits(&f.x));
}

/*
 * Each input as a correct peer would send it in this state, if it would: page 0
 * at node 0, the home, or at node 1.
 */
static enum dsm_verdict probe(struct fixture *f, enum dsm_input in)
{
	bool home = f->x.hm;
	u16 self = f->core.self;
	u8 want = f->pg.want;
	struct dsm_msg msg;

	switch (in) {
	case DSM_IN_EV_READ:
		return happens(f, DSM_EV_READ);
	case DSM_IN_EV_WRITE:
		return happens(f, DSM_EV_WRITE);
	case DSM_IN_EV_USED:
		return happens(f, DSM_EV_USED);
	case DSM_IN_EV_EVICT:
		return happens(f, DSM_EV_EVICT);
	case DSM_IN_EV_TICK:
		return happens(f, DSM_EV_TICK);
	case DSM_IN_EV_LOST:
		f->ev.from = 3;
		return happens(f, DSM_EV_LOST);
	case DSM_IN_GET:
		return receive(f, 3, message(DSM_MSG_GET, DSM_READ, 3, 0));
	case DSM_IN_FORWARD:
		return receive(f, 0, message(DSM_MSG_FORWARD, DSM_READ, 2, 5));
	case DSM_IN_INVALIDATE:
		return receive(f, 0, message(DSM_MSG_INVALIDATE, 0, 2, 6));
	case DSM_IN_INVAL_ACK:
		return receive(f, 3, message(DSM_MSG_INVAL_ACK, 0, self, 6));
	case DSM_IN_DATA:
		return receive(f, 3, message(DSM_MSG_DATA, want, self, 6));
	case DSM_IN_GRANT:
		msg = message(DSM_MSG_GRANT, want, self, 6);
		msg.flags = f->pg.state == DSM_NONE ? DSM_MSG_ZERO : 0;
		return receive(f, 0, msg);
	case DSM_IN_DONE:
		return receive(f, 2, message(DSM_MSG_DONE, DSM_READ, 2, 5));
	case DSM_IN_REFUSE:
		msg = message(DSM_MSG_REFUSE, DSM_READ, 2, 5);
		msg.status = DSM_STATUS_LOST;
		return receive(f, home ? 3 : 0, msg);
	case DSM_IN_RECOUNT:
		return receive(f, 0, message(DSM_MSG_RECOUNT, 0, self, 6));
	default:
		return 0;
	}
}

static void setup_states(struct fixture *f, enum dsm_cache_state cache,
			 enum dsm_home_state home, enum dsm_input in)
{
	setup(f, home == DSM_HOME_ABSENT ? 1 : 0);
	setup_page(f, DSM_NONE, 5);
	if (cache == DSM_CACHE_READ || cache == DSM_CACHE_READ_PENDING)
		setup_page(f, DSM_READ, 5);
	else if (cache == DSM_CACHE_WRITE)
		setup_page(f, DSM_WRITE, 5);
	if (cache == DSM_CACHE_NONE_PENDING || cache == DSM_CACHE_READ_PENDING)
		f->pg.want = DSM_WRITE;
	setup_home(f, 3, 5, 1 << 3);
	if (home == DSM_HOME_BUSY) {
		f->hm.busy = DSM_READ;
		f->hm.requester = in == DSM_IN_DATA ? 0 : 2;
		f->hm.source = 3;
	}
}

/* What the table forbids changes nothing at all; what it allows is taken. */
TEST(dsm_step__every_cell_of_the_table)
{
	unsigned int cache, home, in;

	for (cache = 0; cache < DSM_CACHE_END; cache++) {
		for (home = 0; home < DSM_HOME_END; home++) {
			for (in = 0; in < DSM_IN_END; in++) {
				struct fixture f, before;
				enum dsm_verdict verdict;

				setup_states(&f, cache, home, in);
				ASSERT_EQ(cache, dsm_cache_state(&f.pg));
				ASSERT_EQ(home, dsm_home_state(f.x.hm));
				before = f;
				f.out.nr = 99;
				verdict = probe(&f, in);
				if (dsm_table_legal(cache, home, in)) {
					EXPECT_TRUE(verdict == DSM_OK ||
						    verdict == DSM_STALE);
					continue;
				}
				EXPECT_EQ(DSM_PROTO, verdict);
				EXPECT_EQ(0, f.out.nr);
				EXPECT_EQ(0, memcmp(&f.pg, &before.pg,
						    sizeof(f.pg)));
				EXPECT_EQ(0, memcmp(&f.hm, &before.hm,
						    sizeof(f.hm)));
				EXPECT_EQ(before.copyset[0], f.copyset[0]);
			}
		}
	}
}

TEST_AT(0, dsm_step__unknown_inputs)
{
	EXPECT_EQ(DSM_PROTO, happens(f, 0));
	EXPECT_EQ(DSM_PROTO, happens(f, DSM_EV_END));
	EXPECT_EQ(DSM_PROTO, happens(f, 255));
	EXPECT_EQ(DSM_PROTO, receive(f, 1, message(DSM_MSG_PING, 0, 1, 0)));
	EXPECT_EQ(DSM_PROTO, receive(f, 1, message(0, 0, 1, 0)));
	EXPECT_STREQ("", acts(f));
}

TEST_AT(0, dsm_step__page_out_of_range)
{
	f->ev.page = f->core.pages;
	EXPECT_EQ(DSM_PROTO, happens(f, DSM_EV_READ));
	f->ev.page = f->core.pages - 64;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_READ));
}

TEST_AT(0, dsm_step__wrong_sender)
{
	EXPECT_EQ(DSM_PROTO,
		  receive(f, 1, message(DSM_MSG_GET, DSM_READ, 2, 0)));
	EXPECT_EQ(0, f->hm.busy);
}

TEST_AT(1, dsm_step__starts_an_empty_list)
{
	f->out.nr = 7;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_READ));
	EXPECT_STREQ("1>0 GET read p0 v0", acts(f));
}

/* A loss is for the page here and for its directory entry. */
TEST_AT(0, dsm_step__lost)
{
	setup_page(f, DSM_READ, 5);
	setup_home(f, 2, 5, 1 << 0 | 1 << 2);
	f->ev.from = 2;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_LOST));
	EXPECT_EQ(0, f->hm.owner);
	EXPECT_EQ(1 << 0, f->copyset[0]);
}

/* A tick is for both, too. */
TEST_AT(0, dsm_step__tick)
{
	setup_page(f, DSM_WRITE, 5);
	setup_home(f, 0, 5, 1 << 0);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK,
		  receive(f, 1, message(DSM_MSG_GET, DSM_READ, 1, 0)));
	EXPECT_STREQ("timer 1030", acts(f));
	f->ev.now = 1030;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_TICK));
	EXPECT_STREQ("protect read; 0>1 DATA read p0 v5 final", acts(f));
}

/* A later use makes the hold time shorter, and never longer. */
TEST_AT(0, dsm_step__hold_ends_early)
{
	setup_page(f, DSM_WRITE, 5);
	setup_home(f, 0, 5, 1 << 0);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK,
		  receive(f, 1, message(DSM_MSG_GET, DSM_READ, 1, 0)));
	f->ev.hold_us = 500;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_USED));
	EXPECT_EQ(1030, f->pg.hold_until);
	EXPECT_STREQ("", acts(f));
	f->ev.hold_us = 0;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_USED));
	EXPECT_STREQ("timer 1000", acts(f));
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_TICK));
	EXPECT_STREQ("protect read; 0>1 DATA read p0 v5 final", acts(f));
}

/* What ended in this very step was not foretold: the next one waits. */
TEST_AT(0, dsm_step__tick_ends_one)
{
	setup_page(f, DSM_WRITE, 5);
	setup_home(f, 0, 5, 1 << 0);
	f->pg.hold_until = 1030;
	EXPECT_EQ(DSM_OK,
		  receive(f, 1, message(DSM_MSG_GET, DSM_READ, 1, 0)));
	EXPECT_EQ(DSM_OK,
		  receive(f, 2, message(DSM_MSG_GET, DSM_WRITE, 2, 0)));
	f->ev.now = 1030;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_TICK));
	EXPECT_STREQ("protect read; 0>1 DATA read p0 v5 final; timer 1030",
		     acts(f));
	EXPECT_EQ(0, f->hm.busy);
	EXPECT_EQ(1 << 0 | 1 << 1, f->copyset[0]);
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_TICK));
	EXPECT_EQ(2, f->hm.requester);
}

/* The owner changes with the answer. */
TEST_AT(0, dsm_step__final_write)
{
	setup_page(f, DSM_WRITE, 5);
	setup_home(f, 0, 5, 1 << 0);
	EXPECT_EQ(DSM_OK,
		  receive(f, 1, message(DSM_MSG_GET, DSM_WRITE, 1, 0)));
	EXPECT_STREQ("protect none; 0>1 DATA write p0 v6 final", acts(f));
	EXPECT_EQ(0, f->hm.busy);
	EXPECT_EQ(1, f->hm.owner);
	EXPECT_EQ(6, f->hm.version);
	EXPECT_EQ(1 << 1, f->copyset[0]);
}

/* Acknowledgements come from others: the home has to hear that they came. */
TEST_AT(0, dsm_step__not_final)
{
	setup_page(f, DSM_READ, 5);
	setup_home(f, 0, 5, 1 << 0 | 1 << 2);
	EXPECT_EQ(DSM_OK,
		  receive(f, 1, message(DSM_MSG_GET, DSM_WRITE, 1, 0)));
	EXPECT_STREQ("0>2 INVALIDATE p0 v6 for 1; protect none; "
		     "0>1 DATA write p0 v6 acks 1", acts(f));
	EXPECT_EQ(DSM_WRITE, f->hm.busy);
}

/* Its home need not hear what it knows. */
TEST_AT(1, dsm_step__final_answer)
{
	struct dsm_msg msg = message(DSM_MSG_DATA, DSM_WRITE, 1, 6);

	f->pg.want = DSM_WRITE;
	msg.flags = DSM_MSG_FINAL;
	msg.acks = 1;
	EXPECT_EQ(DSM_PROTO, receive(f, 0, msg));
	EXPECT_EQ(DSM_WRITE, f->pg.want);
	msg.acks = 0;
	EXPECT_EQ(DSM_OK, receive(f, 0, msg));
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_STREQ("wake", acts(f));
}

/* What answers an earlier request must not end this one. */
TEST_AT(1, dsm_step__late_answers)
{
	static const u8 types[] = {
		DSM_MSG_DATA, DSM_MSG_GRANT, DSM_MSG_INVAL_ACK,
		DSM_MSG_REFUSE, DSM_MSG_RECOUNT,
	};
	struct dsm_page before;
	unsigned int i;

	f->pg.want = DSM_WRITE;
	f->pg.serial = 3;
	before = f->pg;
	for (i = 0; i < sizeof(types); i++) {
		struct dsm_msg msg = message(types[i], 0, 1, 6);

		msg.serial = 2;
		if (types[i] == DSM_MSG_DATA || types[i] == DSM_MSG_GRANT)
			msg.access = DSM_WRITE;
		EXPECT_EQ(DSM_STALE, receive(f, 0, msg));
	}
	EXPECT_EQ(0, memcmp(&before, &f->pg, sizeof(before)));
}

/* The home knows whom it has told to drop a copy. */
TEST_AT(0, dsm_step__acknowledgement_nobody_owes)
{
	setup_page(f, DSM_READ, 5);
	f->pg.want = DSM_WRITE;
	setup_home(f, 2, 5, 1 << 0 | 1 << 2);
	f->hm.busy = DSM_READ;
	f->hm.requester = 1;
	EXPECT_EQ(DSM_STALE,
		  receive(f, 2, message(DSM_MSG_INVAL_ACK, 0, 0, 6)));
	f->hm.busy = DSM_WRITE;
	f->hm.requester = 0;
	f->inval[0] = 1 << 2;
	EXPECT_EQ(DSM_PROTO,
		  receive(f, 3, message(DSM_MSG_INVAL_ACK, 0, 0, 6)));
	EXPECT_EQ(0, f->pg.acks_left);
	EXPECT_EQ(DSM_OK,
		  receive(f, 2, message(DSM_MSG_INVAL_ACK, 0, 0, 6)));
}

TEST_AT(1, dsm_step__recount_of_the_past)
{
	f->pg.want = DSM_WRITE;
	f->pg.version = 6;
	EXPECT_EQ(DSM_PROTO, receive(f, 0, message(DSM_MSG_RECOUNT, 0, 1, 6)));
	EXPECT_FALSE(f->pg.counted);

	f->pg.want = 0;
	f->pg.state = DSM_WRITE;
	f->pg.deferred = message(DSM_MSG_FORWARD, DSM_WRITE, 2, 7);
	EXPECT_EQ(DSM_PROTO, receive(f, 0, message(DSM_MSG_RECOUNT, 0, 1, 8)));
	EXPECT_EQ(6, f->pg.version);
}

/* At the home, one message can end a transaction and begin the next. */
TEST_AT(0, dsm_step__acknowledgement_for_the_home)
{
	setup_page(f, DSM_READ, 5);
	f->pg.want = DSM_WRITE;
	f->pg.granted = DSM_WRITE;
	f->pg.counted = true;
	f->pg.acks_left = 1;
	f->pg.acks_version = 6;
	setup_home(f, 2, 5, 1 << 0 | 1 << 2);
	f->hm.busy = DSM_WRITE;
	f->hm.requester = 0;
	f->hm.upgrade = true;
	f->inval[0] = 1 << 2;
	EXPECT_EQ(DSM_OK,
		  receive(f, 3, message(DSM_MSG_GET, DSM_WRITE, 3, 0)));
	EXPECT_EQ(DSM_OK,
		  receive(f, 2, message(DSM_MSG_INVAL_ACK, 0, 0, 6)));
	EXPECT_STREQ("wake; timer 11000", acts(f));
	EXPECT_EQ(3, f->hm.requester);
	f->ev.now = 11000;
	EXPECT_EQ(DSM_OK, happens(f, DSM_EV_TICK));
	EXPECT_STREQ("protect none; 0>3 DATA write p0 v7 final", acts(f));
}

static u8 leaves(struct fixture *f, u8 type)
{
	f->ev.type = type;
	return dsm_step_leaves(&f->core, &f->pg, f->x.hm, &f->ev);
}

static u8 leaves_after(struct fixture *f, u8 type, u8 access)
{
	f->ev.msg = message(type, access, 2, 6);
	f->ev.from = f->x.hm ? 2 : 0;
	return leaves(f, DSM_EV_RECV);
}

TEST_AT(1, dsm_step_leaves__what_a_holder_is_asked_for)
{
	setup_page(f, DSM_WRITE, 5);
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_FORWARD, DSM_READ));
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_FORWARD, DSM_WRITE));
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_INVALIDATE, 0));
	EXPECT_EQ(DSM_WRITE, leaves_after(f, DSM_MSG_GRANT, DSM_READ));
	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_FORWARD, DSM_READ));
	setup_page(f, DSM_NONE, 5);
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_FORWARD, DSM_READ));
}

TEST_AT(1, dsm_step_leaves__all_while_it_is_held)
{
	setup_page(f, DSM_WRITE, 5);
	f->pg.hold_until = f->ev.now + 1;
	EXPECT_EQ(DSM_WRITE, leaves_after(f, DSM_MSG_INVALIDATE, 0));
	f->pg.hold_until--;
	f->ev.in_use = true;
	EXPECT_EQ(DSM_WRITE, leaves_after(f, DSM_MSG_INVALIDATE, 0));
}

TEST_AT(1, dsm_step_leaves__what_was_put_off)
{
	setup_page(f, DSM_WRITE, 5);
	EXPECT_EQ(DSM_WRITE, leaves(f, DSM_EV_TICK));
	f->pg.deferred = message(DSM_MSG_FORWARD, DSM_READ, 2, 6);
	EXPECT_EQ(DSM_READ, leaves(f, DSM_EV_TICK));
	f->pg.deferred = message(DSM_MSG_INVALIDATE, 0, 2, 6);
	EXPECT_EQ(DSM_NONE, leaves(f, DSM_EV_TICK));
	EXPECT_EQ(DSM_WRITE, leaves(f, DSM_EV_WRITE));
}

TEST_AT(0, dsm_step_leaves__a_request_at_the_home)
{
	setup_page(f, DSM_READ, 5);
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_GET, DSM_READ));
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_GET, DSM_WRITE));
	f->hm.migratory = DSM_MIGRATORY - 1;
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_GET, DSM_READ));
	f->hm.migratory = DSM_MIGRATORY;
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_GET, DSM_READ));
	f->hm.busy = DSM_READ;
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_GET, DSM_WRITE));
}

TEST_AT(0, dsm_step_leaves__a_request_that_waits_at_the_home)
{
	const struct dsm_request rq = { .node = 3, .access = DSM_WRITE };

	setup_page(f, DSM_READ, 5);
	dsm_queue_add(&f->x, &rq);
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_GET, DSM_WRITE));
	EXPECT_EQ(DSM_NONE, leaves(f, DSM_EV_TICK));
	f->hm.busy = DSM_READ;
	EXPECT_EQ(DSM_READ, leaves(f, DSM_EV_TICK));
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_DONE, DSM_READ));
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_REFUSE, DSM_READ));
}

TEST_AT(0, dsm_step_leaves__a_page_that_becomes_migratory)
{
	const struct dsm_request rq = { .node = 3, .access = DSM_READ };

	setup_page(f, DSM_READ, 5);
	f->hm.busy = DSM_WRITE;
	dsm_queue_add(&f->x, &rq);
	EXPECT_EQ(DSM_READ, leaves_after(f, DSM_MSG_DONE, DSM_WRITE));
	f->hm.migratory = DSM_MIGRATORY - 1;
	EXPECT_EQ(DSM_NONE, leaves_after(f, DSM_MSG_DONE, DSM_WRITE));
}

/* However long it lasts; and looks again after longer and longer times. */
TEST_AT(1, dsm_step__keeps_what_is_pinned)
{
	setup_page(f, DSM_WRITE, 5);
	f->ev.pinned = true;
	receive(f, 0, message(DSM_MSG_FORWARD, DSM_WRITE, 2, 6));
	EXPECT_STREQ("timer 1050", acts(f));
	f->ev.now += 8 * DSM_IN_USE_MAX_US;
	happens(f, DSM_EV_TICK);
	EXPECT_EQ(DSM_WRITE, f->pg.state);
	EXPECT_STREQ("timer 901050", acts(f));
	f->ev.pinned = false;
	happens(f, DSM_EV_TICK);
	EXPECT_STREQ("protect none; 1>2 DATA write p0 v6", acts(f));
}

TEST_AT(1, dsm_step__evicts_nothing_that_is_pinned)
{
	setup_page(f, DSM_READ, 5);
	f->ev.pinned = true;
	happens(f, DSM_EV_EVICT);
	EXPECT_EQ(DSM_READ, f->pg.state);
	f->ev.pinned = false;
	happens(f, DSM_EV_EVICT);
	EXPECT_EQ(DSM_NONE, f->pg.state);
}
