# SPDX-License-Identifier: GPL-2.0-only
# wire.c: a HELLO from a node that cannot be
/^int dsm_hello_decode/,/^}/s/h->from >= DSM_NODE_LIMIT || //
