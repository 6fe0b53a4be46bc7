// SPDX-License-Identifier: GPL-2.0-only
/* Parcels: frames on their way to a peer, and memory held ready for them. */
#include "dsm.h"

/** dsm_parcel_pools_create() - memory for parcels, with a reserve */
int dsm_parcel_pools_create(struct dsm_node *node)
{
	node->parcels = mempool_create_kmalloc_pool(DSM_POOL_FRAMES,
						    sizeof(struct dsm_parcel));
	if (!node->parcels)
		return -ENOMEM;
	node->payloads = mempool_create_page_pool(DSM_POOL_FRAMES, 0);
	if (!node->payloads) {
		mempool_destroy(node->parcels);
		return -ENOMEM;
	}
	return 0;
}

void dsm_parcel_pools_destroy(struct dsm_node *node)
{
	mempool_destroy(node->payloads);
	mempool_destroy(node->parcels);
}

/**
 * dsm_parcel_alloc - an empty parcel
 * @node:	whose
 * @length:	bytes of payload, at most a page
 * @gfp:	GFP_NOIO, which may sleep and never fails, for what has to be
 *		said; GFP_NOWAIT for chatter
 *
 * Return: the parcel, or NULL if it was not to wait for memory.
 */
struct dsm_parcel *dsm_parcel_alloc(struct dsm_node *node, u32 length,
				    gfp_t gfp)
{
	struct dsm_parcel *parcel = mempool_alloc(node->parcels, gfp);

	if (!parcel)
		return NULL;
	*parcel = (struct dsm_parcel) { .frame.length = length };
	if (!length)
		return parcel;
	parcel->payload = mempool_alloc(node->payloads, gfp);
	if (parcel->payload)
		return parcel;
	mempool_free(parcel, node->parcels);
	return NULL;
}

void dsm_parcel_free(struct dsm_node *node, struct dsm_parcel *parcel)
{
	if (parcel->payload)
		mempool_free(parcel->payload, node->payloads);
	mempool_free(parcel, node->parcels);
}

/** dsm_parcel_free_list() - free all parcels of a list that nobody else sees */
void dsm_parcel_free_list(struct dsm_node *node, struct list_head *list)
{
	struct dsm_parcel *parcel, *next;

	list_for_each_entry_safe(parcel, next, list, list) {
		list_del(&parcel->list);
		dsm_parcel_free(node, parcel);
	}
}
