# SPDX-License-Identifier: GPL-2.0-only
# home.c: one copy is not told to go
/^static u16 invalidate_copies/,/^}/s/acks = dsm_set_count.*/dsm_set_del(hm->inval, dsm_set_next(hm->inval, words, 0) % DSM_NODE_LIMIT % (words * 64)); &/
