// SPDX-License-Identifier: GPL-2.0-only
/* Time, chance, and a heap of what happens next. */
#include <stdlib.h>

#include "sim.h"

u64 world_now;

static u64 state;
static u64 serial;
static struct world_event *heap;
static size_t used;
static size_t room;

void world_init(u64 seed)
{
	state = seed;
	serial = 0;
	used = 0;
	world_now = 1;
}

/* splitmix64, by S. Vigna */
static u64 draw(void)
{
	u64 z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* A number from 0 to below - 1; 0 if @below is 0. */
u64 world_random(u64 below)
{
	return below ? draw() % below : 0;
}

/* True once in @in times. */
bool world_chance(u32 in)
{
	return !world_random(in);
}

/* True with that many millionths of a chance; costs nothing if it is 0. */
bool world_fault(u32 millionths)
{
	return millionths && world_random(1000000) < millionths;
}

/* Of two events at the same time, the one that was added first comes first. */
static bool earlier(const struct world_event *a, const struct world_event *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void insert(const struct world_event *ev)
{
	size_t i = used++;

	if (used > room) {
		room = room ? 2 * room : 1024;
		heap = realloc(heap, room * sizeof(*heap));
		if (!heap)
			abort();
	}
	while (i && earlier(ev, &heap[(i - 1) / 2])) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = *ev;
}

void world_at(u64 at, struct world_event ev)
{
	ev.at = at;
	ev.serial = serial++;
	insert(&ev);
}

/*
 * Put off an event that was taken. It keeps its serial: what is put off to the
 * same time stays in the order that it had.
 */
void world_again(u64 at, const struct world_event *ev)
{
	struct world_event again = *ev;

	again.at = at;
	insert(&again);
}

/* Take the next event and set the clock to it. Return: false if none is left */
bool world_next(struct world_event *ev)
{
	struct world_event last;
	size_t i = 0;

	if (!used)
		return false;
	*ev = heap[0];
	world_now = ev->at;

	last = heap[--used];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= used)
			break;
		if (child + 1 < used &&
		    earlier(&heap[child + 1], &heap[child]))
			child++;
		if (!earlier(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return true;
}

bool world_pending(void)
{
	return used;
}

void world_exit(void)
{
	free(heap);
	heap = NULL;
	room = 0;
}
