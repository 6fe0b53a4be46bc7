// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON on standard output, with commas and indentation where they belong
 */
#include <stdbool.h>
#include <stdio.h>

#include "json.h"

static unsigned int depth;
static bool after_value;	/* something stands before, in this bracket */
static bool after_key;		/* the value goes on the line of its key */

static void new_line(void)
{
	printf("\n%*s", 2 * depth, "");
}

/* What comes before a value or a key. */
static void begin(void)
{
	if (after_key) {
		after_key = false;
		return;
	}
	if (after_value)
		printf(",");
	if (depth)
		new_line();
}

static void quote(const char *text)
{
	putchar('"');
	for (const unsigned char *c = (const void *)text; *c; c++) {
		/* The escape is right whatever the encoding was meant to be. */
		if (*c < 0x20 || *c >= 0x7f)
			printf("\\u%04x", *c);
		else if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

/* Begin an object, '{', or an array, '['. */
void json_open(char bracket)
{
	begin();
	putchar(bracket);
	depth++;
	after_value = false;
}

/* End it, with '}' or ']'. */
void json_close(char bracket)
{
	depth--;
	if (after_value)
		new_line();
	putchar(bracket);
	after_value = true;
	if (!depth) {
		putchar('\n');
		after_value = false;
	}
}

void json_key(const char *key)
{
	begin();
	quote(key);
	printf(": ");
	after_key = true;
}

void json_string(const char *text)
{
	begin();
	quote(text);
	after_value = true;
}

void json_number(__u64 number)
{
	begin();
	printf("%llu", number);
	after_value = true;
}

void json_real(double number)
{
	begin();
	printf("%.6g", number);
	after_value = true;
}

void json_null(void)
{
	begin();
	printf("null");
	after_value = true;
}
