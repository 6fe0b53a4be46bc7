// SPDX-License-Identifier: GPL-2.0-only
#include "queue.c"

#include "fixture.h"

static void add(struct fixture *f, u16 node, u8 access)
{
	const struct dsm_request rq = { .node = node, .access = access };

	dsm_queue_add(&f->x, &rq);
}

TEST_AT(0, slot__wraps)
{
	f->hm.queue_head = 3;
	EXPECT_EQ(3, slot(&f->x, 0) - f->queue);
	EXPECT_EQ(0, slot(&f->x, 1) - f->queue);
}

TEST_AT(0, dsm_queue_has__only_those_that_wait)
{
	EXPECT_FALSE(dsm_queue_has(&f->x, 3));
	add(f, 3, DSM_WRITE);
	EXPECT_TRUE(dsm_queue_has(&f->x, 3));
	EXPECT_FALSE(dsm_queue_has(&f->x, 2));
	EXPECT_FALSE(dsm_queue_has(&f->x, 0));
}

TEST_AT(0, dsm_queue_pop__in_order_of_arrival)
{
	f->hm.queue_head = 3;
	add(f, 3, DSM_WRITE);
	add(f, 2, DSM_READ);
	EXPECT_EQ(3, dsm_queue_pop(&f->x).node);
	EXPECT_EQ(2, dsm_queue_pop(&f->x).node);
	EXPECT_EQ(0, f->hm.queue_len);
}

TEST_AT(0, dsm_queue_pop__what_was_asked)
{
	const struct dsm_request high = {
		.node = DSM_NODE_LIMIT - 1,
		.serial = 0xffff,
		.access = DSM_WRITE,
		.have = true,
	};
	const struct dsm_request low = { .access = DSM_READ };
	struct dsm_request rq;

	dsm_queue_add(&f->x, &high);
	dsm_queue_add(&f->x, &low);
	rq = dsm_queue_pop(&f->x);
	EXPECT_EQ(0, memcmp(&rq, &high, sizeof(rq)));
	rq = dsm_queue_pop(&f->x);
	EXPECT_EQ(0, memcmp(&rq, &low, sizeof(rq)));
}

TEST_AT(0, dsm_queue_remove__keeps_the_order)
{
	f->hm.queue_head = 2;
	add(f, 3, DSM_WRITE);
	add(f, 2, DSM_READ);
	add(f, 0, DSM_READ);
	dsm_queue_remove(&f->x, 2);
	EXPECT_EQ(2, f->hm.queue_len);
	dsm_queue_remove(&f->x, 2);
	EXPECT_EQ(2, f->hm.queue_len);
	EXPECT_EQ(3, dsm_queue_pop(&f->x).node);
	EXPECT_EQ(0, dsm_queue_pop(&f->x).node);
}
