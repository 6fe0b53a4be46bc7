/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dsmctl: what its files share
 */
#ifndef _DSMCTL_H
#define _DSMCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "libdsm.h"

/* Bytes that hold what format_size() or format_ns() writes. */
#define FORMAT_MAX	32

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
};

/**
 * struct command - a word that can follow dsmctl
 * @name:	the word
 * @synopsis:	what follows it
 * @help:	what it does, in full lines
 * @run:	does it; @instance is NULL if none was named. Gets an &enum
 *		exit_code.
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *help;
	int (*run)(const char *instance, int argc, char **argv);
};

/* Say what went wrong. */
#define complain(fmt, ...)						\
	(fflush(stdout), fprintf(stderr, "dsmctl: " fmt "\n", ##__VA_ARGS__))

/* The same; the result is the exit code. */
#define failure(fmt, ...)						\
	(complain(fmt, ##__VA_ARGS__), EXIT_FAIL)

/* The same, and how the command is to be called. */
#define usage_error(fmt, ...)						\
	(complain(fmt, ##__VA_ARGS__), bad_usage())

/* dsmctl.c */
int bad_usage(void);

/* list.c */
int list_instances(char ***names);
int list_stats(const char *instance, char ***names);
int list_nodes(const char *instance, char ***ids);
void list_free(char **names);

/* units.c */
bool parse_number(const char *text, __u64 max, __u64 *value);
bool parse_hex(const char *text, __u64 *value);
bool parse_size(const char *text, __u64 *value);
bool parse_seconds(const char *text, double max, double *value);
const char *format_size(char *buf, size_t size, __u64 bytes);
const char *format_ns(char *buf, size_t size, __u64 ns);

/* up.c */
extern const struct command command_up;
extern const struct command command_down;

/* show.c */
extern const struct command command_show;

/* page.c */
extern const struct command command_page;

/* ping.c */
extern const struct command command_ping;

#endif /* _DSMCTL_H */
