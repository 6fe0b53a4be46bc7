// SPDX-License-Identifier: GPL-2.0-only
/* Parcels: frames on their way to a peer, and memory held ready for them. */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "dsm.h"

/* So many payloads are kept when they have served */
static u32 spares_max(const struct dsm_node *node)
{
	return min_t(u32, DSM_SPARES_MAX,
		     dsm_pages_in(node, DSM_LARGE_MAX, DSM_SPARES_MIN));
}

static void *take_spare(struct dsm_node *node)
{
	struct list_head *spare = NULL;

	spin_lock(&node->spares_lock);
	if (node->nr_spares) {
		spare = node->spares.next;
		list_del(spare);
		node->nr_spares--;
	}
	spin_unlock(&node->spares_lock);
	return spare;
}

static bool put_spare(struct dsm_node *node, void *payload)
{
	struct list_head *spare = payload;
	bool kept = false;

	spin_lock(&node->spares_lock);
	if (node->nr_spares < spares_max(node)) {
		list_add(spare, &node->spares);
		node->nr_spares++;
		kept = true;
	}
	spin_unlock(&node->spares_lock);
	return kept;
}

/*
 * Whole pages, as TCP may be lent them (tcp_send.c). A large one need not be in
 * one piece, so none is searched for: it is copied then. One that was used
 * before costs neither that nor the clearing of new memory, and is written all
 * over anyway.
 */
static void *payload_alloc(gfp_t gfp, void *data)
{
	struct dsm_node *node = data;
	void *payload = take_spare(node);
	gfp_t piece = gfp;
	struct folio *folio;

	if (payload)
		return payload;
	if (node->order)
		piece = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN;
	folio = folio_alloc(piece, node->order);
	if (folio)
		return folio_address(folio);
	if (!node->order || !gfpflags_allow_blocking(gfp))
		return NULL;
	/* That flag is mempool_alloc()'s, and not for vmalloc(). */
	return __vmalloc(node->set.block_size, gfp & ~__GFP_NOMEMALLOC);
}

static void payload_release(void *payload)
{
	if (is_vmalloc_addr(payload))
		vfree(payload);
	else
		folio_put(virt_to_folio(payload));
}

static void payload_free(void *payload, void *data)
{
	struct dsm_node *node = data;

	if (!put_spare(node, payload))
		payload_release(payload);
}

static void release_spares(struct dsm_node *node)
{
	void *payload;

	while ((payload = take_spare(node)))
		payload_release(payload);
}

void dsm_parcel_pools_destroy(struct dsm_node *node)
{
	mempool_destroy(node->payloads);
	mempool_destroy(node->parcels);
	release_spares(node);
}

/** dsm_parcel_pools_create() - memory for parcels, with a reserve */
int dsm_parcel_pools_create(struct dsm_node *node)
{
	/* As many as one node can ask for at once */
	u32 payloads = min_t(u32, DSM_POOL_FRAMES,
			     dsm_pages_in(node, DSM_LARGE_MAX,
					  DSM_PREFETCH_MIN));

	node->parcels = mempool_create_kmalloc_pool(DSM_POOL_FRAMES,
						    sizeof(struct dsm_parcel));
	node->payloads = mempool_create(payloads, payload_alloc, payload_free,
					node);
	if (node->parcels && node->payloads)
		return 0;
	dsm_parcel_pools_destroy(node);
	return -ENOMEM;
}

static void *alloc(mempool_t *pool, gfp_t gfp, struct dsm_plug *plug)
{
	void *p;

	if (plug && plug->nr) {
		p = mempool_alloc(pool, GFP_NOWAIT);
		if (p)
			return p;
		dsm_tcp_unplug(plug);
	}
	return mempool_alloc(pool, gfp);
}

/**
 * dsm_parcel_alloc - an empty parcel
 * @node:	whose
 * @length:	bytes of payload
 * @gfp:	GFP_NOIO, which may sleep and never fails, for what has to be
 *		said, with a payload of a page or none; GFP_NOWAIT for chatter
 * @plug:	what the caller holds back, or NULL: before it waits for what
 *		others have sent, it sends that
 *
 * Return: the parcel, or NULL if it was not to wait for memory.
 */
struct dsm_parcel *dsm_parcel_alloc(struct dsm_node *node, u32 length,
				    gfp_t gfp, struct dsm_plug *plug)
{
	struct dsm_parcel *parcel = alloc(node->parcels, gfp, plug);

	if (!parcel)
		return NULL;
	*parcel = (struct dsm_parcel) { .frame.length = length };
	if (!length)
		return parcel;
	parcel->reserved = gfpflags_allow_blocking(gfp);
	parcel->payload = parcel->reserved ?
			  alloc(node->payloads, gfp, plug) :
			  kmalloc(length, gfp);
	if (parcel->payload)
		return parcel;
	mempool_free(parcel, node->parcels);
	return NULL;
}

/*
 * Whether TCP, which is lent payloads, refers to this one no more. Once it does
 * not it never will, as it has no reference to make another one from.
 */
static bool is_ours(const void *payload)
{
	return is_vmalloc_addr(payload) ||
	       folio_ref_count(virt_to_folio(payload)) == 1;
}

static void free_payload(struct dsm_node *node, struct dsm_parcel *parcel)
{
	if (!parcel->reserved)
		kfree(parcel->payload);
	else if (is_ours(parcel->payload))
		mempool_free(parcel->payload, node->payloads);
	else
		payload_release(parcel->payload);
}

void dsm_parcel_free(struct dsm_node *node, struct dsm_parcel *parcel)
{
	free_payload(node, parcel);
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
