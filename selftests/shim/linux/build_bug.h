/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for the kernel's: compile-time assertions with one argument. */
#ifndef DSM_SHIM_BUILD_BUG_H
#define DSM_SHIM_BUILD_BUG_H

#define static_assert(condition) _Static_assert(condition, #condition)

#endif
