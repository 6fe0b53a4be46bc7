# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a copy stays though its INVAL_ACK is sent
/^static void drop_now/,/^}/s/protect(x, DSM_NONE);/;/
