# SPDX-License-Identifier: GPL-2.0-only
# home.c: nobody is asked whether a lost node's bytes came
/^void dsm_home_lost/,/^}/s/lost_source(x);/;/
