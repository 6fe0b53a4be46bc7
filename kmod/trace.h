/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: faults, state changes, protocol messages. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dsm

#if !defined(DSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DSM_TRACE_H

#include <linux/tracepoint.h>

#include "dsm.h"

#define dsm_show_right(right)						\
	__print_symbolic(right, { 0, "-" }, { DSM_NONE, "none" },	\
			 { DSM_READ, "read" }, { DSM_WRITE, "write" })

#define dsm_show_type(type)						\
	__print_symbolic(type, { DSM_MSG_GET, "GET" },			\
			 { DSM_MSG_FORWARD, "FORWARD" },		\
			 { DSM_MSG_INVALIDATE, "INVALIDATE" },		\
			 { DSM_MSG_INVAL_ACK, "INVAL_ACK" },		\
			 { DSM_MSG_DATA, "DATA" },			\
			 { DSM_MSG_GRANT, "GRANT" },			\
			 { DSM_MSG_DONE, "DONE" },			\
			 { DSM_MSG_REFUSE, "REFUSE" },			\
			 { DSM_MSG_RECOUNT, "RECOUNT" })

TRACE_EVENT(dsm_fault,
	TP_PROTO(u16 node, u64 page, u8 access, int result),
	TP_ARGS(node, page, access, result),
	TP_STRUCT__entry(
		__field(u64, page)
		__field(int, result)
		__field(u16, node)
		__field(u8, access)
	),
	TP_fast_assign(
		__entry->page = page;
		__entry->result = result;
		__entry->node = node;
		__entry->access = access;
	),
	TP_printk("node=%u page=%llu access=%s result=%d", __entry->node,
		  __entry->page, dsm_show_right(__entry->access),
		  __entry->result)
);

TRACE_EVENT(dsm_state,
	TP_PROTO(u16 node, u64 page, u8 from, u8 to, u64 version),
	TP_ARGS(node, page, from, to, version),
	TP_STRUCT__entry(
		__field(u64, page)
		__field(u64, version)
		__field(u16, node)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->page = page;
		__entry->version = version;
		__entry->node = node;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("node=%u page=%llu %s -> %s version=%llu", __entry->node,
		  __entry->page, dsm_show_right(__entry->from),
		  dsm_show_right(__entry->to), __entry->version)
);

DECLARE_EVENT_CLASS(dsm_message,
	TP_PROTO(u16 node, u16 peer, const struct dsm_msg *msg),
	TP_ARGS(node, peer, msg),
	TP_STRUCT__entry(
		__field(u64, page)
		__field(u64, version)
		__field(u16, node)
		__field(u16, peer)
		__field(u16, requester)
		__field(u16, acks)
		__field(u8, type)
		__field(u8, access)
	),
	TP_fast_assign(
		__entry->page = msg->page;
		__entry->version = msg->version;
		__entry->node = node;
		__entry->peer = peer;
		__entry->requester = msg->requester;
		__entry->acks = msg->acks;
		__entry->type = msg->type;
		__entry->access = msg->access;
	),
	TP_printk("node=%u peer=%u %s page=%llu access=%s requester=%u acks=%u version=%llu",
		  __entry->node, __entry->peer, dsm_show_type(__entry->type),
		  __entry->page, dsm_show_right(__entry->access),
		  __entry->requester, __entry->acks, __entry->version)
);

DEFINE_EVENT(dsm_message, dsm_send,
	TP_PROTO(u16 node, u16 peer, const struct dsm_msg *msg),
	TP_ARGS(node, peer, msg)
);

DEFINE_EVENT(dsm_message, dsm_recv,
	TP_PROTO(u16 node, u16 peer, const struct dsm_msg *msg),
	TP_ARGS(node, peer, msg)
);

#endif /* DSM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
