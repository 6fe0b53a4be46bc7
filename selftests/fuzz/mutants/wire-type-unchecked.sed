# SPDX-License-Identifier: GPL-2.0-only
# wire.c: a type beyond the last is looked up
/^static const struct wire_type \*type_of/,/^}/s/type >= DSM_MSG_END || //
