/* SPDX-License-Identifier: GPL-2.0-only */
/* One node of a cluster of four, and page 0 at it, whose home is node 0. */
#ifndef DSM_FIXTURE_H
#define DSM_FIXTURE_H

#include "harness.h"
#include "show.h"

#define HOLD_US		100

struct fixture {
	struct dsm_core core;
	struct dsm_page pg;
	struct dsm_home hm;
	struct dsm_event ev;
	struct dsm_out out;
	struct dsm_ctx x;
	u64 copyset[1];
	u64 inval[1];
	u64 lost[1];
	u32 queue[4];
	char text[4 * SHOW_MAX];
};

static const u16 fixture_ids[4] = { 0, 1, 2, 3 };

static inline void setup(struct fixture *f, u16 self)
{
	memset(f, 0, sizeof(*f));
	f->core = (struct dsm_core) {
		.self = self,
		.pages = 64,
		.members = {
			.nr = 4,
			.words = 1,
			.ids = fixture_ids,
			.lost = f->lost,
		},
	};
	dsm_page_init(&f->pg);
	dsm_home_init(&f->hm, 0, f->copyset, f->inval, f->queue, 1);
	f->ev.now = 1000;
	f->ev.hold_us = HOLD_US;
	f->x = (struct dsm_ctx) {
		.c = &f->core,
		.pg = &f->pg,
		.hm = self ? NULL : &f->hm,
		.ev = &f->ev,
		.out = &f->out,
	};
}

/* A test of the fixture @f at node @self. */
#define TEST_AT(self, name)						\
	static void name##_at(struct fixture *f);			\
	TEST(name)							\
	{								\
		struct fixture f;					\
									\
		setup(&f, self);					\
		name##_at(&f);						\
	}								\
	static void name##_at(struct fixture *f)

/* A page in a state, of a version; the owner's if it can be written. */
static inline void setup_page(struct fixture *f, u8 state, u64 version)
{
	f->pg.state = state;
	f->pg.version = version;
	f->pg.owned = state == DSM_WRITE;
	f->pg.dirty = state == DSM_WRITE;
}

/* A directory entry: idle, with these copies (a mask). */
static inline void setup_home(struct fixture *f, u16 owner, u64 version,
			      u64 copies)
{
	f->hm.owner = owner;
	f->hm.version = version;
	f->copyset[0] = copies;
}

/* The actions so far, with "; " between them; forgets them. */
static inline const char *acts(struct fixture *f)
{
	char one[SHOW_MAX];
	u16 i;

	f->text[0] = 0;
	for (i = 0; i < f->out.nr; i++) {
		show_action(one, f->core.self, 1, &f->out.act[i]);
		if (i)
			strcat(f->text, "; ");
		strcat(f->text, one);
	}
	f->out.nr = 0;
	return f->text;
}

/* A message about page 0, from a node to the fixture's. */
static inline struct dsm_msg message(u8 type, u8 access, u16 requester,
				     u64 version)
{
	return (struct dsm_msg) {
		.type = type,
		.access = access,
		.requester = requester,
		.version = version,
	};
}

static inline enum dsm_verdict receive(struct fixture *f, u16 from,
				       struct dsm_msg msg)
{
	f->ev.type = DSM_EV_RECV;
	f->ev.from = from;
	f->ev.msg = msg;
	return dsm_step(&f->core, &f->pg, f->x.hm, &f->ev, &f->out);
}

static inline enum dsm_verdict happens(struct fixture *f, u8 type)
{
	f->ev.type = type;
	return dsm_step(&f->core, &f->pg, f->x.hm, &f->ev, &f->out);
}

#endif
