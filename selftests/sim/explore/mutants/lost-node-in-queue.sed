# SPDX-License-Identifier: GPL-2.0-only
# home.c: a lost node keeps its place in the queue
/^void dsm_home_lost/,/^}/s/dsm_queue_remove(x, node);/;/
