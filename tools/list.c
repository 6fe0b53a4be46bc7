// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of instances, nodes and counters, as sysfs lists them
 *
 * A list is sorted, with numbers in names by value, and ends with NULL.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dsmctl.h"

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int numeric(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return !name[strspn(name, "0123456789")];
}

static int list_dir(const char *path, int (*filter)(const struct dirent *),
		    char ***names)
{
	struct dirent **entries;
	int count;

	count = scandir(path, &entries, filter, versionsort);
	if (count < 0)
		return failure("cannot list %s: %s", path, strerror(errno));

	*names = calloc(count + 1, sizeof(**names));
	for (int i = 0; i < count; i++) {
		if (*names)
			(*names)[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return *names ? EXIT_OK : failure("out of memory");
}

/* Every instance of the module. */
int list_instances(char ***names)
{
	char path[PATH_MAX];

	if (dsm_attr_path(path, sizeof(path), NULL, ""))
		return failure("%s", dsm_error());
	/* The class directory is where the first instance is. */
	*strrchr(path, '/') = '\0';
	if (list_dir(path, visible, names))
		return failure("is the module dsm loaded?");
	return EXIT_OK;
}

static int list_part(const char *instance, const char *dir,
		     int (*filter)(const struct dirent *), char ***names)
{
	char path[PATH_MAX];

	if (dsm_attr_path(path, sizeof(path), instance, dir))
		return failure("%s", dsm_error());
	return list_dir(path, filter, names);
}

/* Every counter of an instance. */
int list_stats(const char *instance, char ***names)
{
	return list_part(instance, "stats", visible, names);
}

/* The ids of the other nodes. */
int list_nodes(const char *instance, char ***ids)
{
	return list_part(instance, "nodes", numeric, ids);
}

void list_free(char **names)
{
	for (size_t i = 0; names[i]; i++)
		free(names[i]);
	free(names);
}
