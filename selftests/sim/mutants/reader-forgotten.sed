# SPDX-License-Identifier: GPL-2.0-only
# home.c: the home does not note who has a copy
/^enum dsm_verdict dsm_home_recv_done/,/^}/s/dsm_set_add(hm->copyset, from);/if (hm->busy == DSM_WRITE) &/
