# SPDX-License-Identifier: GPL-2.0-only
# home.c: a node waits in the queue more than once
/^enum dsm_verdict dsm_home_recv_get/,/^}/s/ || dsm_queue_has(x, from)//
