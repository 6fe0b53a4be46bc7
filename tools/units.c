// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers, sizes and durations as people write and read them
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmctl.h"

/* strtoull() without the blanks, signs and overflows that it lets through. */
static bool parse_digits(const char *text, int base, __u64 *value,
			 const char **end)
{
	char *stop;

	if (base == 16 ? !isxdigit(*text) : !isdigit(*text))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, base);
	*end = stop;
	return !errno;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* Decimal, 0 to @max. */
bool parse_number(const char *text, __u64 max, __u64 *value)
{
	const char *end;

	return parse_digits(text, 10, value, &end) && !*end && *value <= max;
}

/* Hexadecimal, after 0x. */
bool parse_hex(const char *text, __u64 *value)
{
	const char *end;

	return has_hex_prefix(text) &&
	       parse_digits(text + 2, 16, value, &end) && !*end;
}

/* Decimal or, after 0x, hexadecimal; K, M, G or T may follow. */
bool parse_size(const char *text, __u64 *value)
{
	static const char suffixes[] = "KMGT";
	bool hex = has_hex_prefix(text);
	const char *suffix;
	const char *end;
	int shift;

	if (!parse_digits(hex ? text + 2 : text, hex ? 16 : 10, value, &end))
		return false;
	if (!*end)
		return true;
	suffix = strchr(suffixes, toupper(*end));
	if (!suffix || end[1])
		return false;
	shift = 10 * (suffix - suffixes + 1);
	if (*value > ULLONG_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

/* Decimal with an optional fraction, 0 to @max. */
bool parse_seconds(const char *text, double max, double *value)
{
	char *end;

	if (!isdigit(*text) || text[strspn(text, "0123456789.")])
		return false;
	*value = strtod(text, &end);
	return !*end && *value <= max;
}

/* Three digits tell enough; a whole number is shown whole. */
static const char *format_scaled(char *buf, size_t size, double value,
				 const char *unit)
{
	int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;

	if (value == (__u64)value)
		decimals = 0;
	snprintf(buf, size, "%.*f %s", decimals, value, unit);
	return buf;
}

const char *format_size(char *buf, size_t size, __u64 bytes)
{
	static const char *const units[] = {
		"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
	};
	double value = bytes;
	size_t i = 0;

	for (; value >= 1024; value /= 1024)
		i++;
	return format_scaled(buf, size, value, bytes == 1 ? "byte" : units[i]);
}

const char *format_ns(char *buf, size_t size, __u64 ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = ns;
	size_t i = 0;

	for (; value >= 1000 && i + 1 < ARRAY_SIZE(units); value /= 1000)
		i++;
	return format_scaled(buf, size, value, units[i]);
}
