# SPDX-License-Identifier: GPL-2.0-only
# home.c: the home may throw away the copy it has inherited
/^static void forget_copy/,/^}/s/x->pg->owned = true;/;/
