# SPDX-License-Identifier: GPL-2.0-only
# cache.c: who waits for a right is not told that it is here
/^static void settle/,/^}/s/dsm_act_add(x, DSM_ACT_WAKE);/;/
