# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a request to a lost home is not ended
/^void dsm_cache_lost/,/^}/s/fail(x, DSM_STATUS_LOST);/;/
