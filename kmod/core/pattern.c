// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page is migratory when one node after the other reads and then writes it:
 * then the read had better come with write permission at once. (The idea is
 * from P. Stenström et al., "An adaptive cache coherence protocol optimized
 * for migratory sharing", ISCA 1993.) Two readers in a row, or a holder that
 * did not write, end it.
 */
#include "step.h"

/* A transaction is done; @clean: the last writer had not written. */
void dsm_pattern_note(struct dsm_home *hm, bool clean)
{
	u16 requester = hm->requester;

	if (hm->busy == DSM_READ) {
		if (hm->last_reader != DSM_NO_NODE &&
		    hm->last_reader != requester)
			hm->migratory = 0;
		hm->last_reader = requester;
	} else {
		if (hm->upgrade && hm->last_reader != requester)
			hm->migratory = 0;
		else if (hm->upgrade && hm->migratory < DSM_MIGRATORY)
			hm->migratory++;
		hm->last_reader = DSM_NO_NODE;
	}
	if (clean)
		hm->migratory = 0;
}
