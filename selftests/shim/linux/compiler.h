/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for the kernel's: accesses that the compiler may not split. */
#ifndef DSM_SHIM_COMPILER_H
#define DSM_SHIM_COMPILER_H

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile __typeof__(x) *)&(x) = (value))

#endif
