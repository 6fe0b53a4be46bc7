// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region: a pseudo file system with an inode for each node, and the folios
 * in its page cache. What each page is, slots say (slot.c).
 *
 * A folio goes into the page cache when a program first touches the page and
 * stays until the node goes down, with a reference of ours: that keeps reclaim,
 * migration and fadvise() from dropping or moving it behind the protocol's
 * back, and a futex on a page that is elsewhere still finds its key.
 */
#include <linux/hash.h>
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
	WRITE_ONCE(folio->private, slot);
	WRITE_ONCE(slot->folio, folio);
	mutex_unlock(&slot->lock);
	wake_up_all(&slot->wait);
	return 0;
}

/*
 * One after the other: of several threads that come to a page at once, all but
 * one would need memory in vain, and fail where there is enough for one. Those
 * of different pages mostly do not wait for each other: one whose control group
 * is over memory.high may sleep here for seconds.
 */
static int back_costly(struct dsm_node *node, struct dsm_slot *slot, gfp_t gfp)
{
	u32 place = hash_64(slot->index, DSM_BACK_BITS);
	struct mutex *lock = &node->back_locks[place];
	int err = 0;

	if (gfp & __GFP_NORETRY) {
		if (!mutex_trylock(lock))
			return -ENOMEM;
	} else {
		/* To kill somebody need not make room for one so large. */
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
		if (mutex_lock_killable(lock))
			return -ERESTARTSYS;
	}
	if (!READ_ONCE(slot->folio))
		err = back(node, slot, gfp);
	mutex_unlock(lock);
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

/** dsm_region_clear() - free all folios of a node; its slots are gone */
void dsm_region_clear(struct dsm_node *node)
{
	truncate_inode_pages(node->inode->i_mapping, 0);
}
