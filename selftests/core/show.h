/* SPDX-License-Identifier: GPL-2.0-only */
/* How transcripts put events and messages: for stories and the simulator. */
#ifndef DSM_SHOW_H
#define DSM_SHOW_H

#include <stdarg.h>
#include <stdio.h>

#include "step.h"
#include "table.h"

#define SHOW_MAX	200

__attribute__((format(printf, 2, 3)))
static inline void show_add(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + used, SHOW_MAX - used, fmt, args);
	va_end(args);
}

static inline const char *show_right(u8 right)
{
	static const char * const names[] = { "-", "none", "read", "write" };

	return right <= DSM_WRITE ? names[right] : "?";
}

/* "GET read p14 v3 for 1": the fields that the type speaks of. */
static inline void show_body(char *text, u16 from, u16 to,
			     const struct dsm_msg *msg)
{
	show_add(text, " %s", dsm_wire_type_name(msg->type));
	if (msg->access)
		show_add(text, " %s", show_right(msg->access));
	show_add(text, " p%llu v%llu", (unsigned long long)msg->page,
		 (unsigned long long)msg->version);
	if (msg->requester != from && msg->requester != to)
		show_add(text, " for %u", msg->requester);
	if (msg->acks)
		show_add(text, " acks %u", msg->acks);
	if (msg->flags & DSM_MSG_HAVE)
		show_add(text, " have");
	if (msg->flags & DSM_MSG_ZERO)
		show_add(text, " zero");
	if (msg->flags & DSM_MSG_CLEAN)
		show_add(text, " clean");
	if (msg->flags & DSM_MSG_FINAL)
		show_add(text, " final");
	if (msg->status == DSM_STATUS_LOST)
		show_add(text, " lost");
	else if (msg->status)
		show_add(text, " contradiction");
}

/* "1>0 GET read p14 v3" */
static inline void show_message(char *text, u16 from, u16 to,
				const struct dsm_msg *msg)
{
	snprintf(text, SHOW_MAX, "%u>%u", from, to);
	show_body(text, from, to, msg);
}

/* "1>0 GET read p14 v3", "0>1,3 INVALIDATE p14 v4 for 2", "protect none" */
static inline void show_action(char *text, u16 node, u16 words,
			       const struct dsm_act *act)
{
	const char *comma = "";
	u16 to;

	text[0] = 0;
	switch (act->type) {
	case DSM_ACT_SEND:
		show_message(text, node, act->to, &act->msg);
		break;
	case DSM_ACT_SEND_SET:
		show_add(text, "%u>", node);
		dsm_set_for_each(to, act->set, words) {
			show_add(text, "%s%u", comma, to);
			comma = ",";
		}
		show_body(text, node, DSM_NO_NODE, &act->msg);
		break;
	case DSM_ACT_PROTECT:
		show_add(text, "protect %s", show_right(act->right));
		break;
	case DSM_ACT_ZERO:
		show_add(text, "zero");
		break;
	case DSM_ACT_WAKE:
		show_add(text, "wake");
		break;
	case DSM_ACT_TIMER:
		show_add(text, "timer %llu", (unsigned long long)act->at);
		break;
	}
}

/* "2 EV_READ p14", "1>2 DATA read p14 v3", "2 EV_LOST p14 of 1" */
static inline void show_event(char *text, u16 node, const struct dsm_event *ev)
{
	if (ev->type == DSM_EV_RECV) {
		show_message(text, ev->from, node, &ev->msg);
	} else {
		snprintf(text, SHOW_MAX, "%u %s p%llu", node,
			 dsm_input_name(dsm_input_of(ev)),
			 (unsigned long long)ev->page);
		if (ev->type == DSM_EV_LOST)
			show_add(text, " of %u", ev->from);
	}
	if (ev->in_use)
		show_add(text, " in use");
}

#endif
