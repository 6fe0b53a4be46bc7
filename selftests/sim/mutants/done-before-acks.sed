# SPDX-License-Identifier: GPL-2.0-only
# cache.c: write permission is used before all copies are gone
/^static void settle/,/^}/s/ || pg->acks_left//
