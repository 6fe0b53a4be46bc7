# SPDX-License-Identifier: GPL-2.0-only
# cache.c: an INVALIDATE for no copy is not acknowledged
/^enum dsm_verdict dsm_cache_recv_invalidate/,/^}/s/if (dsm_cache_drop(x, msg))/if (pg->state != DSM_NONE \&\& dsm_cache_drop(x, msg))/
