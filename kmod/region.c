// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region: a pseudo file system with an inode for each node, the folios in
 * its page cache, and the slots that say what each page is.
 *
 * A folio goes into the page cache when a program first touches the page and
 * stays until the node goes down, with a reference of ours: that keeps reclaim,
 * migration and fadvise() from dropping or moving it behind the protocol's
 * back, and a futex on a page that is elsewhere still finds its key.
 */
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>

#include "dsm.h"

#define DSM_REGION_MAGIC	0x64736d31

static struct vfsmount *region_mount;

static int region_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, DSM_REGION_MAGIC) ? 0 : -ENOMEM;
}

/*
 * No .owner: with one, the mount would pin the module for good. Whoever uses an
 * inode has /dev/dsm open, which pins it just as long as needed.
 */
static struct file_system_type region_fs = {
	.name = "dsm",
	.init_fs_context = region_init_fs_context,
	.kill_sb = kill_anon_super,
};

static const struct address_space_operations region_aops = {
	.dirty_folio = noop_dirty_folio,
};

int dsm_region_init(void)
{
	region_mount = kern_mount(&region_fs);
	return PTR_ERR_OR_ZERO(region_mount);
}

void dsm_region_exit(void)
{
	kern_unmount(region_mount);
}

/** dsm_region_inode() - an inode for a node's region, or an ERR_PTR */
struct inode *dsm_region_inode(void)
{
	struct inode *inode = alloc_anon_inode(region_mount->mnt_sb);

	if (IS_ERR(inode))
		return inode;
	inode->i_mapping->a_ops = &region_aops;
	mapping_set_gfp_mask(inode->i_mapping, GFP_USER);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	return inode;
}

struct dsm_slot *dsm_region_find(struct dsm_node *node, u64 index)
{
	return xa_load(&node->slots, index);
}

static struct dsm_home *home_create(struct dsm_node *node, gfp_t gfp)
{
	const struct dsm_members *m = &node->core.members;
	struct {
		struct dsm_home home;
		u64 words[];
	} *h;
	u64 *copyset, *inval;

	h = kzalloc(sizeof(*h) + 2 * m->words * sizeof(u64) +
		    m->nr * sizeof(u32), gfp);
	if (!h)
		return NULL;
	copyset = h->words;
	inval = copyset + m->words;
	dsm_home_init(&h->home, node->core.self, copyset, inval,
		      (u32 *)(inval + m->words), m->words);
	return &h->home;
}

static void slot_free(struct dsm_slot *slot)
{
	if (slot->folio)
		folio_put(slot->folio);
	kfree(slot->home);
	kfree(slot);
}

/**
 * dsm_region_slot - the slot of a page, made if need be
 * @node:	the node, active
 * @index:	the page, inside the region
 * @gfp:	how to allocate; %__GFP_ACCOUNT charges it to the control group
 *		of the running program, as the page will be. A program that
 *		handles a message does that for somebody else.
 *
 * Return: the slot, or NULL if memory ran out.
 */
struct dsm_slot *dsm_region_slot(struct dsm_node *node, u64 index, gfp_t gfp)
{
	struct dsm_slot *slot = dsm_region_find(node, index);
	struct dsm_slot *old;

	if (slot)
		return slot;

	slot = kzalloc_obj(*slot, gfp);
	if (!slot)
		return NULL;
	mutex_init(&slot->lock);
	init_waitqueue_head(&slot->wait);
	timerqueue_init(&slot->timer);
	dsm_page_init(&slot->page);
	slot->index = index;
	slot->prob_owner = DSM_NO_NODE;
	if (dsm_core_home(&node->core, index) == node->core.self) {
		slot->home = home_create(node, gfp);
		if (!slot->home)
			goto err_free;
	}

	old = xa_cmpxchg(&node->slots, index, NULL, slot, gfp);
	if (!old) {
		if (slot->home)
			dsm_stats_add(node, DSM_STAT_home_pages, 1);
		return slot;
	}
	slot_free(slot);
	return xa_is_err(old) ? NULL : old;

err_free:
	kfree(slot);
	return NULL;
}

static int back(struct dsm_node *node, struct dsm_slot *slot, gfp_t gfp)
{
	struct address_space *mapping = node->inode->i_mapping;
	struct folio *folio;
	int err;

	folio = folio_alloc(mapping_gfp_mask(mapping) | gfp, node->order);
	if (!folio)
		return -ENOMEM;
	err = filemap_add_folio(mapping, folio,
				dsm_page_pgoff(node, slot->index), gfp);
	if (err) {
		folio_put(folio);
		/* Another thread was first; it shows the folio before long. */
		if (err == -EEXIST)
			err = wait_event_killable(slot->wait,
						  READ_ONCE(slot->folio));
		return err;
	}
	folio_unlock(folio);
	mutex_lock(&slot->lock);
	WRITE_ONCE(slot->folio, folio);
	mutex_unlock(&slot->lock);
	wake_up_all(&slot->wait);
	return 0;
}

/*
 * One after the other: of several threads that come to a page at once, all but
 * one would need memory in vain, and fail where there is enough for one.
 */
static int back_costly(struct dsm_node *node, struct dsm_slot *slot, gfp_t gfp)
{
	int err = 0;

	if (gfp & __GFP_NORETRY) {
		if (!mutex_trylock(&node->back_lock))
			return -ENOMEM;
	} else {
		/* To kill somebody need not make room for one so large. */
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
		if (mutex_lock_killable(&node->back_lock))
			return -ERESTARTSYS;
	}
	if (!READ_ONCE(slot->folio))
		err = back(node, slot, gfp);
	mutex_unlock(&node->back_lock);
	return err;
}

/**
 * dsm_region_back - give a slot its folio
 * @node:	the node, active
 * @slot:	the slot
 * @gfp:	%GFP_KERNEL, with what there is to say about failing
 *
 * Sleeps for memory, so not for message handlers: whoever asks for a page has
 * its memory before the request goes out, and the answer needs none.
 *
 * Return: 0, %-ENOMEM, or %-ERESTARTSYS if the caller is being killed.
 */
int dsm_region_back(struct dsm_node *node, struct dsm_slot *slot, gfp_t gfp)
{
	if (READ_ONCE(slot->folio))
		return 0;
	return dsm_page_is_costly(node) ? back_costly(node, slot, gfp) :
					  back(node, slot, gfp);
}

/** dsm_region_clear() - free all pages of a node that has no users any more */
void dsm_region_clear(struct dsm_node *node)
{
	struct dsm_slot *slot;
	unsigned long index;

	truncate_inode_pages(node->inode->i_mapping, 0);
	xa_for_each(&node->slots, index, slot) {
		slot_free(slot);
		cond_resched();
	}
	xa_destroy(&node->slots);
}
