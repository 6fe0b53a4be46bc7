// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration file of a cluster, read strictly: what is not understood
 * is refused, with the line it stands on
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "dsmctl.h"

#define CLUSTER_NAME_MAX	63
#define HOLD_US_MAX		1000000
#define AHEAD_PAGES_MAX	512
#define REST_MS_MAX	60000
#define PORT_MAX		65535

enum section {
	SECTION_NONE,
	SECTION_CLUSTER,
	SECTION_NODE,
};

struct parser {
	struct conf *conf;
	enum section section;
	unsigned int line;
	unsigned int cluster_line;	/* of [Cluster]; 0 if there is none */
};

/*
 * Each of these turns the text of a value into what sysfs takes. It gives NULL
 * or the rest of the sentence "'TEXT' ...".
 */

static const char *name_value(const char *text, char *out)
{
	size_t length = strlen(text);

	if (length > CLUSTER_NAME_MAX)
		return "is longer than 63 characters";
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return "has characters other than A-Z a-z 0-9 . _ -";
	memcpy(out, text, length + 1);
	return NULL;
}

static const char *size_value(const char *text, char *out)
{
	__u64 size;

	if (!parse_size(text, &size) || !size)
		return "is not a size such as 65536, 64M or 1G";
	snprintf(out, CONF_VALUE_MAX, "%llu", size);
	return NULL;
}

static const char *block_size_value(const char *text, char *out)
{
	__u64 size;

	if (!parse_size(text, &size) || !size || (size & (size - 1)))
		return "is not a power of two such as 4096 or 4K";
	snprintf(out, CONF_VALUE_MAX, "%llu", size);
	return NULL;
}

static const char *base_value(const char *text, char *out)
{
	__u64 base;

	if (!parse_hex(text, &base))
		return "is not an address such as 0x300000000000";
	if (base % sysconf(_SC_PAGESIZE))
		return "is not the address of a page";
	snprintf(out, CONF_VALUE_MAX, "0x%llx", base);
	return NULL;
}

static const char *timeout_value(const char *text, char *out)
{
	__u64 ms;

	if (!parse_number(text, UINT_MAX, &ms))
		return "is not a number of milliseconds";
	snprintf(out, CONF_VALUE_MAX, "%llu", ms);
	return NULL;
}

static const char *hold_value(const char *text, char *out)
{
	__u64 us;

	if (!strcmp(text, "auto")) {
		strcpy(out, text);
		return NULL;
	}
	if (!parse_number(text, HOLD_US_MAX, &us))
		return "is not auto, nor 0 to 1000000 microseconds";
	snprintf(out, CONF_VALUE_MAX, "%llu", us);
	return NULL;
}

static const char *ahead_value(const char *text, char *out)
{
	__u64 pages;

	if (!parse_number(text, AHEAD_PAGES_MAX, &pages))
		return "is not a number of pages from 0 to 512";
	snprintf(out, CONF_VALUE_MAX, "%llu", pages);
	return NULL;
}

static const char *rest_value(const char *text, char *out)
{
	__u64 ms;

	if (!parse_number(text, REST_MS_MAX, &ms))
		return "is not a number of milliseconds from 0 to 60000";
	snprintf(out, CONF_VALUE_MAX, "%llu", ms);
	return NULL;
}

/*
 * The defaults are the module's own. They are written out, so that what a node
 * does depends on the file alone and not on what was set before.
 */
static const struct {
	const char *name;
	const char *attr;
	const char *fallback;	/* NULL: none, "": the page size */
	const char *(*value)(const char *text, char *out);
} keys[CONF_KEYS] = {
	[CONF_NAME] = {
		"Name", "cluster", NULL, name_value },
	[CONF_BLOCK_SIZE] = {
		"BlockSize", "block_size", "", block_size_value },
	[CONF_SIZE] = {
		"Size", "size", NULL, size_value },
	[CONF_BASE] = {
		"Base", "base", "0x300000000000", base_value },
	[CONF_FAULT_TIMEOUT_MS] = {
		"FaultTimeoutMs", "fault_timeout_ms", "30000", timeout_value },
	[CONF_HOLD_US] = {
		"HoldUs", "hold_us", "auto", hold_value },
	[CONF_AHEAD_PAGES] = {
		"AheadPages", "ahead_pages", "64", ahead_value },
	[CONF_REST_MS] = {
		"RestMs", "rest_ms", "1000", rest_value },
};

