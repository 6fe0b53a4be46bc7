# SPDX-License-Identifier: GPL-2.0-only
# step.c: a home takes bytes from anybody
/^	case DSM_MSG_DATA:/,/^	case/s/if (x->hm && /if (false \&\& /
