// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which cells of the legality table a program reaches, for scripts/coverage:
 * linked with --wrap=dsm_table_legal, it adds to the file that DSM_TRANSITIONS
 * names a line for each: the states, the input, and how often.
 */
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

static unsigned long count[DSM_CACHE_END][DSM_HOME_END][DSM_IN_END];

typeof(dsm_table_legal) __real_dsm_table_legal;
typeof(dsm_table_legal) __wrap_dsm_table_legal;

bool __wrap_dsm_table_legal(enum dsm_cache_state cache,
			    enum dsm_home_state home, enum dsm_input in)
{
	count[cache][home][in]++;
	return __real_dsm_table_legal(cache, home, in);
}

/* All cells, with what the table says of them. */
__attribute__((destructor)) static void write_counts(void)
{
	const char *name = getenv("DSM_TRANSITIONS");
	FILE *f = name ? fopen(name, "a") : NULL;
	unsigned int c, h, i;

	if (!f)
		return;
	for (c = 0; c < DSM_CACHE_END; c++)
		for (h = 0; h < DSM_HOME_END; h++)
			for (i = 0; i < DSM_IN_END; i++)
				fprintf(f, "%s %s %s %s %lu\n",
					dsm_input_name(i),
					dsm_cache_state_name(c),
					dsm_home_state_name(h),
					__real_dsm_table_legal(c, h, i) ?
					"legal" : "refused", count[c][h][i]);
	fclose(f);
}
