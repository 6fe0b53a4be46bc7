# SPDX-License-Identifier: GPL-2.0-only
# cache.c: a page in use is put off without a bound
/^static bool must_wait/,/^}/s/x->ev->in_use && .*/x->ev->in_use;/