#define bad_line(p, line, fmt, ...) \
	failure("%s:%u: " fmt, (p)->conf->path, line, ##__VA_ARGS__)

/* The name of the sysfs attribute that takes the value of a key. */
const char *conf_attr(enum conf_key key)
{
	return keys[key].attr;
}

static int cluster_line(struct parser *p, const char *key, const char *text)
{
	const char *complaint;
	char *value;
	size_t i = 0;

	while (i < CONF_KEYS && strcmp(key, keys[i].name))
		i++;
	if (i == CONF_KEYS)
		return bad_line(p, p->line, "[Cluster] has no key '%s'", key);
	value = p->conf->value[i];
	if (*value)
		return bad_line(p, p->line, "%s is given twice", key);
	complaint = keys[i].value(text, value);
	if (complaint)
		return bad_line(p, p->line, "%s: '%s' %s", key, text,
				complaint);
	return EXIT_OK;
}

static int node_id(struct parser *p, struct conf_node *node, const char *text)
{
	__u64 id;

	if (node->id >= 0)
		return bad_line(p, p->line, "Id is given twice");
	if (!parse_number(text, DSM_NODES_MAX - 1, &id))
		return bad_line(p, p->line,
				"Id: '%s' is not a number from 0 to %d", text,
				DSM_NODES_MAX - 1);
	if (conf_find_id(p->conf, id))
		return bad_line(p, p->line,
				"Id: another [Node] has %llu too", id);
	node->id = id;
	return EXIT_OK;
}

/* Take "ADDR:PORT" or "[V6]:PORT" apart; false if it is neither. */
static bool parse_address(const char *text, struct conf_node *node)
{
	char normal[INET6_ADDRSTRLEN];
	char copy[CONF_ADDRESS_MAX];
	__u64 port;
	char *colon;
	bool v6;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	colon = strrchr(copy, ':');
	if (!colon || !parse_number(colon + 1, PORT_MAX, &port) || !port)
		return false;

	v6 = *copy == '[' && colon[-1] == ']';
	colon[v6 ? -1 : 0] = '\0';
	node->family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(node->family, copy + v6, &node->in6) != 1)
		return false;
	inet_ntop(node->family, &node->in6, normal, sizeof(normal));
	snprintf(node->address, sizeof(node->address),
		 v6 ? "[%s]:%llu" : "%s:%llu", normal, port);
	return true;
}

static bool is_wildcard(const struct conf_node *node)
{
	if (node->family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&node->in6);
	return node->in.s_addr == htonl(INADDR_ANY);
}

static int node_address(struct parser *p, struct conf_node *node,
			const char *text)
{
	struct conf_node parsed = *node;

	if (*node->address)
		return bad_line(p, p->line, "Address is given twice");
	if (!parse_address(text, &parsed))
		return bad_line(p, p->line,
				"Address: '%s' is not like 10.0.0.10:7424 or [fd00::10]:7424",
				text);
	if (is_wildcard(&parsed))
		return bad_line(p, p->line,
				"Address: the others cannot connect to '%s'",
				text);
	for (size_t i = 0; i < p->conf->count; i++)
		if (!strcmp(p->conf->nodes[i].address, parsed.address))
			return bad_line(p, p->line,
					"Address: another [Node] has %s too",
					parsed.address);
	*node = parsed;
	return EXIT_OK;
}

static int node_line(struct parser *p, const char *key, const char *text)
{
	struct conf_node *node = &p->conf->nodes[p->conf->count - 1];

	if (!strcmp(key, "Id"))
		return node_id(p, node, text);
	if (!strcmp(key, "Address"))
		return node_address(p, node, text);
	return bad_line(p, p->line, "[Node] has no key '%s'", key);
}

static int begin_node(struct parser *p)
{
	struct conf *conf = p->conf;
	struct conf_node *nodes;

	nodes = reallocarray(conf->nodes, conf->count + 1, sizeof(*nodes));
	if (!nodes)
		return failure("out of memory");
	conf->nodes = nodes;
	nodes[conf->count++] = (struct conf_node){ .id = -1, .line = p->line };
	p->section = SECTION_NODE;
	return EXIT_OK;
}

static int begin_section(struct parser *p, const char *text)
{
	if (!strcmp(text, "[Node]"))
		return begin_node(p);
	if (strcmp(text, "[Cluster]"))
		return bad_line(p, p->line, "there is no section '%s'", text);
	if (p->cluster_line)
		return bad_line(p, p->line,
				"[Cluster] is given twice, first on line %u",
				p->cluster_line);
	p->cluster_line = p->line;
	p->section = SECTION_CLUSTER;
	return EXIT_OK;
}

/* Without the blanks on both sides, and without the comment. */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

