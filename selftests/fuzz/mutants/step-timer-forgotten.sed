# SPDX-License-Identifier: GPL-2.0-only
# cache.c: what is put off never comes back
/^static bool defer/,/^}/s/dsm_act_timer(x, until);/;/
