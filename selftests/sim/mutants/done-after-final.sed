# SPDX-License-Identifier: GPL-2.0-only
# cache.c: the home hears DONE of what was over when it answered
/^static void settle/,/^}/s/if (!pg->final)/if (true)/
