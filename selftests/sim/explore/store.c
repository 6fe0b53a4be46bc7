// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worlds found so far: all their bytes, so that no two are ever mixed up.
 * Numbers are in the order in which they were found, so they are a queue too.
 */
#include <stdlib.h>

#include "explore.h"

/* A record is a byte that says how long it is, and the bytes, rounded up. */
#define ALIGN		4

/**
 * struct entry - one of the hash table
 * @nr:		a number, or %STORE_NONE
 * @tag:	more bits of the hash, to compare before the bytes
 */
struct entry {
	u32 nr;
	u32 tag;
};

static u8 *bytes;
static u64 bytes_used;
static u64 bytes_room;
static u32 *places;		/* by number, in units of ALIGN */
static u32 nr;
static u64 nr_room;
static struct entry *table;	/* by hash */
static u64 table_room;

static void *grow(void *p, u64 size)
{
	p = realloc(p, size);
	if (!p)
		explore_fail("no memory for more than %u states", nr);
	return p;
}

u32 store_nr(void)
{
	return nr;
}

u64 store_bytes(void)
{
	return bytes_room + nr_room * sizeof(*places) +
	       table_room * sizeof(*table);
}

const u8 *store_get(u32 n, u32 *len)
{
	const u8 *record = bytes + (u64)places[n] * ALIGN;

	*len = record[0];
	return record + 1;
}

/* The mixing steps are those of splitmix64, by S. Vigna. */
static u64 hash(const u8 *p, u32 len)
{
	u64 h = len;

	while (len) {
		u32 n = len < sizeof(u64) ? len : sizeof(u64);
		u64 word = 0;

		memcpy(&word, p, n);
		h = (h ^ word) * 0xbf58476d1ce4e5b9;
		h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
		h ^= h >> 31;
		p += n;
		len -= n;
	}
	return h;
}

static bool is_same(u32 n, const u8 *p, u32 len)
{
	u32 other_len;
	const u8 *other = store_get(n, &other_len);

	return other_len == len && !memcmp(other, p, len);
}

/* Return: the entry of these bytes, or the free one that is theirs. */
static struct entry *find(const u8 *p, u32 len)
{
	u64 h = hash(p, len);
	u64 i = h & (table_room - 1);
	u32 tag = h >> 32;

	while (table[i].nr != STORE_NONE &&
	       (table[i].tag != tag || !is_same(table[i].nr, p, len)))
		i = (i + 1) & (table_room - 1);
	table[i].tag = tag;
	return &table[i];
}

static void grow_table(void)
{
	const u8 *record;
	u32 i, len;

	table_room = table_room ? 2 * table_room : 1 << 16;
	free(table);
	table = grow(NULL, table_room * sizeof(*table));
	memset(table, 0xff, table_room * sizeof(*table));
	for (i = 0; i < nr; i++) {
		record = store_get(i, &len);
		find(record, len)->nr = i;
	}
}

static void append(const struct pack *p)
{
	u64 size = (1 + p->len + ALIGN - 1) / ALIGN * ALIGN;

	if (nr == nr_room) {
		nr_room += nr_room / 2 + (1 << 16);
		places = grow(places, nr_room * sizeof(*places));
	}
	if (bytes_used + size > bytes_room) {
		bytes_room += bytes_room / 2 + (1 << 20);
		bytes = grow(bytes, bytes_room);
	}
	places[nr++] = bytes_used / ALIGN;
	bytes[bytes_used] = p->len;
	memcpy(bytes + bytes_used + 1, p->bytes, p->len);
	bytes_used += size;
}

/* Return: its number, which is new if it was not known. */
u32 store_add(const struct pack *p)
{
	struct entry *entry;

	if (table_room < 2 * ((u64)nr + 1))
		grow_table();
	entry = find(p->bytes, p->len);
	if (entry->nr == STORE_NONE) {
		entry->nr = nr;
		append(p);
	}
	return entry->nr;
}
