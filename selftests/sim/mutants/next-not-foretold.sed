# SPDX-License-Identifier: GPL-2.0-only
# home.c: it is not foretold that the next request takes the page from here
/^u8 dsm_home_next/,/^}/s/access = get ? 0 : dsm_queue_first(x).access;/access = 0;/
