// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: what page faults do, and how a right is taken from every process.
 *
 * A fault has the folio locked when it gets its right: under the slot's lock,
 * or with slot->ready looked at after that. Whoever takes the right away has
 * lowered slot->ready and then needs the folio's lock, too: either he comes
 * first, and the fault asks again, or he finds the mapping that it made.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>

#include "dsm.h"
#include "trace.h"

static struct dsm_node *vma_node(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/*
 * Take a page from all mappings of this machine. folio_mkclean(), which takes
 * only the right to store, would not do where that is all that has to go: to
 * it a page that MADV_DONTNEED has just taken from a page table is no concern,
 * but the TLB of another processor may still let a thread store to it. (That is
 * so before 6.2, see tlb_delay_rmap() there, of a huge page, and again with
 * CONFIG_PT_RECLAIM.) This waits for that, and flushes.
 */
static void unmap(struct dsm_node *node, struct dsm_slot *slot)
{
	unmap_mapping_pages(node->inode->i_mapping,
			    dsm_page_pgoff(node, slot->index),
			    1UL << node->order, false);
}

static bool may_unlock(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_ALLOW_RETRY &&
	       !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT);
}

/*
 * Wait for the network with mmap_lock (or the mapping's lock) dropped. The
 * mapping may be gone afterwards, so hold the file: the caller puts it.
 * VM_FAULT_MAJOR makes the retry come with FAULT_FLAG_TRIED on every path.
 */
