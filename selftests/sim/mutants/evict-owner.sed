# SPDX-License-Identifier: GPL-2.0-only
# cache.c: the only copy is thrown away
/^void dsm_cache_evict/,/^}/s/!pg->owned && //
