// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsmbench: results, as a table or as JSON
 */
#include <sys/utsname.h>

#include "bench.h"
#include "json.h"

void report_begin(bool json)
{
	struct utsname system;

	if (!json) {
		printf("%-17s %-6s %7s %10s  %-4s %10s %10s %10s %10s\n",
		       "measure", "of", "ratio", "goal", "", "p50 us",
		       "p99 us", "yard p50", "yard p99");
		return;
	}
	uname(&system);
	json_open('{');
	json_key("kernel");
	json_string(system.release);
	json_key("results");
	json_open('[');
}

static void print_side(const struct samples *s, double unit)
{
	printf(" %10.1f %10.1f", samples_percentile(s, 50) / unit,
	       samples_percentile(s, 99) / unit);
}

static void print_row(const struct measure *m, const struct result *r,
		      const struct figure *f)
{
	bool held = f->at_least ? f->ratio >= f->goal : f->ratio <= f->goal;
	double unit = m->bytes ? 1 : 1000;

	printf("%-17s %-6s %7.2f ", m->name, f->what, f->ratio);
	if (f->goal > 0)
		printf("%5s %4.2f  %-4s", f->at_least ? ">=" : "<=", f->goal,
		       held ? "held" : "NOT");
	else
		printf("%10s  %-4s", "", "");
	print_side(&r->ours, unit);
	if (r->yard.nr)
		print_side(&r->yard, unit);
	putchar('\n');
	fflush(stdout);
}

static void json_side(const char *key, const struct samples *s)
{
	uint64_t buckets[BUCKETS];
	unsigned int i;

	samples_histogram(s, buckets);
	json_key(key);
	json_open('{');
	json_key("count");
	json_number(s->nr);
	json_key("p50");
	json_number(samples_percentile(s, 50));
	json_key("p99");
	json_number(samples_percentile(s, 99));
	json_key("mean");
	json_real(samples_mean(s));
	json_key("log2");
	json_open('[');
	for (i = 0; i < BUCKETS; i++)
		json_number(buckets[i]);
	json_close(']');
	json_close('}');
}

static void json_figure(const struct figure *f)
{
	json_open('{');
	json_key("of");
	json_string(f->what);
	json_key("ratio");
	json_real(f->ratio);
	json_key(f->at_least ? "at_least" : "at_most");
	if (f->goal > 0)
		json_real(f->goal);
	else
		json_null();
	json_close('}');
}

static void json_result(const struct measure *m, const struct result *r)
{
	unsigned int i;

	json_open('{');
	json_key("measure");
	json_string(m->name);
	json_key("yardstick");
	json_string(m->yard);
	json_key("unit");
	json_string(m->bytes ? "bytes" : "ns");
	json_key("figures");
	json_open('[');
	for (i = 0; i < r->nr; i++)
		json_figure(&r->figures[i]);
	json_close(']');
	json_side("ours", &r->ours);
	json_side("yard", &r->yard);
	json_close('}');
}

void report_add(const struct measure *m, const struct result *r, bool json)
{
	unsigned int i;

	if (json) {
		json_result(m, r);
		return;
	}
	for (i = 0; i < r->nr; i++)
		print_row(m, r, &r->figures[i]);
}

void report_end(bool json)
{
	if (!json)
		return;
	json_close(']');
	json_close('}');
}
