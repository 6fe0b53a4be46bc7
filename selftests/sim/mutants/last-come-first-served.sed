# SPDX-License-Identifier: GPL-2.0-only
# queue.c: requests are served in the wrong order
/^struct dsm_request dsm_queue_pop/,/^}/{
s/slot(x, 0)/slot(x, x->hm->queue_len - 1)/
/queue_head/d
}
