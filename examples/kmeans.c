// SPDX-License-Identifier: GPL-2.0-only
/*
 * Towns into clusters, by k-means: processes that compute in shared memory,
 * over real data.
 *
 *	kmeans [-p PROCESSES] [-f FIRST] [-l LAST] [-k CLUSTERS] [-s STEPS]
 *	       [-v] [-o OFFSET] FILE
 *
 * It is written as for one machine. team.h tells how to start it on several.
 * The points are 71,938 places with their latitudes and longitudes, from
 * Debian's package weather-util-data, on the unit sphere. Their coordinates are
 * integers and so are all sums, so the result does not depend on who is first:
 * it is the same to the last bit. -v shows the clusters.
 *
 * The points are only read, once they are there. A process writes to which
 * cluster each of its points belongs, and sums, on pages of its own; one of
 * them adds the sums up and moves the centres, which then all others read.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "team.h"

#define COMMAND		"gzip -dc /usr/share/weather-util/places.gz"
#define ONE		1000000	/* the sphere's radius */
#define PER_PAGE	(PAGE / sizeof(uint32_t))	/* cluster[]s */
#define POINTS_MAX	(96 * PER_PAGE)
#define CLUSTERS_MAX	128
#define PROCESSES_MAX	64

struct point {
	int32_t x, y, z;
};

/* Of the points of one process that belong to one cluster: fills a page. */
struct sum {
	int64_t x, y, z, points;
};

struct kmeans {
	struct team team;

	/* Written by one process, between steps */
	_Alignas(PAGE) size_t points;
	size_t clusters;
	size_t steps;		/* to be taken at most */
	size_t step;
	size_t moved;		/* centres, in the last step */
	struct point centre[CLUSTERS_MAX];
	size_t size[CLUSTERS_MAX];

	_Alignas(PAGE) struct sum sum[PROCESSES_MAX][CLUSTERS_MAX];
	_Alignas(PAGE) uint32_t cluster[POINTS_MAX];
	_Alignas(PAGE) struct point point[POINTS_MAX];
};

static struct point on_sphere(double latitude, double longitude)
{
	return (struct point) {
		.x = lrint(ONE * cos(latitude) * cos(longitude)),
		.y = lrint(ONE * cos(latitude) * sin(longitude)),
		.z = lrint(ONE * sin(latitude)),
	};
}

/* The file names a place in a section, with a line such as this in it:
 * centroid = (0.5677946, -1.5122657)
 */
static size_t read_points(struct point *point)
{
	FILE *file = popen(COMMAND, "r");
	double latitude, longitude;
	size_t points = 0;
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "centroid = (%lf, %lf", &latitude,
			   &longitude) == 2 && points < POINTS_MAX)
			point[points++] = on_sphere(latitude, longitude);
	if (!file || pclose(file) || points < CLUSTERS_MAX) {
		fprintf(stderr, "kmeans: install weather-util-data\n");
		exit(1);
	}
	return points;
}

static void make(struct team *t, const struct job *job)
{
	struct kmeans *m = (struct kmeans *)t;
	size_t i;

	m->points = read_points(m->point);
	m->clusters = job->value['k'];
	m->steps = job->value['s'];
	m->step = 0;
	m->moved = m->clusters;
	for (i = 0; i < m->clusters; i++)
		m->centre[i] = m->point[i * m->points / m->clusters];
}

static uint32_t nearest(const struct kmeans *m, struct point p)
{
	int64_t distance, best = INT64_MAX;
	uint32_t i, found = 0;

	for (i = 0; i < m->clusters; i++) {
		int64_t x = p.x - m->centre[i].x;
		int64_t y = p.y - m->centre[i].y;
		int64_t z = p.z - m->centre[i].z;

		distance = x * x + y * y + z * z;
		if (distance < best) {
			best = distance;
			found = i;
		}
	}
	return found;
}

static void assign(struct kmeans *m, struct sum *sum, size_t first, size_t end)
{
	struct sum local[CLUSTERS_MAX] = { 0 };
	size_t i;

	for (i = first; i < end; i++) {
		uint32_t c = nearest(m, m->point[i]);

		m->cluster[i] = c;
		local[c].x += m->point[i].x;
		local[c].y += m->point[i].y;
		local[c].z += m->point[i].z;
		local[c].points++;
	}
	for (i = 0; i < m->clusters; i++)
		sum[i] = local[i];
}

static void move(struct kmeans *m, size_t cluster)
{
	struct point *centre = &m->centre[cluster], old = *centre;
	struct sum all = { 0 };
	size_t i;

	for (i = 0; i < m->team.processes; i++) {
		all.x += m->sum[i][cluster].x;
		all.y += m->sum[i][cluster].y;
		all.z += m->sum[i][cluster].z;
		all.points += m->sum[i][cluster].points;
	}
	m->size[cluster] = all.points;
	if (!all.points)
		return;
	centre->x = all.x / all.points;
	centre->y = all.y / all.points;
	centre->z = all.z / all.points;
	m->moved += centre->x != old.x || centre->y != old.y ||
		    centre->z != old.z;
}

static void compute(struct team *t, unsigned int me)
{
	struct kmeans *m = (struct kmeans *)t;
	size_t pages = (m->points + PER_PAGE - 1) / PER_PAGE, i;
	size_t first = team_part(t, pages, me) * PER_PAGE;
	size_t end = team_part(t, pages, me + 1) * PER_PAGE;

	if (end > m->points)
		end = m->points;
	while (m->moved && m->step < m->steps) {
		assign(m, m->sum[me], first, end);
		if (team_wait(t)) {
			m->step++;
			m->moved = 0;
			for (i = 0; i < m->clusters; i++)
				move(m, i);
		}
		team_wait(t);
	}
}

static void show(const struct kmeans *m)
{
	size_t i;

	for (i = 0; i < m->clusters; i++) {
		const struct point *p = &m->centre[i];

		printf("%5zu places around %6.2f %7.2f\n", m->size[i],
		       atan2(p->z, hypot(p->x, p->y)) * 180 / M_PI,
		       atan2(p->y, p->x) * 180 / M_PI);
	}
}

static uint64_t result(const struct kmeans *m)
{
	uint64_t sum = CHECKSUM_EMPTY;

	sum = checksum(sum, m->size, m->clusters * sizeof(*m->size));
	sum = checksum(sum, m->centre, m->clusters * sizeof(*m->centre));
	return checksum(sum, m->cluster, m->points * sizeof(*m->cluster));
}

int main(int argc, char **argv)
{
	struct job job = { .value = { ['k'] = 64, ['s'] = 10 } };
	struct kmeans *m;
	int status;

	job_parse(&job, argc, argv, "k:s:v", "[-k CLUSTERS] [-s STEPS] [-v]");
	if (job.value['k'] < 1 || job.value['k'] > CLUSTERS_MAX ||
	    job.value['p'] > PROCESSES_MAX) {
		fprintf(stderr, "kmeans: at most %d clusters and %d processes\n",
			CLUSTERS_MAX, PROCESSES_MAX);
		return 2;
	}
	m = (struct kmeans *)team_join(&job, sizeof(*m), make);
	status = team_run(&m->team, &job, compute);
	if (job.value['v'])
		show(m);
	printf("%zu points, %zu steps, %zu centres moved, checksum %016llx\n",
	       m->points, m->step, m->moved, (unsigned long long)result(m));
	team_leave(&m->team);
	return status;
}
