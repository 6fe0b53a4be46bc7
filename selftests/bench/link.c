// SPDX-License-Identifier: GPL-2.0-only
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

#define CONNECT_TRIES	1500
#define CONNECT_US	20000	/* from one try to the next */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct addrinfo *resolve(const char *host, const char *port, int flags)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags,
	};
	struct addrinfo *found;
	int error = getaddrinfo(host, port, &hints, &found);

	if (error) {
		fprintf(stderr, "%s: %s\n", host ? host : port,
			gai_strerror(error));
		exit(1);
	}
	return found;
}

static int with_nodelay(int link)
{
	static const int on = 1;

	if (setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail("TCP_NODELAY");
	return link;
}

int link_accept(const char *port)
{
	struct addrinfo *at = resolve(NULL, port, AI_PASSIVE);
	static const int on = 1;
	int listener, link;

	listener = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, at->ai_addr, at->ai_addrlen) || listen(listener, 1))
		fail(port);
	link = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (link < 0)
		fail("accept");
	close(listener);
	freeaddrinfo(at);
	return with_nodelay(link);
}

int link_connect(const char *host, const char *port)
{
	struct addrinfo *to = resolve(host, port, 0);
	int link, tries;

	for (tries = 0; tries < CONNECT_TRIES; tries++) {
		link = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, 0);
		if (link < 0)
			fail("socket");
		if (!connect(link, to->ai_addr, to->ai_addrlen)) {
			freeaddrinfo(to);
			return with_nodelay(link);
		}
		/* The other may not listen yet. */
		close(link);
		usleep(CONNECT_US);
	}
	fail(host);
	return -1;
}

void link_send(int link, const void *data, size_t size)
{
	const char *from = data;
	ssize_t sent;

	for (; size; from += sent, size -= sent) {
		sent = send(link, from, size, MSG_NOSIGNAL);
		if (sent < 0)
			fail("send");
	}
}

void link_receive(int link, void *data, size_t size)
{
	ssize_t got = recv(link, data, size, MSG_WAITALL);

	if (got != (ssize_t)size) {
		fprintf(stderr, "the other program is gone\n");
		exit(1);
	}
}

void link_meet(int link)
{
	char here = 0;

	link_send(link, &here, 1);
	link_receive(link, &here, 1);
}
