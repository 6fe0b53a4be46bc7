# SPDX-License-Identifier: GPL-2.0-only
# wire.c: what later versions may use is ignored
/^int dsm_wire_decode/,/^}/s/ || w\.reserved//
