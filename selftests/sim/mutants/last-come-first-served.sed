# SPDX-License-Identifier: GPL-2.0-only
# home.c: requests are served in the wrong order
/^static u16 queue_pop/,/^}/{
s/queue_slot(x, 0)/queue_slot(x, x->hm->queue_len - 1)/
/queue_head/d
}
