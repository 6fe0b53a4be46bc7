# SPDX-License-Identifier: GPL-2.0-only
# home.c: one copy is not told to go
/^static u16 send_invalidate/,/^}/s/u16 acks = \(dsm_set_count.*\);/u16 acks = (dsm_set_del(hm->inval, dsm_set_next(hm->inval, x->c->members.words, 0) % DSM_NODE_LIMIT % (x->c->members.words * 64)), \1);/
