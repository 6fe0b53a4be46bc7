# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a message that is dropped ends the hold time
/^enum dsm_verdict dsm_cache_recv_invalidate/,/^}/s/return DSM_PROTO;/return pg->hold_until = 0, DSM_PROTO;/
