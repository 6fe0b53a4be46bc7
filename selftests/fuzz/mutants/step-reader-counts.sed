# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a reader waits for acknowledgements that nobody owes
/^enum dsm_verdict dsm_cache_recv_grant/,/^}/s/msg->access == DSM_READ/false/
