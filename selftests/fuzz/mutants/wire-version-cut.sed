# SPDX-License-Identifier: GPL-2.0-only
# wire.c: a version loses half of its bits
/^void dsm_wire_encode/,/^}/s/__cpu_to_le64(f->msg\.version)/__cpu_to_le64((u32)f->msg.version)/
