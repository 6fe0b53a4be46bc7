# SPDX-License-Identifier: GPL-2.0-only
# home.c: a DONE is believed while this node owes the bytes
/^enum dsm_verdict dsm_home_recv_done/,/^}/s/x->pg->deferred\.type \&\& .*)$/false)/
