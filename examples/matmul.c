// SPDX-License-Identifier: GPL-2.0-only
/*
 * The product of two square matrices, by processes in shared memory:
 *
 *	matmul [-p PROCESSES] [-f FIRST] [-l LAST] [-n ROWS] [-o OFFSET] FILE
 *
 * It is written as for one machine. team.h tells how to start it on several.
 * The result is the same to the last bit, for each sum is of one process and
 * in one order.
 *
 * A row is one page or more. Each process makes some rows of all three
 * matrices, and those of the product it alone writes to; of the second matrix
 * everybody reads all.
 */
#include <stdio.h>

#include "team.h"

#define PER_PAGE	(PAGE / sizeof(double))
#define ROWS_MAX	8192

struct matmul {
	struct team team;
	size_t n;		/* rows, and columns */

	_Alignas(PAGE) double matrix[];	/* a, b and a * b */
};

static void make(struct team *t, const struct job *job)
{
	((struct matmul *)t)->n = job->value['n'];
}

static double *row(struct matmul *m, unsigned int matrix, size_t r)
{
	return m->matrix + (matrix * m->n + r) * m->n;
}

/* Any numbers will do that are not all alike. */
static void fill(struct matmul *m, unsigned int matrix, size_t r)
{
	double *to = row(m, matrix, r);
	size_t c;

	for (c = 0; c < m->n; c++)
		to[c] = (double)((r * 31 + c * 17 + matrix) % 101) / 7;
}

static void multiply(struct matmul *m, size_t r)
{
	double sum[ROWS_MAX] = { 0 }, *to = row(m, 2, r);
	const double *a = row(m, 0, r);
	size_t k, c, n = m->n;

	for (k = 0; k < n; k++) {
		const double *b = row(m, 1, k);

		for (c = 0; c < n; c++)
			sum[c] += a[k] * b[c];
	}
	for (c = 0; c < n; c++)
		to[c] = sum[c];
}

static void compute(struct team *t, unsigned int me)
{
	struct matmul *m = (struct matmul *)t;
	size_t first = team_part(t, m->n, me);
	size_t end = team_part(t, m->n, me + 1), r;

	for (r = first; r < end; r++) {
		fill(m, 0, r);
		fill(m, 1, r);
	}
	team_wait(t);
	for (r = first; r < end; r++)
		multiply(m, r);
}

int main(int argc, char **argv)
{
	struct job job = { .value['n'] = 2 * PER_PAGE };
	struct matmul *m;
	size_t n, matrix;
	int result;

	job_parse(&job, argc, argv, "n:", "[-n ROWS]");
	n = job.value['n'];
	if (!n || n > ROWS_MAX || n % PER_PAGE) {
		fprintf(stderr, "matmul: a row has to fill its pages: %zu times something up to %d\n",
			PER_PAGE, ROWS_MAX);
		return 2;
	}
	matrix = n * n * sizeof(double);
	m = (struct matmul *)team_join(&job, sizeof(*m) + 3 * matrix, make);
	result = team_run(&m->team, &job, compute);
	printf("%zu rows, checksum %016llx\n", n, (unsigned long long)
	       checksum(CHECKSUM_EMPTY, row(m, 2, 0), matrix));
	team_leave(&m->team);
	return result;
}
