# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a copy in use for too long stays, and is acknowledged
/^void dsm_cache_tick/,/^}/s/drop_now(x, &msg)/dsm_cache_drop(x, \&msg)/
