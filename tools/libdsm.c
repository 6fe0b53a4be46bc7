// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libdsm: a thin layer over /dev/dsm and its sysfs directory
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libdsm.h"

#define INSTANCE_DEFAULT	"dsm"

static __thread char error_text[2 * DSM_ATTR_MAX];

/* Record what failed and, from errno, why. */
#define record(fmt, ...)						\
	snprintf(error_text, sizeof(error_text), fmt ": %m", ##__VA_ARGS__)

/* The same; the result is -1. */
#define fail(fmt, ...)	(record(fmt, ##__VA_ARGS__), -1)

static const char *root(const char *variable, const char *path)
{
	const char *value = secure_getenv(variable);

	return value && *value ? value : path;
}

/* One name, not a way to other directories. */
static const char *instance_name(const char *instance)
{
	if (!instance)
		return INSTANCE_DEFAULT;
	if (*instance && *instance != '.' && !strchr(instance, '/'))
		return instance;
	errno = EINVAL;
	record("no instance can be called \"%s\"", instance);
	return NULL;
}

/**
 * dsm_error() - Say in words what failed last in this thread
 *
 * Return: the text of the last failure of a function of this library, without a
 * newline. It is valid until the next failure in this thread.
 */
const char *dsm_error(void)
{
	return error_text;
}

/**
 * dsm_open() - Open the device of an instance
 * @instance:	name of the instance, or NULL for "dsm"
 *
 * The file is open for reading and writing and is closed on exec. It is an
 * ordinary file descriptor: close it with close().
 *
 * Return: the file descriptor, or -1.
 */
int dsm_open(const char *instance)
{
	const char *name = instance_name(instance);
	char path[PATH_MAX];
	int fd;

	if (!name)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", root("DSM_DEV", "/dev"), name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? fail("cannot open %s", path) : fd;
}

/**
 * dsm_get_info() - Ask for the sizes, the base address and the node id
 * @fd:		from dsm_open()
 * @info:	filled in
 *
 * Return: 0, or -1.
 */
int dsm_get_info(int fd, struct dsm_info *info)
{
	memset(info, 0, sizeof(*info));
	if (ioctl(fd, DSM_IOC_INFO, info) < 0)
		return fail("cannot get information about the region");
	return 0;
}

/**
 * dsm_get_page() - Ask what this node knows of a page
 * @fd:		from dsm_open()
 * @offset:	any offset in the page, in bytes
 * @page:	filled in
 *
 * Return: 0, or -1.
 */
int dsm_get_page(int fd, __u64 offset, struct dsm_page_info *page)
{
	memset(page, 0, sizeof(*page));
	page->offset = offset;
	if (ioctl(fd, DSM_IOC_PAGE, page) < 0)
		return fail("cannot get information about the page at %#llx",
			    offset);
	return 0;
}

/**
 * dsm_ping_node() - Measure one round trip to another node
 * @fd:		from dsm_open()
 * @node:	id of the other node
 * @bytes:	payload each way, at most %DSM_PING_BYTES_MAX
 * @timeout_ms:	how long to wait, 1 to 60000
 * @rtt_ns:	set to the round trip, in nanoseconds; unchanged on failure
 *
 * Return: 0, or -1; errno is ETIMEDOUT if no answer came in time.
 */
int dsm_ping_node(int fd, __u32 node, __u32 bytes, __u32 timeout_ms,
		  __u64 *rtt_ns)
{
	struct dsm_ping ping = {
		.node = node,
		.bytes = bytes,
		.timeout_ms = timeout_ms,
	};

	if (ioctl(fd, DSM_IOC_PING, &ping) < 0)
		return fail("cannot ping node %u", node);
	*rtt_ns = ping.rtt_ns;
	return 0;
}

/**
 * dsm_map() - Map a part of the region, shared
 * @fd:		from dsm_open()
 * @offset:	first byte, a multiple of the page size
 * @length:	how many bytes; 0 maps everything from @offset to the end
 * @prot:	PROT_READ, PROT_WRITE, as for mmap()
 *
 * The mapping is placed at the same address on every node where that range is
 * free. Undo it with munmap().
 *
 * Return: the address, or NULL.
 */
void *dsm_map(int fd, __u64 offset, size_t length, int prot)
{
	struct dsm_info info;
	void *p;

	if (!length) {
		if (dsm_get_info(fd, &info))
			return NULL;
		/* Past the end 0 stays 0, which mmap() refuses. */
		if (offset < info.size)
			length = info.size - offset;
	}
	p = mmap(NULL, length, prot, MAP_SHARED, fd, offset);
	if (p != MAP_FAILED)
		return p;
	record("cannot map %zu bytes at %#llx", length,
	       offset);
	return NULL;
}

/**
 * dsm_attr_path() - Tell where a sysfs file is
 * @path:	filled in
 * @size:	bytes at @path; PATH_MAX is always enough
 * @instance:	name of the instance, or NULL for "dsm"
 * @attr:	name in the instance's directory, such as "nodes/1/state"; ""
 *		is the directory itself
 *
 * Return: 0, or -1.
 */
int dsm_attr_path(char *path, size_t size, const char *instance,
		  const char *attr)
{
	const char *name = instance_name(instance);
	int length;

	if (!name)
		return -1;
	length = snprintf(path, size, "%s/%s%s%s",
			  root("DSM_SYSFS", "/sys/class/dsm"), name,
			  *attr ? "/" : "", attr);
	if ((size_t)length < size)
		return 0;
	errno = ENAMETOOLONG;
	return fail("cannot name attribute %s of %s", attr, name);
}

/**
 * dsm_attr_read() - Read one value from sysfs
 * @instance:	name of the instance, or NULL for "dsm"
 * @attr:	which one, such as "size" or "nodes/1/state"
 * @value:	set to the value, without its newline
 * @size:	bytes at @value; %DSM_ATTR_MAX is always enough
 *
 * Return: 0, or -1; errno is EOVERFLOW if the value does not fit.
 */
int dsm_attr_read(const char *instance, const char *attr, char *value,
		  size_t size)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	if (dsm_attr_path(path, sizeof(path), instance, attr))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("cannot open %s", path);

	length = read(fd, value, size);
	if (length < 0)
		record("cannot read %s", path);
	close(fd);
	if (length < 0)
		return -1;
	if ((size_t)length == size) {
		errno = EOVERFLOW;
		return fail("cannot read %s", path);
	}
	if (length && value[length - 1] == '\n')
		length--;
	value[length] = '\0';
	return 0;
}

/**
 * dsm_attr_write() - Write one value to sysfs
 * @instance:	name of the instance, or NULL for "dsm"
 * @attr:	which one, such as "size" or "add_node"
 * @value:	the value; a newline is added, as echo does
 *
 * Return: 0, or -1; errno is EINVAL if the kernel does not like the value and
 * EBUSY if it cannot be changed now.
 */
int dsm_attr_write(const char *instance, const char *attr, const char *value)
{
	char line[DSM_ATTR_MAX];
	char path[PATH_MAX];
	ssize_t written;
	int length;
	int fd;

	if (dsm_attr_path(path, sizeof(path), instance, attr))
		return -1;
	length = snprintf(line, sizeof(line), "%s\n", value);
	if ((size_t)length >= sizeof(line)) {
		errno = E2BIG;
		return fail("cannot write %s", path);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("cannot open %s", path);

	/* The kernel takes each write() as one value: never split it. */
	written = write(fd, line, length);
	if (written >= 0 && written != length) {
		errno = EIO;
		written = -1;
	}
	if (written < 0)
		record("cannot write \"%s\" to %s", value, path);
	close(fd);
	return written < 0 ? -1 : 0;
}
