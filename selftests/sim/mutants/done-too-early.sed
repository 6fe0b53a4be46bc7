# SPDX-License-Identifier: GPL-2.0-only
# cache.c: the home hears DONE with the grant, before the acknowledgements
/^static void settle/,/^}/{
s/if (!pg->granted || .*/if (pg->granted \&\& pg->acks_left \&\& !pg->fresh) {\
		pg->fresh = true;\
		done.version = pg->acks_version;\
		send_home(x, \&done);\
	}\
	bool told = pg->fresh;\
	&/
s/	send_home(x, &done);$/	if (!told)\
	&/
}
/^enum dsm_verdict dsm_cache_recv_grant/,/^}/s/pg->granted = msg->access;/& pg->fresh = false;/
