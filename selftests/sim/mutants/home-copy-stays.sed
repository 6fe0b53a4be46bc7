# SPDX-License-Identifier: GPL-2.0-only
# home.c: the home forgets its own copy
/^static u16 invalidate_copies/,/^}/s/own_copy = .*/own_copy = false;/
