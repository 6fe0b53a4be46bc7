# SPDX-License-Identifier: GPL-2.0-only
# home.c: who lost the race for an upgrade gets one all the same
/^static void serve(/,/^}/s/rq->have && dsm_set_has(hm->copyset, rq->node)/rq->have/
