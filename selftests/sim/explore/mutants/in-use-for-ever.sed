# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a page in use is put off without a bound
/^static bool is_used/,/^}/s/(ev->in_use && .*/ev->in_use;/
