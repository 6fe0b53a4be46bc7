# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a copy is acknowledged as gone, and goes only then
/^enum dsm_verdict dsm_cache_recv_invalidate/,/^}/{
s/if (dsm_cache_drop(x, msg))/u64 until;\
	if (pg->state != DSM_NONE \&\& !must_wait(x, \&until)) {\
		send_inval_ack(x, msg);\
		drop_now(x, msg);\
	} else if (dsm_cache_drop(x, msg))/
}
