// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libdsm.h"
#include "memory.h"
#include "uffd_dsm.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void memory_make(struct memory *m, const char *system, size_t pages)
{
	m->system = system;
	m->pages = pages;
	m->page = calloc(pages, sizeof(*m->page));
	if (!m->page)
		fail("calloc");
}

static void *map(size_t size, int fd)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

void memory_dsm(struct memory *m, const char *device, size_t pages,
		size_t skip)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);
	struct dsm_page_info info;
	size_t found = 0;
	off_t size, at;
	char *all;

	if (fd < 0)
		fail(device);
	memory_make(m, "dsm", pages);
	size = lseek(fd, 0, SEEK_END);
	all = map(size, fd);
	for (at = 0; found < pages && at < size; at += PAGE) {
		if (dsm_get_page(fd, at, &info))
			fail("DSM_IOC_PAGE");
		if (info.home)
			continue;
		if (skip)
			skip--;
		else
			m->page[found++] = all + at;
	}
	if (found < pages) {
		fprintf(stderr, "%s: too small\n", device);
		exit(1);
	}
}

void memory_files(struct memory *m, const char *directory, size_t pages)
{
	int dir = open(directory, O_DIRECTORY | O_CLOEXEC), fd;
	char name[32];
	size_t i;

	if (dir < 0)
		fail(directory);
	memory_make(m, "files", pages);
	for (i = 0; i < pages; i++) {
		snprintf(name, sizeof(name), "page%zu", i);
		fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, PAGE))
			fail(name);
		m->page[i] = map(PAGE, fd);
		close(fd);
	}
	close(dir);
}

void memory_uffd(struct memory *m, int link, bool home, size_t pages,
		 unsigned int hold_us)
{
	char *all = uffd_dsm_map(link, home, pages, hold_us);
	size_t i;

	memory_make(m, "uffd", pages);
	for (i = 0; i < pages; i++)
		m->page[i] = all + i * PAGE;
}
