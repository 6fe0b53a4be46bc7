/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for the kernel's. */
#include <string.h>
