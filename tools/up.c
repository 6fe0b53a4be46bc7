// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmctl up, dsmctl down: configure an instance and start it, or stop it and
 * forget its nodes
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "dsmctl.h"

#define ADD_NODE_MAX	(CONF_ADDRESS_MAX + 16)

/* Write one value; what is wrong with it is said in one line. */
static int set(const char *instance, const char *attr, const char *value)
{
	if (!dsm_attr_write(instance, attr, value))
		return EXIT_OK;
	return failure("%s", dsm_error());
}

static int set_number(const char *instance, const char *attr, int number)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", number);
	return set(instance, attr, value);
}

/* The first access to an instance failed: say so, and what may be the cause. */
static int instance_failure(void)
{
	bool missing = errno == ENOENT;

	complain("%s", dsm_error());
	if (missing)
		complain("is the module dsm loaded, with enough instances?");
	return EXIT_FAIL;
}

/* Only an instance that is down can be configured. */
static int require_down(const char *instance)
{
	char state[DSM_ATTR_MAX];

	if (dsm_attr_read(instance, "state", state, sizeof(state)))
		return instance_failure();
	if (!strcmp(state, "down"))
		return EXIT_OK;
	return failure("%s is not down but %s: 'dsmctl down' comes first",
		       instance, state);
}

/* Forget every node, also those that somebody added by hand. */
static int remove_nodes(const char *instance)
{
	int error = EXIT_OK;
	char **ids;

	if (list_nodes(instance, &ids))
		return EXIT_FAIL;
	for (size_t i = 0; ids[i]; i++)
		error |= set(instance, "remove_node", ids[i]);
	list_free(ids);
	return error;
}

static int write_settings(const char *instance, const struct conf *conf,
			  const struct conf_node *self)
{
	if (set_number(instance, "node_id", self->id) ||
	    set(instance, "listen", self->address))
		return EXIT_FAIL;
	for (size_t key = 0; key < CONF_KEYS; key++)
		if (set(instance, conf_attr(key), conf->value[key]))
			return EXIT_FAIL;
	return EXIT_OK;
}

/* Tell all the others; @added counts how many succeeded. */
static int add_nodes(const char *instance, const struct conf *conf,
		     const struct conf_node *self, size_t *added)
{
	for (*added = 0; *added < conf->count; ++*added) {
		const struct conf_node *node = &conf->nodes[*added];
		char value[ADD_NODE_MAX];

		if (node == self)
			continue;
		snprintf(value, sizeof(value), "%d %s", node->id,
			 node->address);
		if (set(instance, "add_node", value))
			return EXIT_FAIL;
	}
	return EXIT_OK;
}

static void undo_add_nodes(const char *instance, const struct conf *conf,
			   const struct conf_node *self, size_t added)
{
	while (added--)
		if (&conf->nodes[added] != self)
			set_number(instance, "remove_node",
				   conf->nodes[added].id);
}

static int start(const char *instance)
{
	if (!set(instance, "state", "up"))
		return EXIT_OK;
	return failure("the kernel log may say more (dmesg)");
}

static int bring_up(const char *instance, const struct conf *conf,
		    const struct conf_node *self)
{
	size_t added = 0;
	int error;

	error = require_down(instance);
	if (error)
		return error;
	error = remove_nodes(instance);
	if (error)
		return error;
	error = write_settings(instance, conf, self);
	if (!error)
		error = add_nodes(instance, conf, self, &added);
	if (!error)
		error = start(instance);
	if (error)
		undo_add_nodes(instance, conf, self, added);
	return error;
}

static int up_file(const char *instance, const char *path, int id)
{
	const struct conf_node *self;
	struct conf conf;
	int error;

	error = conf_read(&conf, path);
	if (error)
		goto out_free;

	self = id < 0 ? conf_find_local(&conf) : conf_find_id(&conf, id);
	if (self)
		error = bring_up(instance, &conf, self);
	else if (id < 0)
		error = EXIT_FAIL;
	else
		error = failure("%s: there is no [Node] with Id %d", path, id);
out_free:
	conf_free(&conf);
	return error;
}

static int run_up(const char *instance, int argc, char **argv)
{
	static const struct option options[] = {
		{ "node", required_argument, NULL, 'n' },
		{ }
	};
	__u64 number;
	int option;
	int id = -1;

	while ((option = getopt_long(argc, argv, "n:", options, NULL)) >= 0) {
		if (option != 'n')
			return bad_usage();
		if (!parse_number(optarg, DSM_NODES_MAX - 1, &number))
			return usage_error("'%s' is not a node's id", optarg);
		id = number;
	}
	if (argc - optind != 1)
		return usage_error("give one configuration file");
	return up_file(instance ? instance : "dsm", argv[optind], id);
}

static int bring_down(const char *instance)
{
	if (!dsm_attr_write(instance, "state", "down"))
		return remove_nodes(instance);
	if (errno != EBUSY)
		return instance_failure();
	complain("%s", dsm_error());
	return failure("a program still uses /dev/%s", instance);
}

static int run_down(const char *instance, int argc, char **argv)
{
	static const struct option options[] = { { } };

	if (getopt_long(argc, argv, "", options, NULL) >= 0)
		return bad_usage();
	if (argc != optind)
		return usage_error("nothing follows the command");
	return bring_down(instance ? instance : "dsm");
}

const struct command command_up = {
	.name = "up",
	.synopsis = "CONF [--node ID]",
	.help =
	"Configures the instance as the file CONF says, and starts it. The same\n"
	"file serves every node: this one is the [Node] that has an address of\n"
	"this machine, or the one chosen with --node.\n"
	"\n"
	"  -n, --node ID   which [Node] of CONF this is\n"
	"\n"
	"An example of CONF, with the keys that may be left out at their defaults:\n"
	"  [Cluster]\n"
	"  Name = lab\n"
	"  Size = 1G\n"
	"  BlockSize = 4K            # the machine's page size\n"
	"  Base = 0x300000000000\n"
	"  FaultTimeoutMs = 30000    # 0: wait for ever\n"
	"  HoldUs = auto             # or microseconds\n"
	"  AheadPages = 64           # 0: never ask ahead\n"
	"  RestMs = 1000             # 0: never put pages to rest\n"
	"  [Node]\n"
	"  Id = 0\n"
	"  Address = 10.0.0.10:7424\n"
	"  [Node]\n"
	"  Id = 1\n"
	"  Address = 10.0.0.11:7424\n",
	.run = run_up,
};

const struct command command_down = {
	.name = "down",
	.synopsis = "",
	.help =
	"Stops the instance and removes the other nodes from its list. Nothing\n"
	"happens while a program still has the device open or mapped.\n",
	.run = run_down,
};
