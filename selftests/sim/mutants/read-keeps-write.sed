# SPDX-License-Identifier: GPL-2.0-only
# cache.c: the owner goes on writing next to a reader
/^static void give/,/^}/s/protect(x, DSM_READ);/;/
