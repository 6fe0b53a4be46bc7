// SPDX-License-Identifier: GPL-2.0-only
/* The character device: files, ioctls, reading and writing. */
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "dsm.h"
#include <linux/dsm.h>

static_assert(DSM_NODES_MAX == DSM_NODE_LIMIT);
static_assert(DSM_PING_BYTES_MAX == DSM_PING_PAYLOAD_MAX);
static_assert((int)DSM_PAGE_NONE == (int)DSM_NONE);
static_assert((int)DSM_PAGE_READ_ONLY == (int)DSM_READ);
static_assert((int)DSM_PAGE_READ_WRITE == (int)DSM_WRITE);

static int file_open(struct inode *inode, struct file *file)
{
	struct dsm_node *node = container_of(inode->i_cdev, struct dsm_node,
					     cdev);

	get_device(&node->dev);
	file->private_data = node;
	/* All mappings of a node are mappings of its region's one inode. */
	file->f_mapping = node->inode->i_mapping;
	/* It is all memory: O_DIRECT has nothing to go around. */
	file->f_mode |= FMODE_CAN_ODIRECT;
	return 0;
}

static int file_release(struct inode *inode, struct file *file)
{
	struct dsm_node *node = file->private_data;

	put_device(&node->dev);
	return 0;
}

static loff_t file_llseek(struct file *file, loff_t offset, int whence)
{
	struct dsm_node *node = file->private_data;
	loff_t pos;

	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	pos = fixed_size_llseek(file, offset, whence, node->set.size);
	dsm_node_put_active(node);
	return pos;
}

/* Get a right to a page, waiting for it; its folio is locked then. */
static int acquire(struct dsm_node *node, struct dsm_slot *slot, u8 access)
{
	unsigned int how = 0;
	bool ahead = true;
	int err;

	err = dsm_region_back(node, slot, GFP_KERNEL);
	if (err)
		return err;
	/* The page may come between this look and the next. */
	if (dsm_ahead_is_first(node, slot, access)) {
		dsm_ahead(node, slot, access);
		ahead = false;
	}
	for (;;) {
		err = dsm_engine_acquire(node, slot, access, how);
		if (err == -EIO)
			dsm_stats_add(node, DSM_STAT_faults_failed, 1);
		if (err != -EAGAIN)
			return err;
		if (ahead)
			dsm_ahead(node, slot, access);
		ahead = false;
		err = dsm_engine_wait(node, slot, access, false);
		if (err)
			return err;
		how = DSM_HOW_AGAIN;
	}
}

/*
 * Copy what is in one page of the machine, through @bounce: no lock is held
 * while the user's buffer is touched, which may be a mapping of the same page,
 * or of one that another node wants. What is read was there at one moment.
 */
static ssize_t copy_in_page(struct dsm_node *node, loff_t pos, size_t length,
			    struct iov_iter *iter, u8 access, void *bounce)
{
	struct dsm_slot *slot;
	ssize_t n = length;
	void *to;
	int err;

	if (access == DSM_WRITE)
		n = copy_from_iter(bounce, length, iter);
	if (!n)
		return -EFAULT;
	slot = dsm_slot_get(node, dsm_page_of(node, pos >> PAGE_SHIFT),
			    GFP_KERNEL_ACCOUNT);
	err = slot ? acquire(node, slot, access) : -ENOMEM;
	if (err) {
		if (slot)
			dsm_slot_put(slot);
		if (access == DSM_WRITE)
			iov_iter_revert(iter, n);
		return err;
	}
	to = folio_address(slot->folio) + offset_in_folio(slot->folio, pos);
	if (access == DSM_WRITE)
		memcpy(to, bounce, n);
	else
		memcpy(bounce, to, n);
	folio_unlock(slot->folio);
	dsm_slot_put(slot);
	if (access == DSM_READ)
		n = copy_to_iter(bounce, length, iter) ?: -EFAULT;
	return n;
}

/*
 * What was done before an error counts. Any page may be far, so who must not
 * wait gets nothing: that is io_uring, if the file is O_NONBLOCK, and it comes
 * back from a worker, for all of it.
 */
static ssize_t copy(struct dsm_node *node, struct kiocb *iocb,
		    struct iov_iter *iter, u8 access)
{
	loff_t size = node->set.size;
	ssize_t n = 0, done = 0;
	void *bounce;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	bounce = (void *)__get_free_page(GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	while (iov_iter_count(iter) && iocb->ki_pos < size) {
		size_t rest = PAGE_SIZE - offset_in_page(iocb->ki_pos);
		size_t length = min(iov_iter_count(iter), rest);

		n = fatal_signal_pending(current) ? -EINTR :
		    copy_in_page(node, iocb->ki_pos, length, iter, access,
				 bounce);
		if (n < 0)
			break;
		iocb->ki_pos += n;
		done += n;
		cond_resched();
	}
	free_page((unsigned long)bounce);
	return done ?: n;
}

static ssize_t file_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct dsm_node *node = iocb->ki_filp->private_data;
	ssize_t done;

	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	done = copy(node, iocb, iter, DSM_READ);
	dsm_node_put_active(node);
	return done;
}

static ssize_t file_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct dsm_node *node = iocb->ki_filp->private_data;
	ssize_t done;

	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = node->set.size;
	if (iov_iter_count(iter) && iocb->ki_pos >= node->set.size)
		done = -ENOSPC;
	else
		done = copy(node, iocb, iter, DSM_WRITE);
	dsm_node_put_active(node);
	return done;
}

