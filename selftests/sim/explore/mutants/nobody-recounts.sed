# SPDX-License-Identifier: GPL-2.0-only
# home.c: the acknowledgement of a lost node is waited for
/^void dsm_home_lost/,/^}/s/recount(x, node);/;/
