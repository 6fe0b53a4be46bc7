# SPDX-License-Identifier: GPL-2.0-only
# home.c: the home does not note who has a copy
/^static void complete/,/^}/s/dsm_set_add(hm->copyset, hm->requester);/if (hm->busy == DSM_WRITE) &/