/* Memory has no disk behind it; what was stored is seen by all at once. */
static int file_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

/*
 * What is needed soon is asked for now. There is nothing else to advise: pages
 * stay where they are used, and one that another node wants goes there anyway.
 */
static int file_fadvise(struct file *file, loff_t offset, loff_t length,
			int advice)
{
	struct dsm_node *node = file->private_data;

	if (length < 0)
		return -EINVAL;
	switch (advice) {
	case POSIX_FADV_WILLNEED:
		break;
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_RANDOM:
	case POSIX_FADV_SEQUENTIAL:
	case POSIX_FADV_NOREUSE:
	case POSIX_FADV_DONTNEED:
		return 0;
	default:
		return -EINVAL;
	}
	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	dsm_prefetch(node, offset, length);
	dsm_node_put_active(node);
	return 0;
}

static long ioctl_info(struct dsm_node *node, void __user *arg)
{
	const struct dsm_info info = {
		.size = node->set.size,
		.base = node->set.base,
		.node = node->core.self,
		.nodes = node->core.members.nr,
		.page_size = PAGE_SIZE,
		.block_size = node->set.block_size,
		.epoch = node->core.members.epoch,
	};

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static u32 owner_seen(const struct dsm_node *node, const struct dsm_slot *slot,
		      u32 home)
{
	if (slot && slot->home)
		return slot->home->owner == DSM_NO_NODE ? DSM_NODE_NONE :
							  slot->home->owner;
	if (home == node->core.self)
		return home;	/* never asked for, so never written */
	return slot && slot->page.owned ? node->core.self : DSM_NODE_NONE;
}

static void fill_page_info(const struct dsm_node *node,
			   const struct dsm_slot *slot, u64 index,
			   struct dsm_page_info *info)
{
	const struct dsm_home *hm = slot ? slot->home : NULL;

	info->home = dsm_core_home(&node->core, index);
	info->owner = owner_seen(node, slot, info->home);
	info->state = slot ? slot->page.state : DSM_NONE;
	if (info->home == node->core.self)
		info->flags |= DSM_PAGE_IS_HOME;
	if (slot && slot->page.want)
		info->flags |= DSM_PAGE_PENDING;
	if (hm) {
		info->version = hm->version;
		if (hm->busy || hm->queue_len)
			info->flags |= DSM_PAGE_BUSY;
		memcpy(info->copyset, hm->copyset,
		       node->core.members.words * sizeof(u64));
	} else if (info->state != DSM_NONE) {
		info->version = slot->page.version;
		dsm_set_add(info->copyset, node->core.self);
	}
}

static long ioctl_page(struct dsm_node *node, void __user *arg)
{
	struct dsm_page_info info = {};
	struct dsm_slot *slot;
	u64 index;

	if (copy_from_user(&info.offset, arg, sizeof(info.offset)))
		return -EFAULT;
	if (info.offset >= node->set.size)
		return -EINVAL;
	info.offset &= ~((u64)node->set.block_size - 1);

	index = dsm_page_of(node, info.offset >> PAGE_SHIFT);
	if (dsm_slot_is_known(node, index)) {
		slot = dsm_slot_get(node, index, GFP_KERNEL_ACCOUNT);
		if (!slot)
			return -ENOMEM;
		mutex_lock(&slot->lock);
		fill_page_info(node, slot, index, &info);
		mutex_unlock(&slot->lock);
		dsm_slot_put(slot);
	} else {
		fill_page_info(node, NULL, index, &info);
	}
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ioctl_ping(struct dsm_node *node, void __user *arg)
{
	struct dsm_peer *peer;
	struct dsm_ping ping;
	int err;

	if (copy_from_user(&ping, arg, sizeof(ping)))
		return -EFAULT;
	if (ping.node >= DSM_NODES_MAX || ping.bytes > DSM_PING_BYTES_MAX ||
	    !ping.timeout_ms || ping.timeout_ms > 60000 || ping.reserved)
		return -EINVAL;
	peer = dsm_node_peer(node, ping.node);
	if (!peer)
		return -EINVAL;
	err = dsm_peer_ping(peer, ping.bytes, ping.timeout_ms, &ping.rtt_ns);
	if (err)
		return err;
	return copy_to_user(arg, &ping, sizeof(ping)) ? -EFAULT : 0;
}

static long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dsm_node *node = file->private_data;
	void __user *to = (void __user *)arg;
	long ret;

	if (!dsm_node_get_active(node))
		return -ENOTCONN;
	switch (cmd) {
	case DSM_IOC_INFO:
		ret = ioctl_info(node, to);
		break;
	case DSM_IOC_PAGE:
		ret = ioctl_page(node, to);
		break;
	case DSM_IOC_PING:
		ret = ioctl_ping(node, to);
		break;
	default:
		ret = -ENOTTY;
	}
	dsm_node_put_active(node);
	return ret;
}

const struct file_operations dsm_dev_fops = {
	.owner = THIS_MODULE,
	.open = file_open,
	.release = file_release,
	.llseek = file_llseek,
	.read_iter = file_read_iter,
	.write_iter = file_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.mmap = dsm_vm_mmap,
	.get_unmapped_area = dsm_vm_get_unmapped_area,
	.fsync = file_fsync,
	.fadvise = file_fadvise,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