static int parse_line(struct parser *p, char *text)
{
	char *value;
	char *key;

	text[strcspn(text, "#")] = '\0';
	text = trim(text);
	if (!*text)
		return EXIT_OK;
	if (*text == '[')
		return begin_section(p, text);

	value = strchr(text, '=');
	if (!value)
		return bad_line(p, p->line,
				"'%s' is neither [SECTION] nor KEY = VALUE",
				text);
	*value++ = '\0';
	key = trim(text);
	value = trim(value);
	if (!*value)
		return bad_line(p, p->line, "%s has no value", key);
	switch (p->section) {
	case SECTION_CLUSTER:
		return cluster_line(p, key, value);
	case SECTION_NODE:
		return node_line(p, key, value);
	default:
		return bad_line(p, p->line,
				"%s stands before the first section", key);
	}
}

static int parse_lines(struct parser *p, FILE *file)
{
	int error = EXIT_OK;
	char *text = NULL;
	size_t size = 0;
	ssize_t length;

	while (!error && (length = getline(&text, &size, file)) >= 0) {
		p->line++;
		if (strlen(text) != (size_t)length)
			error = bad_line(p, p->line, "this is not text");
		else
			error = parse_line(p, text);
	}
	free(text);
	if (!error && ferror(file))
		return failure("cannot read %s: %s", p->conf->path,
			       strerror(errno));
	return error;
}

static int complete_cluster(struct parser *p)
{
	struct conf *conf = p->conf;
	__u64 block_size;
	__u64 size;

	if (!p->cluster_line)
		return failure("%s: there is no section [Cluster]", conf->path);
	for (size_t i = 0; i < CONF_KEYS; i++) {
		char *value = conf->value[i];

		if (*value)
			continue;
		if (!keys[i].fallback)
			return bad_line(p, p->cluster_line,
					"[Cluster] lacks the key %s",
					keys[i].name);
		if (*keys[i].fallback)
			snprintf(value, CONF_VALUE_MAX, "%s", keys[i].fallback);
		else
			snprintf(value, CONF_VALUE_MAX, "%ld",
				 sysconf(_SC_PAGESIZE));
	}
	parse_size(conf->value[CONF_SIZE], &size);
	parse_size(conf->value[CONF_BLOCK_SIZE], &block_size);
	if (size % block_size)
		return bad_line(p, p->cluster_line,
				"Size is not a multiple of %s, the block size",
				conf->value[CONF_BLOCK_SIZE]);
	return EXIT_OK;
}

static int complete_nodes(struct parser *p)
{
	const struct conf *conf = p->conf;

	if (!conf->count)
		return failure("%s: there is no section [Node]", conf->path);
	for (size_t i = 0; i < conf->count; i++) {
		const struct conf_node *node = &conf->nodes[i];

		if (node->id < 0)
			return bad_line(p, node->line,
					"[Node] lacks the key Id");
		if (!*node->address)
			return bad_line(p, node->line,
					"[Node] lacks the key Address");
	}
	return EXIT_OK;
}

/* Read a file. Call conf_free() afterwards, whatever the result. */
int conf_read(struct conf *conf, const char *path)
{
	struct parser p = { .conf = conf };
	FILE *file;
	int error;

	*conf = (struct conf){ .path = path };
	file = fopen(path, "re");
	if (!file)
		return failure("cannot open %s: %s", path, strerror(errno));
	error = parse_lines(&p, file);
	fclose(file);
	if (!error)
		error = complete_cluster(&p);
	if (!error)
		error = complete_nodes(&p);
	return error;
}

void conf_free(struct conf *conf)
{
	free(conf->nodes);
}

/* The node with this id, or NULL. */
const struct conf_node *conf_find_id(const struct conf *conf, int id)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->nodes[i].id == id)
			return &conf->nodes[i];
	return NULL;
}

static bool has_address(const struct conf_node *node,
			const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;

	if (!address || address->sa_family != node->family)
		return false;
	if (node->family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&node->in6, &in6->sin6_addr);
	return node->in.s_addr == in->sin_addr.s_addr;
}

static bool is_local(const struct conf_node *node, struct ifaddrs *list)
{
	for (; list; list = list->ifa_next)
		if (has_address(node, list->ifa_addr))
			return true;
	return false;
}

/* The one node that has an address of this machine, or NULL and a message. */
const struct conf_node *conf_find_local(const struct conf *conf)
{
	const struct conf_node *found = NULL;
	struct ifaddrs *list;

	if (getifaddrs(&list)) {
		complain("cannot list the addresses of this machine: %s",
			 strerror(errno));
		return NULL;
	}
	for (size_t i = 0; i < conf->count; i++) {
		const struct conf_node *node = &conf->nodes[i];

		if (!is_local(node, list))
			continue;
		if (found) {
			complain("%s: nodes %d and %d are both at this machine: choose with --node",
				 conf->path, found->id, node->id);
			found = NULL;
			goto out_free;
		}
		found = node;
	}
	if (!found)
		complain("%s: no [Node] is at this machine: choose with --node",
			 conf->path);
out_free:
	freeifaddrs(list);
	return found;
}
