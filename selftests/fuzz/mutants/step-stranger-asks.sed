# SPDX-License-Identifier: GPL-2.0-only
# step.c: somebody who is no member is listened to
/^static bool sender_fits/,/^}/s/!dsm_member_has(m, ev->from) || //
