/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON on standard output, with commas and indentation where they belong
 */
#ifndef _JSON_H
#define _JSON_H

#include <linux/types.h>

void json_open(char bracket);
void json_close(char bracket);
void json_key(const char *key);
void json_string(const char *text);
void json_number(__u64 number);
void json_real(double number);
void json_null(void);

#endif /* _JSON_H */
