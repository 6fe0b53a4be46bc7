# SPDX-License-Identifier: GPL-2.0-only
# step.c: what answers an earlier request is taken
/^static bool is_late/,/^}/s/msg->serial != x->pg->serial/false/