static vm_fault_t wait_unlocked(struct vm_fault *vmf, struct dsm_node *node,
				struct dsm_slot *slot, u8 access,
				bool ahead, struct file **file)
{
	*file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	dsm_stats_add(node, DSM_STAT_retries, 1);
	if (ahead)
		dsm_ahead(node, slot, access);
	/* The program itself holds no lock of the kernel's. */
	dsm_engine_wait(node, slot, access, vmf->flags & FAULT_FLAG_USER);
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

/*
 * get_user_pages() without the means to drop mmap_lock, and futex() repairing
 * its word, fault like this. Waiting under mmap_lock delays whoever wants to
 * change this process's mappings, but no message handler.
 */
static int wait_locked(struct dsm_node *node, struct dsm_slot *slot, u8 access)
{
	int err;

	do {
		err = dsm_engine_wait(node, slot, access, false);
		if (err)
			return err;
		err = dsm_engine_acquire(node, slot, access, DSM_HOW_AGAIN);
	} while (err == -EAGAIN);
	return err;
}

/*
 * A read-modify-write may fault for its load first. If the store's fault has
 * just started an upgrade and unmapped the page (see vm_page_mkwrite()), that
 * load must wait for the upgrade, too: mapped read-only it would only bring the
 * same store again, in a busy loop.
 */
static u8 access_needed(const struct vm_fault *vmf, const struct dsm_slot *slot)
{
	vm_flags_t flags = vmf->vma->vm_flags;

	if (!(flags & VM_SHARED))
		return DSM_READ;	/* the copy on write is private */
	if (vmf->flags & FAULT_FLAG_WRITE)
		return DSM_WRITE;
	return flags & VM_WRITE && dsm_engine_is_writer(slot) ? DSM_WRITE :
								DSM_READ;
}

/*
 * The kernel kills somebody for memory, and the program tries again. There is
 * no use in that for a large page, as for one of hugetlbfs.
 */
static vm_fault_t no_memory(struct dsm_node *node, int err)
{
	if (err == -ERESTARTSYS)
		return VM_FAULT_NOPAGE;		/* it is being killed */
	if (!dsm_page_is_costly(node))
		return VM_FAULT_OOM;
	dev_warn_ratelimited(&node->dev,
			     "no memory for a page of %u bytes for %s[%d]\n",
			     node->set.block_size, current->comm,
			     task_pid_nr(current));
	return VM_FAULT_SIGBUS;
}

/* A store by the program itself, not by the kernel for it */
static void note_store(const struct vm_fault *vmf, struct dsm_slot *slot)
{
	if (vmf->flags & FAULT_FLAG_WRITE && vmf->flags & FAULT_FLAG_USER)
		dsm_futex_progress(slot);
}

static unsigned int how(const struct vm_fault *vmf)
{
	return (vmf->flags & FAULT_FLAG_TRIED ? DSM_HOW_AGAIN : 0) |
	       (vmf->flags & FAULT_FLAG_USER ? DSM_HOW_PROGRAM : 0);
}

static vm_fault_t fault_in_slot(struct vm_fault *vmf, struct dsm_node *node,
				struct dsm_slot *slot, struct file **file)
{
	bool ahead = !(vmf->vma->vm_flags & VM_RAND_READ);
	u8 access;
	int err;

	if (dsm_futex_note(node, vmf->vma))
		return VM_FAULT_OOM;
	err = dsm_region_back(node, slot, GFP_KERNEL);
	if (err)
		return no_memory(node, err);
	note_store(vmf, slot);

	access = access_needed(vmf, slot);
	if (ahead && dsm_ahead_is_first(node, slot, access)) {
		dsm_ahead(node, slot, access);
		ahead = false;
	}
	err = dsm_engine_acquire(node, slot, access, how(vmf));
	trace_dsm_fault(node->core.self, slot->index, access, err);
	if (err == -EAGAIN) {
		if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
			return VM_FAULT_RETRY;
		if (may_unlock(vmf))
			return wait_unlocked(vmf, node, slot, access, ahead,
					     file);
		err = wait_locked(node, slot, access);
	}
	if (err == -EIO)
		dsm_stats_add(node, DSM_STAT_faults_failed, 1);
	if (err)
		return VM_FAULT_SIGBUS;

	folio_get(slot->folio);
	vmf->page = folio_file_page(slot->folio, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

static vm_fault_t fault_active(struct vm_fault *vmf, struct dsm_node *node,
			       struct file **file)
{
	u64 index = dsm_page_of(node, vmf->pgoff);
	struct dsm_slot *slot;
	vm_fault_t ret;

	if (index >= node->core.pages)
		return VM_FAULT_SIGBUS;
	slot = dsm_slot_get(node, index, GFP_KERNEL_ACCOUNT);
	if (!slot)
		return VM_FAULT_OOM;
	ret = fault_in_slot(vmf, node, slot, file);
	dsm_slot_put(slot);
	return ret;
}

/* The node is down; or somebody tries to take it down, and will be refused. */
static vm_fault_t refused(struct dsm_node *node)
{
	return dsm_node_is_down(node) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

static vm_fault_t vm_fault(struct vm_fault *vmf)
{
	struct dsm_node *node = vma_node(vmf->vma);
	struct file *file = NULL;
	vm_fault_t ret;

	if (!dsm_node_get_active(node))
		return refused(node);
	ret = fault_active(vmf, node, &file);
	dsm_node_put_active(node);
	if (file)
		fput(file);
	return ret;
}

/*
 * A store to a page that is mapped read-only. Its callers do not take
 * VM_FAULT_RETRY, so without the right the upgrade is only started, the page
 * unmapped, and the store faults again, into vm_fault(), which waits.
 */
static vm_fault_t vm_page_mkwrite(struct vm_fault *vmf)
{
	struct dsm_node *node = vma_node(vmf->vma);
	vm_fault_t ret = VM_FAULT_LOCKED;
	struct dsm_slot *slot;
	int err;

	if (!dsm_node_get_active(node))
		return refused(node);
	slot = dsm_slot_get_mapped(node, page_folio(vmf->page),
				   GFP_KERNEL_ACCOUNT);
	if (!slot) {
		ret = VM_FAULT_OOM;
		goto out;
	}
	/* Whose store it is cannot be told here; no sleeper stores. */
	dsm_futex_progress(slot);
	/*
	 * vm_fault() has asked ahead if the page was not mapped; and it is next
	 * if the right is not here.
	 */
	if (vmf->pte && !(vmf->vma->vm_flags & VM_RAND_READ) &&
	    READ_ONCE(slot->page.state) == DSM_WRITE)
		dsm_ahead(node, slot, DSM_WRITE);
	err = dsm_engine_acquire(node, slot, DSM_WRITE, DSM_HOW_PROGRAM);
	trace_dsm_fault(node->core.self, slot->index, DSM_WRITE, err);
	if (err) {
		unmap(node, slot);
		ret = VM_FAULT_NOPAGE;
	}
	dsm_slot_put(slot);
out:
	dsm_node_put_active(node);
	return ret;
}

/*
 * Map what is here around a page that is read, and that page itself. It has to
 * come to vm_fault() all the same if it has just been fetched for this fault,
 * which is its first use; or if the program is not known yet to those who wake
 * sleepers; or if a store waits for it (see access_needed()). Does not sleep.
 */
static vm_fault_t vm_map_around(struct vm_fault *vmf, pgoff_t first,
				pgoff_t last)
{
	struct dsm_node *node = vma_node(vmf->vma);
	struct dsm_look look;
	vm_fault_t ret = 0;

	if (vmf->flags & FAULT_FLAG_TRIED || !dsm_node_get_active(node))
		return 0;
	look = dsm_slot_look(node, dsm_page_of(node, vmf->pgoff));
	if (look.state != DSM_NONE && !look.want &&
	    dsm_futex_knows(node, vmf->vma))
		ret = filemap_map_pages(vmf, first, last);
	dsm_node_put_active(node);
	return ret;
}

/* What was mapped already is now elsewhere, and no fault will tell. */
static int vm_mremap(struct vm_area_struct *vma)
{
	return dsm_futex_note(vma_node(vma), vma);
}

static const struct vm_operations_struct vm_ops = {
	.fault = vm_fault,
	.map_pages = vm_map_around,
	.page_mkwrite = vm_page_mkwrite,
	.mremap = vm_mremap,
};

/* Whether these pages of the machine can be mapped */
static int check_range(struct dsm_node *node, u64 first, u64 pages)
{
	bool inside;
	u64 end;

	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	end = dsm_page_pgoff(node, node->core.pages);
	inside = first <= end && pages <= end - first;
	dsm_node_put_active(node);
	return inside ? 0 : -EINVAL;
}

int dsm_vm_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = check_range(file->private_data, vma->vm_pgoff,
			      vma_pages(vma));

	if (err)
		return err;
	/* A core dump that fetched the whole region would never end. */
	vm_flags_set(vma, VM_DONTDUMP);
	vma->vm_ops = &vm_ops;
	return 0;
}

/*
 * The same address on every node, where it is free. mremap() that has to move a
 * mapping comes here, too, and does not ask otherwise whether that may grow.
 */
unsigned long dsm_vm_get_unmapped_area(struct file *file, unsigned long addr,
				       unsigned long len, unsigned long pgoff,
				       unsigned long flags)
{
	struct dsm_node *node = file->private_data;
	int err = check_range(node, pgoff, PAGE_ALIGN(len) >> PAGE_SHIFT);

	if (err)
		return err;
	if (!addr && !(flags & MAP_FIXED))
		addr = node->set.base + (pgoff << PAGE_SHIFT);
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
}

/*
 * Whether somebody else refers to the page: besides its mappings there are the
 * page cache (once for each page of the machine), the slot, and the batch that
 * a folio is in until it is on an LRU list.
 */
static bool is_referenced(struct folio *folio)
{
	return folio_ref_count(folio) > folio_mapcount(folio) +
					folio_nr_pages(folio) + 1 +
					!folio_test_lru(folio);
}

/*
 * Whether the page is pinned, or may be. To folio_maybe_dma_pinned() a thousand
 * mappings of a small one are as good as a pin. Those come and go between the
 * two looks, but not by the hundred.
 */
static bool is_pinned(struct folio *folio)
{
	if (folio_test_large(folio))
		return folio_maybe_dma_pinned(folio);
	return folio_ref_count(folio) - folio_mapcount(folio) >=
	       GUP_PIN_COUNTING_BIAS / 2;
}

/**
 * dsm_vm_withdraw - take from every process what may be taken from this node
 * @node:	the node
 * @slot:	the page, locked, with a state above @right
 * @right:	what remains: %DSM_NONE or %DSM_READ
 * @patient:	references that are no pins count, too
 *
 * With the locks that the caller and this hold nobody can come to use the page
 * any more. What can store to it all the same is a pin from before, which
 * get_user_pages_fast() makes before it looks at the page table once more. The
 * right is the node's still, so programs just fault and have it again.
 *
 * Batches of mlock() refer to a page for as long as they like, so the
 * references of one that is locked tell nothing.
 *
 * Return: whether the page is pinned.
 */
bool dsm_vm_withdraw(struct dsm_node *node, struct dsm_slot *slot, u8 right,
		     bool patient)
{
	struct folio *folio = slot->folio;
	bool pinned;

	lockdep_assert_held(&slot->lock);

	folio_lock(folio);
	patient = patient && !folio_test_mlocked(folio);
	unmap(node, slot);
	pinned = is_pinned(folio) || (patient && is_referenced(folio));
	/* Nor does a fault on a page near it map it again. */
	if (right == DSM_NONE)
		folio_clear_uptodate(folio);
	folio_unlock(folio);
	return pinned;
}

/**
 * dsm_vm_restore - programs may use what has come, or was withdrawn and stays
 * @slot:	the page, locked
 */
void dsm_vm_restore(struct dsm_slot *slot)
{
	lockdep_assert_held(&slot->lock);

	if (slot->page.state != DSM_NONE)
		folio_mark_uptodate(slot->folio);
}

/**
 * dsm_vm_protect - take a right from every process of this node
 * @node:	the node
 * @slot:	the page, locked; its state is lowered already
 * @right:	what remains: %DSM_NONE or %DSM_READ
 *
 * On return no page table and no TLB of this machine allows more.
 */
void dsm_vm_protect(struct dsm_node *node, struct dsm_slot *slot, u8 right)
{
	struct folio *folio = slot->folio;

	lockdep_assert_held(&slot->lock);

	folio_lock(folio);
	if (!slot->withdrawn)
		unmap(node, slot);
	if (right == DSM_NONE)
		folio_clear_uptodate(folio);
	folio_unlock(folio);
}
