# SPDX-License-Identifier: GPL-2.0-only
# acks.c: acknowledgements are counted for ever
/^enum dsm_verdict dsm_acks_take/,/^}/s/(pg->counted ? 0 : -limit)/(pg->counted ? 0 : -30000)/
