# SPDX-License-Identifier: GPL-2.0-only
# step.c: a GRANT from anybody
/^	case DSM_MSG_GRANT:/,/return/s/ && dsm_core_home.*;/;/
