# SPDX-License-Identifier: GPL-2.0-only
# home.c: a lost node stays the owner
/^void dsm_home_lost/,/^}/s/forget_copy(x, node);/;/
