# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a page is given away before it was used
/^static bool is_used/,/^}/s/ev->now < pg->hold_until/false/
