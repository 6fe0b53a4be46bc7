# SPDX-License-Identifier: GPL-2.0-only
# home.c: a transaction ends with the grant
/^static void serve_read/,/^}/s/send_forward(x, 0);/& if (hm->busy) { dsm_set_add(hm->copyset, hm->requester); hm->busy = 0; }/
