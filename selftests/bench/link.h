/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP between the two programs of a measurement. */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <stddef.h>

/* Both end the program if there is no connection to be had. */
int link_accept(const char *port);
int link_connect(const char *host, const char *port);

/* These end it, too, when the other is gone. */
void link_send(int link, const void *data, size_t size);
void link_receive(int link, void *data, size_t size);

/* Neither goes on before the other is here. */
void link_meet(int link);

#endif /* BENCH_LINK_H */
