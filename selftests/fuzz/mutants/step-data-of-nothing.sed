# SPDX-License-Identifier: GPL-2.0-only
# cache.c: bytes are sent by a node that has none
/^enum dsm_verdict dsm_cache_recv_forward/,/^}/s/pg->state == DSM_NONE/false/
