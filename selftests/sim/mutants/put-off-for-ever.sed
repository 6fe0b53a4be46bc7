# SPDX-License-Identifier: GPL-2.0-only
# cache.c: what is put off is not brought back
/^static bool defer/,/^}/s/dsm_act_timer(x, until);/;/
