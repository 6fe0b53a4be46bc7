# SPDX-License-Identifier: GPL-2.0-only
# rest.c: what was put off is forgotten
/^bool dsm_page_rests/,/^}/s/ && !pg->deferred\.type//
