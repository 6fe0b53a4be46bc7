/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions, force-included before each file of
 * the shell. The rest of the module is written for the newest kernel; what that
 * one has and older ones lack is here, the newest first.
 */
#ifndef DSM_COMPAT_H
#define DSM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "dsm needs Linux 6.1 or newer"
#endif

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>

/* 7.0, and the later ones of the older lines */
#ifndef kzalloc_obj
#define dsm_compat_gfp(empty, gfp, ...)	gfp
#define kzalloc_objs(object, count, gfp...)				\
	kcalloc(count, sizeof(object), dsm_compat_gfp(, ##gfp, GFP_KERNEL))
#define kzalloc_obj(object, gfp...)	kzalloc_objs(object, 1, ##gfp)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized	sockaddr

static inline unsigned long
dsm_compat_get_unmapped_area(struct file *file, unsigned long addr,
			     unsigned long len, unsigned long pgoff,
			     unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	return current->mm->get_unmapped_area(file, addr, len, pgoff, flags);
#else
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
#endif
}

#define mm_get_unmapped_area	dsm_compat_get_unmapped_area
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void
hrtimer_setup(struct hrtimer *timer,
	      enum hrtimer_restart (*function)(struct hrtimer *),
	      clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

/*
 * 6.14, and the later ones of some older lines (see Kbuild): a kernel socket is
 * to hold its network namespace, as a user's does.
 */
#ifndef DSM_HAVE_NET_REFCNT_UPGRADE
static inline void sk_net_refcnt_upgrade(struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_free(sock_net(sk), &sk->ns_tracker, false);
#endif
	sk->sk_net_refcnt = 1;
	get_net_track(sock_net(sk), &sk->ns_tracker, GFP_KERNEL);
	sock_inuse_add(sock_net(sk), 1);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline bool dsm_compat_mempool_is_saturated(mempool_t *pool)
{
	return READ_ONCE(pool->curr_nr) >= pool->min_nr;
}

#define mempool_is_saturated	dsm_compat_mempool_is_saturated
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
/* Modules may not ask for it. */
static inline int dsm_compat_mapcount(struct folio *folio)
{
	long i, nr = folio_nr_pages(folio);
	int count = 0, whole = 0;

	for (i = 0; i < nr; i++)
		count += atomic_read(&folio_page(folio, i)->_mapcount) + 1;
	if (folio_test_large(folio))
		whole = folio_entire_mapcount(folio);
	/* Before 6.2, a mapping of the whole counts for each page, too. */
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0))
		count -= whole * nr;
	return count + whole;
}

#define folio_mapcount	dsm_compat_mapcount
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
/* Before faults could happen under a lock of the mapping alone. */
static inline void release_fault_lock(struct vm_fault *vmf)
{
	mmap_read_unlock(vmf->vma->vm_mm);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read	generic_file_splice_read
#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES	0x8000000
#endif

/* What is sent as a copy, so that TCP notices the end of a record */
#define DSM_COMPAT_TAIL		64

/* Of one piece of memory; the caller goes on where this ends. */
static inline int dsm_compat_sendmsg(struct socket *sock, struct msghdr *msg)
{
	const struct bio_vec *vec = msg->msg_iter.bvec;
	int flags = msg->msg_flags & ~MSG_SPLICE_PAGES;
	size_t length;

	if (flags == msg->msg_flags)
		return sock_sendmsg(sock, msg);
	length = vec->bv_len;
	if (flags & MSG_EOR && length <= DSM_COMPAT_TAIL) {
		msg->msg_flags = flags;
		return sock_sendmsg(sock, msg);
	}
	if (flags & MSG_EOR) {
		length -= DSM_COMPAT_TAIL;
		flags ^= MSG_EOR | MSG_MORE;
	}
	return kernel_sendpage(sock, vec->bv_page, vec->bv_offset, length,
			       flags);
}

#define sock_sendmsg	dsm_compat_sendmsg
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline struct folio *dsm_compat_get_folio(struct address_space *mapping,
						 pgoff_t index)
{
	return filemap_get_folio(mapping, index) ?: ERR_PTR(-ENOENT);
}

#define filemap_get_folio	dsm_compat_get_folio
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void bvec_set_virt(struct bio_vec *vec, void *vaddr,
				 unsigned int len)
{
	vec->bv_page = virt_to_page(vaddr);
	vec->bv_len = len;
	vec->bv_offset = offset_in_page(vaddr);
}
#endif

/* 6.2: a flag instead of a guess from sk_allocation */
static inline void sock_no_task_frag(struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	sk->sk_use_task_frag = false;
#endif
}

/* 6.2, and the later ones of 6.1 */
#ifndef ITER_DEST
#define ITER_DEST	READ
#define ITER_SOURCE	WRITE
#endif

#endif /* DSM_COMPAT_H */
