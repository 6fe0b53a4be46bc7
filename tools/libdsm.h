/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libdsm: a thin layer over /dev/dsm and its sysfs directory
 *
 *	int fd = dsm_open("dsm");
 *	long *p = dsm_map(fd, 0, 0, PROT_READ | PROT_WRITE);
 *
 * An instance is named as its device: "dsm", "dsm1", "dsm2" ... NULL means
 * "dsm".
 *
 * Every function that can fail returns -1 (or NULL) when it does and sets
 * errno; dsm_error() then says in words what failed and why. linux/dsm.h says
 * what the structures mean and which errors the kernel gives.
 *
 * The environment variables DSM_SYSFS and DSM_DEV replace /sys/class/dsm and
 * /dev, for tests.
 */
#ifndef _LIBDSM_H
#define _LIBDSM_H

#include <stddef.h>
#include <linux/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that hold any sysfs value, with its terminating null. */
#define DSM_ATTR_MAX	4096

int dsm_open(const char *instance);
int dsm_get_info(int fd, struct dsm_info *info);
int dsm_get_page(int fd, __u64 offset, struct dsm_page_info *page);
int dsm_ping_node(int fd, __u32 node, __u32 bytes, __u32 timeout_ms,
		  __u64 *rtt_ns);
void *dsm_map(int fd, __u64 offset, size_t length, int prot);

int dsm_attr_path(char *path, size_t size, const char *instance,
		  const char *attr);
int dsm_attr_read(const char *instance, const char *attr, char *value,
		  size_t size);
int dsm_attr_write(const char *instance, const char *attr, const char *value);

const char *dsm_error(void);

#ifdef __cplusplus
}
#endif

#endif /* _LIBDSM_H */
