// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: the memory of one node, and sets of its pages
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"

void memory_open(struct memory *m, const char *instance)
{
	m->instance = instance;
	m->fd = dsm_open(instance);
	if (m->fd < 0 || dsm_get_info(m->fd, &m->info))
		die("%s", dsm_error());
	m->map = dsm_map(m->fd, 0, 0, PROT_READ | PROT_WRITE);
	if (!m->map)
		die("%s", dsm_error());
}

/* One of those in the instance's directory stats */
uint64_t memory_counter(const struct memory *m, const char *name)
{
	char value[DSM_ATTR_MAX], attr[64];

	snprintf(attr, sizeof(attr), "stats/%s", name);
	if (dsm_attr_read(m->instance, attr, value, sizeof(value)))
		die("%s", dsm_error());
	return strtoull(value, NULL, 10);
}

/* One of several parts of equal size */
struct pages pages_part(const struct pages *set, uint32_t part, uint32_t parts)
{
	uint32_t runs = set->count / set->run / parts;

	return (struct pages) {
		.first = set->first + (uint64_t)part * runs * set->stride,
		.count = runs * set->run,
		.run = set->run,
		.stride = set->stride,
	};
}

/* Where the nth page begins, in bytes */
uint64_t pages_offset(const struct pages *set, uint32_t n)
{
	uint64_t page = set->first + (uint64_t)(n / set->run) * set->stride +
			n % set->run;

	return page * PAGE;
}

/*
 * The numbers below @count in an order that no read-ahead can follow, the same
 * each time. The caller frees it.
 */
uint32_t *pages_shuffle(uint32_t count)
{
	uint32_t *order = malloc(count * sizeof(*order));
	uint64_t random = 88172645463325252ULL;
	uint32_t i, j;

	if (!order)
		die("no memory for %u numbers", count);
	for (i = 0; i < count; i++) {
		/* xorshift64, G. Marsaglia 2003 */
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = random % (i + 1);
		order[i] = i;
		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

void page_touch(const struct memory *m, uint64_t offset, enum touch how)
{
	if (how == TOUCH_STORE)
		m->map[offset] = 1;
	else
		(void)m->map[offset];
}

/* In an order that nothing can follow, lest it bring pages not asked for. */
void pages_touch(const struct memory *m, const struct pages *set,
		 enum touch how)
{
	uint32_t *order = pages_shuffle(set->count);
	uint32_t i;

	for (i = 0; i < set->count; i++)
		page_touch(m, pages_offset(set, order[i]), how);
	free(order);
}

static const char *name_of(uint32_t state)
{
	switch (state) {
	case DSM_PAGE_NONE:
		return "none";
	case DSM_PAGE_READ_ONLY:
		return "read-only";
	case DSM_PAGE_READ_WRITE:
		return "read-write";
	}
	return "unknown";
}

/**
 * pages_are() - Whether all pages are as they should be at this node
 * @m:		its memory
 * @set:	which pages
 * @state:	of enum dsm_page_state
 * @owner:	who owns them, if this is their home, else %DSM_NODE_NONE
 * @text:	set to what is wrong with the first that is not
 */
bool pages_are(const struct memory *m, const struct pages *set, uint32_t state,
	       uint32_t owner, char text[TEXT_CHARS])
{
	struct dsm_page_info page;
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		if (dsm_get_page(m->fd, pages_offset(set, i), &page)) {
			snprintf(text, TEXT_CHARS, "%s", dsm_error());
			return false;
		}
		if (page.state == state &&
		    (owner == DSM_NODE_NONE || page.owner == owner))
			continue;
		snprintf(text, TEXT_CHARS,
			 "page %u of %u, at %#llx, is %s here, not %s; owner %d, not %d",
			 i, set->count, page.offset, name_of(page.state),
			 name_of(state), (int)page.owner, (int)owner);
		return false;
	}
	return true;
}

/*
 * The first page behind all that this node knows anything of. What is not its
 * home's, other nodes know more of.
 */
uint64_t pages_untouched(const struct memory *m)
{
	uint64_t page = m->info.size / PAGE;
	struct dsm_page_info info;

	for (; page; page--) {
		if (dsm_get_page(m->fd, (page - 1) * PAGE, &info))
			die("%s", dsm_error());
		if (info.version || info.state != DSM_PAGE_NONE)
			break;
	}
	return page;
}
