// SPDX-License-Identifier: GPL-2.0-only
/* What goes wrong: how it is said, how often it strikes, and for how long. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define MILLION		1000000

/* How long each lasts, at most, in microseconds. */
#define STALL_US	50000
#define CUT_US		100000
#define PAUSE_US	50000

/* A delay is doubled with one chance in two, so many times at most. */
#define DOUBLINGS	10

/* A message can be caught by more than one broken connection. */
#define CUTS		3

static const struct {
	const char *name;
	struct sim_faults faults;
} presets[] = {
	{ "some", { .delay = 10000, .stall = 2000, .cut = 500, .pause = 200,
		    .pin = 10000 } },
	{ "many", { .delay = 100000, .stall = 10000, .cut = 5000,
		    .pause = 2000, .pin = 100000 } },
	{ }
};

static const char * const names[FAULT_KINDS] = {
	[FAULT_DELAY]	= "delay",
	[FAULT_STALL]	= "stall",
	[FAULT_CUT]	= "cut",
	[FAULT_PAUSE]	= "pause",
	[FAULT_LOSE]	= "lose",
	[FAULT_PIN]	= "pin",
};

static u64 struck[FAULT_KINDS];

static u32 *probability(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_DELAY:
		return &sim.faults.delay;
	case FAULT_STALL:
		return &sim.faults.stall;
	case FAULT_CUT:
		return &sim.faults.cut;
	case FAULT_PAUSE:
		return &sim.faults.pause;
	case FAULT_LOSE:
		return &sim.faults.lose;
	default:
		return &sim.faults.pin;
	}
}

static bool parse_preset(const char *word)
{
	u32 i;

	for (i = 0; presets[i].name; i++) {
		if (!strcmp(word, presets[i].name)) {
			sim.faults = presets[i].faults;
			return true;
		}
	}
	return false;
}

static bool parse_one(char *word)
{
	char *value = strchr(word, '=');
	char *end;
	double p;
	u32 i;

	if (!value)
		return parse_preset(word);
	*value++ = 0;
	p = strtod(value, &end);
	if (end == value || *end || !(p >= 0 && p <= 1))
		return false;
	for (i = 0; i < FAULT_KINDS; i++) {
		if (!strcmp(word, names[i])) {
			*probability(i) = p * MILLION + 0.5;
			return true;
		}
	}
	return false;
}

/* "delay=.01,cut=.001", or the name of a preset, or that and then changes */
bool faults_parse(const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	bool good = copy;

	while (good && (word = strsep(&rest, ",")))
		good = parse_one(word);
	free(copy);
	return good;
}

/* Whether it happens now. */
bool faults_strike(enum fault_kind kind)
{
	if (!world_fault(*probability(kind)))
		return false;
	struck[kind]++;
	return true;
}

/* How long it lasts this time. */
u64 faults_length(enum fault_kind kind)
{
	u64 us = 1 + sim.delay_us;
	u32 i;

	switch (kind) {
	case FAULT_DELAY:
		for (i = 0; i < DOUBLINGS && world_chance(2); i++)
			us *= 2;
		return us;
	case FAULT_STALL:
		return world_random(STALL_US);
	case FAULT_CUT:
		return world_random(CUT_US);
	case FAULT_PAUSE:
		return world_random(PAUSE_US);
	default:
		return 0;
	}
}

/*
 * What a message can take until it is looked at, but for bad luck. Before it a
 * node may have to do what all threads have asked for.
 */
u64 faults_longest_delay(void)
{
	const struct sim_faults *f = &sim.faults;
	u64 us = 1 + sim.wire_us + sim.delay_us +
		 4ULL * sim.work_us * sim.nodes * sim.threads;

	if (f->delay)
		us += (1 + sim.delay_us) << DOUBLINGS;
	if (f->stall)
		us += STALL_US;
	if (f->cut)
		us += CUTS * CUT_US;
	if (f->pause)
		us += PAUSE_US;
	return us;
}

void faults_report(void)
{
	u32 i;

	for (i = 0; i < FAULT_KINDS && !struck[i]; i++)
		;
	if (i == FAULT_KINDS)
		return;
	printf("# faults:");
	for (i = 0; i < FAULT_KINDS; i++)
		printf(" %s %llu", names[i], (unsigned long long)struck[i]);
	printf("\n");
}
