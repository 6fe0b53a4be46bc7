# SPDX-License-Identifier: GPL-2.0-only
# cache.c: bytes leave, and the right to change them stays
/^static void give/,/^}/s/protect(x, DSM_READ);/;/
