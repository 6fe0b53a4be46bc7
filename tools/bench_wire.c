// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: plain TCP, for requests to servers and as the yardstick
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* What one call sends or receives of a stream */
#define CHUNK		(128 << 10)

#define DIAL_SECONDS	20
#define DIAL_MS		100

static void set_options(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool wire_send(int fd, const void *data, size_t length)
{
	const char *at = data;
	ssize_t n;

	while (length) {
		n = send(fd, at, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		length -= n;
	}
	return true;
}

bool wire_receive(int fd, void *data, size_t length)
{
	char *at = data;
	ssize_t n;

	while (length) {
		n = recv(fd, at, length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		length -= n;
	}
	return true;
}

/* The address that a host's address in words, and a port, make */
static struct addrinfo *resolve(const char *host, uint16_t port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *address;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &address))
		die("%s is no address", host);
	return address;
}

int wire_listen(const char *host, uint16_t port)
{
	struct addrinfo *a = resolve(host, port);
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("cannot make a socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 64))
		die("cannot listen at %s, port %u: %m", host, port);
	freeaddrinfo(a);
	return fd;
}

static int dial_once(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Its server may be about to start. */
int wire_dial(const char *host, uint16_t port)
{
	struct addrinfo *address = resolve(host, port);
	int tries, fd = -1;

	for (tries = 0; tries < DIAL_SECONDS * 1000 / DIAL_MS; tries++) {
		fd = dial_once(address);
		if (fd >= 0)
			break;
		pause_ms(DIAL_MS);
	}
	freeaddrinfo(address);
	if (fd < 0)
		die("no server at %s, port %u: %m", host, port);
	set_options(fd);
	return fd;
}

/* The server's part of exchanges. */
bool wire_answer(int fd, size_t in, size_t out, uint64_t count)
{
	char question[LARGE], answer[LARGE];

	if (in > sizeof(question) || out > sizeof(answer))
		return false;
	set_options(fd);
	memset(answer, 1, out);
	while (count--) {
		if (!wire_receive(fd, question, in) ||
		    !wire_send(fd, answer, out))
			return false;
	}
	return true;
}

/* The client's part; the time of each exchange is added to the samples. */
bool wire_ask(int fd, size_t out, size_t in, uint64_t count, struct samples *s)
{
	char question[LARGE], answer[LARGE];
	uint64_t begun;

	memset(question, 1, out);
	while (count--) {
		begun = now_ns();
		if (!wire_send(fd, question, out) ||
		    !wire_receive(fd, answer, in))
			return false;
		if (s)
			samples_add(s, now_ns() - begun);
	}
	return true;
}

static bool stream(int fd, uint64_t bytes,
		   bool (*transfer)(int fd, char *data, size_t length))
{
	char *data = calloc(1, CHUNK);
	bool good = data;
	size_t length;

	while (good && bytes) {
		length = bytes < CHUNK ? bytes : CHUNK;
		good = transfer(fd, data, length);
		bytes -= length;
	}
	free(data);
	return good;
}

static bool send_chunk(int fd, char *data, size_t length)
{
	return wire_send(fd, data, length);
}

static bool receive_chunk(int fd, char *data, size_t length)
{
	return wire_receive(fd, data, length);
}

/* One stream of bytes, as large as may be at a time */
bool wire_pour(int fd, uint64_t bytes)
{
	return stream(fd, bytes, send_chunk);
}

bool wire_drain(int fd, uint64_t bytes)
{
	return stream(fd, bytes, receive_chunk);
}
