# SPDX-License-Identifier: GPL-2.0-only
# home.c: nobody gets the page of a lost owner whose bytes had come
/^static void complete/,/^}/s/if (hm->owner == DSM_NO_NODE)/if (false)/
