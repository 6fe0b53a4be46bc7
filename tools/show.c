// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmctl show: instances and their nodes, for people or, with --json, for
 * programs
 */
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsmctl.h"
#include "json.h"

/* "nodes/ID/NAME" and "stats/NAME" with the terminating null */
#define ATTR_NAME_MAX	128

enum colour {
	COLOUR_RESET,
	COLOUR_INSTANCE,
	COLOUR_NODE,
	COLOUR_KEY,
};

static const char *colour(enum colour c)
{
	static const char *const codes[] = {
		[COLOUR_RESET] = "\033[0m",
		[COLOUR_INSTANCE] = "\033[32m\033[1m",
		[COLOUR_NODE] = "\033[33m\033[1m",
		[COLOUR_KEY] = "\033[1m",
	};
	const char *no_colour = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) || (no_colour && *no_colour))
		return "";
	return codes[c];
}

/*
 * A node can be removed while we look, and another version of the module can
 * have fewer files: what cannot be read is left out and is no failure.
 */
static bool get(const char *instance, const char *dir, const char *name,
		char value[DSM_ATTR_MAX])
{
	char attr[ATTR_NAME_MAX];

	snprintf(attr, sizeof(attr), "%s%s%s", dir, *dir ? "/" : "", name);
	return !dsm_attr_read(instance, attr, value, DSM_ATTR_MAX);
}

static bool get_number(const char *instance, const char *dir, const char *name,
		       __u64 *number)
{
	char value[DSM_ATTR_MAX];

	return get(instance, dir, name, value) &&
	       parse_number(value, ULLONG_MAX, number);
}

/* ------------------------------- for people ------------------------------- */

static void heading(enum colour c, const char *key, const char *value)
{
	printf("%s%s%s: %s%s%s\n", colour(c), key, colour(COLOUR_RESET),
	       colour(c), value, colour(COLOUR_RESET));
}

static void print_key(const char *key)
{
	printf("  %s%s%s: ", colour(COLOUR_KEY), key, colour(COLOUR_RESET));
}

