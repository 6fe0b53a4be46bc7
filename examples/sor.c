// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heat in a plate at rest, by red-black successive over-relaxation:
 * processes that compute in shared memory.
 *
 *	sor [-p PROCESSES] [-f FIRST] [-l LAST] [-r ROWS] [-s STEPS]
 *	    [-o OFFSET] FILE
 *
 * It is written as for one machine. team.h tells how to start it on several.
 * Points are red and black as on a chessboard. A step computes the red ones
 * from the black ones around them, and then the black ones from the red ones,
 * so the result does not depend on who is first: it is the same to the last
 * bit.
 *
 * The red points of a row are on one page and its black ones on another: what
 * some write no others read meanwhile. At the border of two parts a page goes
 * over for each colour in each step.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "team.h"

#define HALF		(PAGE / sizeof(double))	/* of a row: one colour */
#define COLUMNS		(2 * HALF)
#define HOT		100.0	/* the plate's upper edge; all else is 0 */

struct sor {
	struct team team;
	double change;		/* the largest so far in this step */

	/* On a page that is only read in a step */
	_Alignas(PAGE) size_t rows;
	size_t steps;		/* to be taken */
	double omega;		/* how far a point goes */

	/* What the last step has changed, and the points: red, then black */
	_Alignas(PAGE) double last_change;
	_Alignas(PAGE) double point[][HALF];
};

static void make(struct team *t, const struct job *job)
{
	struct sor *s = (struct sor *)t;

	s->rows = job->value['r'];
	s->steps = job->value['s'];
	s->change = 0;
	/* The best there is for a square of that size */
	s->omega = 2 / (1 + sin(M_PI / (s->rows + 1)));
}

/*
 * Index k of a colour in a row is its column 2k + shift. The points above,
 * below and at one side of it have index k, too.
 */
static double relax_row(double (*point)[HALF], double (*around)[HALF], size_t r,
			unsigned int shift, double omega)
{
	double mean, change, largest = 0;
	size_t k;

	/* The edges of the plate stay as they are. */
	for (k = 1 - shift; k < HALF - shift; k++) {
		mean = (around[r - 1][k] + around[r + 1][k] +
			around[r][k] + around[r][k - 1 + 2 * shift]) / 4;
		change = omega * (mean - point[r][k]);
		point[r][k] += change;
		if (fabs(change) > largest)
			largest = fabs(change);
	}
	return largest;
}

static double relax(struct sor *s, bool black, size_t first, size_t end)
{
	double (*point)[HALF] = s->point + black * s->rows;
	double (*around)[HALF] = s->point + !black * s->rows;
	double largest = 0;
	size_t r;

	for (r = first; r < end; r++)
		largest = fmax(largest, relax_row(point, around, r,
						  (r + black) & 1, s->omega));
	return largest;
}

static void step(struct sor *s, size_t first, size_t end)
{
	struct team *t = &s->team;
	double change = relax(s, false, first, end);

	team_wait(t);
	change = fmax(change, relax(s, true, first, end));

	/* A sum would depend on who comes first; a maximum does not. */
	pthread_mutex_lock(&t->mutex);
	s->change = fmax(s->change, change);
	pthread_mutex_unlock(&t->mutex);
	if (team_wait(t)) {
		s->last_change = s->change;
		s->change = 0;
	}
}

static void compute(struct team *t, unsigned int me)
{
	struct sor *s = (struct sor *)t;
	size_t first = team_part(t, s->rows, me);
	size_t end = team_part(t, s->rows, me + 1), r, k, i;

	for (r = first; r < end; r++) {
		for (k = 0; k < HALF; k++) {
			s->point[r][k] = r ? 0 : HOT;
			s->point[s->rows + r][k] = r ? 0 : HOT;
		}
	}
	team_wait(t);

	first += first == 0;
	end -= end == s->rows;
	for (i = 0; i < s->steps; i++)
		step(s, first, end);
}

int main(int argc, char **argv)
{
	struct job job = { .value = { ['r'] = 512, ['s'] = 100 } };
	struct sor *s;
	size_t size;
	int result;

	job_parse(&job, argc, argv, "r:s:", "[-r ROWS] [-s STEPS]");
	if (job.value['r'] < 3) {
		fprintf(stderr, "sor: a plate has 3 rows or more\n");
		return 2;
	}
	size = sizeof(*s) + 2 * job.value['r'] * PAGE;
	s = (struct sor *)team_join(&job, size, make);
	result = team_run(&s->team, &job, compute);
	printf("%zu steps, last change %a, checksum %016llx\n", s->steps,
	       s->last_change, (unsigned long long)
	       checksum(CHECKSUM_EMPTY, s->point, 2 * s->rows * PAGE));
	team_leave(&s->team);
	return result;
}
