# SPDX-License-Identifier: GPL-2.0-only
# home.c: who lost the race for an upgrade stays in the copyset
/^enum dsm_verdict dsm_home_recv_done/,/^}/s/dsm_set_clear(.*/;/