#define print_line(key, fmt, ...) \
	(print_key(key), printf(fmt "\n", ##__VA_ARGS__))

static void show_text(const char *instance, const char *dir, const char *name,
		      const char *key)
{
	char value[DSM_ATTR_MAX];

	if (!get(instance, dir, name, value))
		return;
	/* A reason for refusal can hold what another machine sent. */
	for (char *c = value; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	print_line(key, "%s", value);
}

static void show_identity(const char *instance, size_t others)
{
	__u64 id;

	if (get_number(instance, "", "node_id", &id))
		print_line("node", "%llu of %zu", id, others + 1);
	else
		show_text(instance, "", "node_id", "node");
}

static void show_size(const char *instance, __u64 block_size)
{
	char base[DSM_ATTR_MAX];
	char region[FORMAT_MAX];
	char page[FORMAT_MAX];
	__u64 size;

	if (!get_number(instance, "", "size", &size) ||
	    !get(instance, "", "base", base))
		return;
	if (!size)
		print_line("size", "none");
	else
		print_line("size", "%s in pages of %s, at %s",
			   format_size(region, sizeof(region), size),
			   format_size(page, sizeof(page), block_size), base);
}

static void show_times(const char *instance)
{
	char text[FORMAT_MAX];
	__u64 timeout_ms;
	__u64 hold_us;

	if (get_number(instance, "", "fault_timeout_ms", &timeout_ms))
		print_line("fault timeout", "%s", !timeout_ms ? "never" :
			   format_ns(text, sizeof(text), timeout_ms * 1000000));
	if (get_number(instance, "", "hold_now_us", &hold_us))
		print_line("hold time", "%s", !hold_us ? "none" :
			   format_ns(text, sizeof(text), hold_us * 1000));
}

/*
 * "3 received, 4 sent": pairs of a counter and a word follow @key, up to NULL.
 * @bytes is what each unit stands for, or 0.
 */
static void show_counters(const char *instance, const char *dir, __u64 bytes,
			  const char *key, ...)
{
	const char *comma = "";
	char size[FORMAT_MAX];
	const char *name;
	va_list args;

	print_key(key);
	va_start(args, key);
	while ((name = va_arg(args, const char *))) {
		const char *word = va_arg(args, const char *);
		__u64 number;

		if (!get_number(instance, dir, name, &number))
			continue;
		printf("%s%llu %s", comma, number, word);
		if (bytes && number)
			printf(" (%s)", format_size(size, sizeof(size),
						    number * bytes));
		comma = ", ";
	}
	va_end(args);
	printf("\n");
}

static void show_pages(const char *instance, __u64 block_size)
{
	show_counters(instance, "stats", block_size, "pages here",
		      "resident_pages", "resident",
		      "owned_pages", "owned",
		      "home_pages", "at home", NULL);
}

static void show_faults(const char *instance)
{
	show_counters(instance, "stats", 0, "faults",
		      "read_faults", "read",
		      "write_faults", "write",
		      "upgrades", "upgrades",
		      "faults_local", "without a message", NULL);
	show_counters(instance, "stats", 0, "invalidations",
		      "invalidations_in", "received",
		      "invalidations_out", "sent", NULL);
}

/* Of the instance, or of one node. */
static void show_transfer(const char *instance, const char *dir,
			  __u64 block_size)
{
	show_counters(instance, dir, block_size, "pages",
		      "pages_in", "received",
		      "pages_out", "sent", NULL);
	show_counters(instance, dir, 0, "messages",
		      "messages_in", "received",
		      "messages_out", "sent", NULL);
}

/* Counters that stay 0 as long as all is well. */
static void show_trouble(const char *instance)
{
	__u64 rejected;
	__u64 failed;

	if (!get_number(instance, "stats", "faults_failed", &failed) ||
	    !get_number(instance, "stats", "rejected_messages", &rejected))
		return;
	if (failed || rejected)
		print_line("trouble",
			   "%llu faults failed, %llu messages rejected",
			   failed, rejected);
}

static void show_node(const char *instance, const char *id, __u64 block_size)
{
	char dir[FORMAT_MAX];
	char rtt[FORMAT_MAX];
	__u64 rtt_us;

	snprintf(dir, sizeof(dir), "nodes/%s", id);
	printf("\n");
	heading(COLOUR_NODE, "node", id);
	show_text(instance, dir, "address", "address");
	show_text(instance, dir, "state", "state");
	if (get_number(instance, dir, "rtt_us", &rtt_us) && rtt_us)
		print_line("round trip", "%s",
			   format_ns(rtt, sizeof(rtt), rtt_us * 1000));
	show_transfer(instance, dir, block_size);
}

static void show_instance(const char *instance, char **ids)
{
	__u64 block_size = 0;
	size_t others = 0;

	while (ids[others])
		others++;
	get_number(instance, "", "block_size", &block_size);
	heading(COLOUR_INSTANCE, "instance", instance);
	show_text(instance, "", "state", "state");
	show_text(instance, "", "cluster", "cluster");
	show_identity(instance, others);
	show_text(instance, "", "listen", "listening on");
	show_size(instance, block_size);
	show_times(instance);
	show_pages(instance, block_size);
	show_faults(instance);
	show_transfer(instance, "stats", block_size);
	show_trouble(instance);
	for (size_t i = 0; i < others; i++)
		show_node(instance, ids[i], block_size);
}

/* ------------------------------ for programs ------------------------------ */

/* null stands for what is not set or cannot be read. */
static void json_attr(const char *instance, const char *dir, const char *name,
		      bool number)
{
	char value[DSM_ATTR_MAX];
	__u64 n;

	json_key(name);
	if (!get(instance, dir, name, value) || !strcmp(value, "none"))
		json_null();
	else if (!number)
		json_string(value);
	else if (parse_number(value, ULLONG_MAX, &n))
		json_number(n);
	else
		json_null();
}

static void json_node(const char *instance, const char *id)
{
	static const char *const numbers[] = {
		"rtt_us", "pages_in", "pages_out", "messages_in",
		"messages_out",
	};
	char dir[FORMAT_MAX];

	snprintf(dir, sizeof(dir), "nodes/%s", id);
	json_open('{');
	json_key("id");
	json_number(strtoull(id, NULL, 10));
	json_attr(instance, dir, "address", false);
	json_attr(instance, dir, "state", false);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_attr(instance, dir, numbers[i], true);
	json_close('}');
}

static void json_instance(const char *instance, char **ids, char **stats)
{
	static const struct {
		const char *name;
		bool number;
	} attrs[] = {
		{ "state", false },
		{ "cluster", false },
		{ "node_id", true },
		{ "listen", false },
		{ "size", true },
		{ "block_size", true },
		{ "base", false },
		{ "fault_timeout_ms", true },
		{ "hold_us", false },
		{ "hold_now_us", true },
		{ "ahead_pages", true },
		{ "rest_ms", true },
	};

	json_open('{');
	json_key("name");
	json_string(instance);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		json_attr(instance, "", attrs[i].name, attrs[i].number);
	json_key("stats");
	json_open('{');
	for (size_t i = 0; stats[i]; i++)
		json_attr(instance, "stats", stats[i], true);
	json_close('}');
	json_key("nodes");
	json_open('[');
	for (size_t i = 0; ids[i]; i++)
		json_node(instance, ids[i]);
	json_close(']');
	json_close('}');
}

/* ---------------------------------- both ---------------------------------- */

static int show_one(const char *instance, bool json)
{
	char **stats;
	char **ids;
	int error;

	error = list_nodes(instance, &ids);
	if (error)
		return error;
	error = list_stats(instance, &stats);
	if (error)
		goto out_ids;

	if (json)
		json_instance(instance, ids, stats);
	else
		show_instance(instance, ids);
	list_free(stats);
out_ids:
	list_free(ids);
	return error;
}

static int show_all(const char *only, bool json)
{
	char *one[2] = { (char *)only };
	char **names = one;
	int error = EXIT_OK;

	if (!only && list_instances(&names))
		return EXIT_FAIL;
	if (json) {
		json_open('{');
		json_key("instances");
		json_open('[');
	}
	for (size_t i = 0; names[i]; i++) {
		if (i && !json)
			printf("\n");
		error |= show_one(names[i], json);
	}
	if (json) {
		json_close(']');
		json_close('}');
	}
	if (!only)
		list_free(names);
	return error;
}

static int run_show(const char *instance, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "j", options, NULL)) >= 0) {
		if (option != 'j')
			return bad_usage();
		json = true;
	}
	if (argc != optind)
		return usage_error("nothing but options follows the command");
	return show_all(instance, json);
}

const struct command command_show = {
	.name = "show",
	.synopsis = "[--json]",
	.help =
	"Shows the settings, the counters and the nodes of the instance, or of all\n"
	"instances if none is named.\n"
	"\n"
	"  -j, --json   for programs; the names are those in sysfs, and null is\n"
	"               what is not set\n",
	.run = run_show,
};
