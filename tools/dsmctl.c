// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmctl: bring nodes of the distributed shared memory up and down, and look
 * at them
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dsmctl.h"

static const struct command *const commands[] = {
	&command_up,
	&command_down,
	&command_show,
	&command_page,
	&command_ping,
};

/* The one that runs, for messages; NULL until it is known. */
static const struct command *current;

static void print_synopsis(FILE *to, const char *lead,
			   const struct command *command)
{
	fprintf(to, "%sdsmctl [-i INSTANCE] %s%s%s\n", lead, command->name,
		*command->synopsis ? " " : "", command->synopsis);
}

static void print_usage(FILE *to)
{
	const char *lead = "usage: ";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		print_synopsis(to, lead, commands[i]);
		lead = "       ";
	}
	fprintf(to, "       dsmctl --help | --version\n");
}

static void print_help(void)
{
	print_usage(stdout);
	printf("\n"
	       "INSTANCE is the name of a device: dsm (the default), dsm1, dsm2 ...\n"
	       "'dsmctl COMMAND --help' says more about a command.\n");
}

/* Say how to call the command. The result is the exit code. */
int bad_usage(void)
{
	if (current)
		print_synopsis(stderr, "usage: ", current);
	else
		print_usage(stderr);
	return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run_command(const char *instance, int argc, char **argv)
{
	current = find_command(argv[0]);
	if (!current)
		return usage_error("no command is called '%s'", argv[0]);

	if (asks_for_help(argc, argv)) {
		print_synopsis(stdout, "usage: ", current);
		printf("\n%s", current->help);
		return EXIT_OK;
	}
	/* getopt() begins its messages with argv[0] and starts anew at 0. */
	argv[0] = "dsmctl";
	optind = 0;
	return current->run(instance, argc, argv);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "instance", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	const char *instance = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "+i:hV", options,
				     NULL)) >= 0) {
		switch (option) {
		case 'i':
			instance = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_OK;
		case 'V':
			printf("dsmctl %s\n", DSMCTL_VERSION);
			return EXIT_OK;
		default:
			return bad_usage();
		}
	}
	if (optind == argc)
		return usage_error("a command is missing");
	return run_command(instance, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	int code = run(argc, argv);

	if (fflush(stdout) || ferror(stdout))
		return failure("cannot write the output");
	return code;
}
