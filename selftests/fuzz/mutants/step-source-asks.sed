# SPDX-License-Identifier: GPL-2.0-only
# step.c: the owner asks to read, and is its own source
s/ && msg->flags & DSM_MSG_HAVE)/ \&\& false)/
