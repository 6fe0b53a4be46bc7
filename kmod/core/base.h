/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only door from the core to the outside.
 *
 * Everything in kmod/core compiles unchanged into the module and into user
 * space, so it may use nothing but what these headers give; the user-space
 * builds have their own versions of them in selftests/shim.
 */
#ifndef DSM_CORE_BASE_H
#define DSM_CORE_BASE_H

#include <linux/types.h>
#include <linux/errno.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#endif
