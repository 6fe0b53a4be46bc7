// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into dsmctl by its test: what dsmctl asks of the kernel's dsm
 * module goes to the test instead, over the socket named in DSM_FAKE
 *
 * Calls that are passed on, and only for files below DSM_SYSFS and DSM_DEV:
 *
 *	write()		'W' PATH '\0' DATA
 *	ioctl()		'I' PATH '\0' REQUEST (4 bytes) ARGUMENT
 *
 * The answer is an errno (4 bytes, 0: it worked) and the argument of ioctl() as
 * it is afterwards. Reading needs no help: the test keeps ordinary files.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX	16384

static void die(const char *what)
{
	fprintf(stderr, "fake_kernel: %s: %m\n", what);
	abort();
}

static bool below(const char *variable, int fd, char path[PATH_MAX])
{
	const char *root = getenv(variable);
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	if (!root || length < 0)
		return false;
	path[length] = '\0';
	length = strlen(root);
	return !strncmp(path, root, length) && path[length] == '/';
}

static int server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	static int fd = -1;

	if (fd >= 0)
		return fd;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 getenv("DSM_FAKE"));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (void *)&address, sizeof(address)))
		die("cannot reach the test");
	return fd;
}

/* Ask the test; gives the errno and copies what it answers to @out. */
static int ask(char type, const char *path, const void *head, size_t head_size,
	       const void *body, size_t body_size, void *out)
{
	size_t path_size = strlen(path) + 1;
	char message[MESSAGE_MAX];
	ssize_t length;
	int32_t error;
	char *p;

	p = message;
	*p++ = type;
	p = mempcpy(p, path, path_size);
	p = mempcpy(p, head, head_size);
	p = mempcpy(p, body, body_size);
	if (send(server(), message, p - message, 0) < 0)
		die("cannot send to the test");
	length = recv(server(), message, sizeof(message), 0);
	if (length < (ssize_t)sizeof(error))
		die("no answer from the test");
	memcpy(&error, message, sizeof(error));
	if (!error && out)
		memcpy(out, message + sizeof(error), body_size);
	return error;
}

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t (*real_write)(int fd, const void *data, size_t size);
	char path[PATH_MAX];
	int error;

	real_write = dlsym(RTLD_NEXT, "write");
	if (!below("DSM_SYSFS", fd, path))
		return real_write(fd, data, size);
	error = ask('W', path, NULL, 0, data, size, NULL);
	if (!error)
		return size;
	errno = error;
	return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real_ioctl)(int fd, unsigned long request, ...);
	uint32_t number = request;
	char path[PATH_MAX];
	void *argument;
	va_list args;
	int error;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);

	real_ioctl = dlsym(RTLD_NEXT, "ioctl");
	if (!below("DSM_DEV", fd, path))
		return real_ioctl(fd, request, argument);
	error = ask('I', path, &number, sizeof(number), argument,
		    _IOC_SIZE(number), argument);
	if (!error)
		return 0;
	errno = error;
	return -1;
}
