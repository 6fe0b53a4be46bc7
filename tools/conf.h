/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file of a cluster
 */
#ifndef _CONF_H
#define _CONF_H

#include <netinet/in.h>
#include <stddef.h>

/* The keys of [Cluster], in the order in which sysfs wants to have them. */
enum conf_key {
	CONF_NAME,
	CONF_BLOCK_SIZE,
	CONF_SIZE,
	CONF_BASE,
	CONF_FAULT_TIMEOUT_MS,
	CONF_HOLD_US,
	CONF_AHEAD_PAGES,
	CONF_REST_MS,
	CONF_KEYS
};

/* "[V6]:PORT" with its terminating null */
#define CONF_ADDRESS_MAX	(INET6_ADDRSTRLEN + 8)

/* One value of [Cluster] with its terminating null */
#define CONF_VALUE_MAX		64

/**
 * struct conf_node - one section [Node]
 * @id:		-1 until the key Id is read
 * @address:	"ADDR:PORT" or "[V6]:PORT" in normal form; "" until the key
 *		Address is read
 * @family:	AF_INET or AF_INET6
 * @in:		the address without the port, of @family
 * @in6:	the same
 * @line:	where the section begins
 */
struct conf_node {
	int id;
	char address[CONF_ADDRESS_MAX];
	int family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	};
	unsigned int line;
};

/**
 * struct conf - a configuration file
 * @path:	its name, as given
 * @value:	what [Cluster] says, or the default, as sysfs takes it
 * @nodes:	every [Node]
 * @count:	how many there are
 */
struct conf {
	const char *path;
	char value[CONF_KEYS][CONF_VALUE_MAX];
	struct conf_node *nodes;
	size_t count;
};

int conf_read(struct conf *conf, const char *path);
void conf_free(struct conf *conf);
const char *conf_attr(enum conf_key key);
const struct conf_node *conf_find_id(const struct conf *conf, int id);
const struct conf_node *conf_find_local(const struct conf *conf);

#endif /* _CONF_H */
