# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a request is refused, and nobody is told
/^static void fail/,/^}/s/dsm_act_add(x, DSM_ACT_WAKE);/;/
