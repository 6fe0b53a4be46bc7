# SPDX-License-Identifier: GPL-2.0-only
# acks.c: acknowledgements that come before the grant are not counted
/^bool dsm_acks_expect/,/^}/s/acks_left += /acks_left = /
