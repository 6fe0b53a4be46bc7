// SPDX-License-Identifier: GPL-2.0-only
/* A node: an instance of the shared memory, up or down. */
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "dsm.h"

/**
 * dsm_node_get_active - keep a node up
 * @node:	the node
 *
 * Return: whether it is up; then dsm_node_put_active() must follow.
 */
bool dsm_node_get_active(struct dsm_node *node)
{
	return atomic_inc_unless_negative(&node->active);
}

/** dsm_node_is_down() - why dsm_node_get_active() failed: not just leaving */
bool dsm_node_is_down(struct dsm_node *node)
{
	return atomic_read(&node->active) == DSM_NODE_DOWN;
}

/** dsm_node_put_active() - let it go down again */
void dsm_node_put_active(struct dsm_node *node)
{
	/* What was done under the reference comes before going down. */
	atomic_dec_return_release(&node->active);
}

static void node_release(struct device *dev)
{
	struct dsm_node *node = dsm_node_of(dev);

	free_percpu(node->stats);
	kfree(node);
}

static void set_defaults(struct dsm_settings *set)
{
	set->node_id = DSM_NO_NODE;
	set->block_size = PAGE_SIZE;
	set->base = DSM_BASE_DEFAULT;
	strscpy(set->cluster, "dsm", sizeof(set->cluster));
	strscpy(set->listen_text, "none", sizeof(set->listen_text));
	set->fault_timeout_ms = DSM_FAULT_TIMEOUT_MS;
	set->hold_us = DSM_HOLD_AUTO;
	set->ahead_pages = DSM_AHEAD_PAGES;
	set->rest_ms = DSM_REST_MS;
}

/**
 * dsm_node_create - make an instance, down
 * @index:	its number; /dev/dsm for 0, /dev/dsm1 and so on
 * @devt:	its device number
 * @class:	the class "dsm"
 *
 * Return: the node, or an ERR_PTR.
 */
struct dsm_node *dsm_node_create(unsigned int index, dev_t devt,
				 struct class *class)
{
	struct dsm_node *node = kzalloc_obj(*node);
	int err, i;

	if (!node)
		return ERR_PTR(-ENOMEM);

	mutex_init(&node->config_lock);
	mutex_init(&node->process_lock);
	for (i = 0; i < ARRAY_SIZE(node->back_locks); i++)
		mutex_init(&node->back_locks[i]);
	spin_lock_init(&node->prefetch_lock);
	node->few_until = jiffies;
	spin_lock_init(&node->ahead_lock);
	xa_init(&node->peers);
	xa_init(&node->slots);
	xa_init(&node->processes);
	INIT_LIST_HEAD(&node->process_list);
	INIT_LIST_HEAD(&node->conns);
	INIT_LIST_HEAD(&node->spares);
	spin_lock_init(&node->spares_lock);
	atomic_set(&node->active, DSM_NODE_DOWN);
	set_defaults(&node->set);

	device_initialize(&node->dev);
	node->dev.class = class;
	node->dev.devt = devt;
	node->dev.groups = dsm_sysfs_groups;
	node->dev.release = node_release;

	err = -ENOMEM;
	node->stats = alloc_percpu(struct dsm_counters);
	if (!node->stats)
		goto err_put;
	node->inode = dsm_region_inode();
	if (IS_ERR(node->inode)) {
		err = PTR_ERR(node->inode);
		goto err_put;
	}
	err = index ? dev_set_name(&node->dev, "dsm%u", index) :
		      dev_set_name(&node->dev, "dsm");
	if (err)
		goto err_inode;

	cdev_init(&node->cdev, &dsm_dev_fops);
	node->cdev.owner = THIS_MODULE;
	/* Nobody can add a node before there is a directory for it. */
	mutex_lock(&node->config_lock);
	err = cdev_device_add(&node->cdev, &node->dev);
	if (!err)
		node->nodes_dir = kobject_create_and_add("nodes",
							 &node->dev.kobj);
	mutex_unlock(&node->config_lock);
	if (err)
		goto err_inode;
	if (!node->nodes_dir) {
		err = -ENOMEM;
		goto err_del;
	}
	return node;

err_del:
	cdev_device_del(&node->cdev, &node->dev);
err_inode:
	iput(node->inode);
err_put:
	put_device(&node->dev);
	return ERR_PTR(err);
}

/** dsm_node_destroy() - take an instance away; nobody has it open */
void dsm_node_destroy(struct dsm_node *node)
{
	struct dsm_peer *peer;
	unsigned long id;

	/* First the files of sysfs, so that nobody writes "up" any more. */
	cdev_device_del(&node->cdev, &node->dev);
	mutex_lock(&node->config_lock);
	WARN_ON(dsm_node_down(node));
	mutex_unlock(&node->config_lock);
	xa_for_each(&node->peers, id, peer)
		dsm_peer_destroy(peer);
	xa_destroy(&node->peers);
	kobject_put(node->nodes_dir);
	iput(node->inode);
	put_device(&node->dev);
}

static int check_settings(struct dsm_node *node)
{
	const struct dsm_settings *set = &node->set;
	const char *missing = NULL;

	if (set->node_id == DSM_NO_NODE)
		missing = "node_id";
	else if (set->listen.ss_family == AF_UNSPEC)
		missing = "listen";
	else if (!set->size)
		missing = "size";
	if (missing) {
		dev_err(&node->dev, "cannot go up: %s is not set\n", missing);
		return -EINVAL;
	}
	if (dsm_node_peer(node, set->node_id)) {
		dev_err(&node->dev,
			"cannot go up: node %u is this node, and added too\n",
			set->node_id);
		return -EINVAL;
	}
	if (set->size % set->block_size) {
		dev_err(&node->dev,
			"cannot go up: size is no multiple of block_size\n");
		return -EINVAL;
	}
	if (set->base >= TASK_SIZE_MAX ||
	    set->size > TASK_SIZE_MAX - set->base) {
		dev_err(&node->dev,
			"cannot go up: base and size reach past what a program can map\n");
		return -EINVAL;
	}
	return 0;
}

/* The members are this node and its peers, by increasing id. */
static int members_create(struct dsm_node *node)
{
	struct dsm_members *m = &node->core.members;
	u16 self = node->set.node_id, highest = self, nr = 1;
	struct dsm_peer *peer;
	bool placed = false;
	unsigned long id;

	xa_for_each(&node->peers, id, peer) {
		highest = max_t(u16, highest, id);
		nr++;
	}

	m->lost = kzalloc_objs(*m->lost, dsm_words_for(highest));
	node->ids = kzalloc_objs(*node->ids, nr);
	if (!m->lost || !node->ids) {
		kfree(m->lost);
		kfree(node->ids);
		return -ENOMEM;
	}

	m->epoch = 1;
	m->nr = 0;
	m->words = dsm_words_for(highest);
	m->ids = node->ids;
	xa_for_each(&node->peers, id, peer) {
		if (!placed && self < id) {
			node->ids[m->nr++] = self;
			placed = true;
		}
		node->ids[m->nr++] = id;
	}
	if (!placed)
		node->ids[m->nr++] = self;
	node->core.self = self;
	node->core.pages = div_u64(node->set.size, node->set.block_size);
	node->order = ilog2(node->set.block_size) - PAGE_SHIFT;
	return 0;
}

static void members_destroy(struct dsm_node *node)
{
	kfree(node->core.members.lost);
	kfree(node->ids);
	node->core.members.lost = NULL;
	node->ids = NULL;
}

static int workers_create(struct dsm_node *node)
{
	const char *name = dev_name(&node->dev);

	node->wq = alloc_workqueue("%s", WQ_HIGHPRI | WQ_MEM_RECLAIM |
				   WQ_UNBOUND, 0, name);
	if (!node->wq)
		return -ENOMEM;
	node->keeper_wq = alloc_ordered_workqueue("%s-keeper", WQ_MEM_RECLAIM,
						  name);
	if (!node->keeper_wq) {
		destroy_workqueue(node->wq);
		return -ENOMEM;
	}
	return 0;
}

static void workers_destroy(struct dsm_node *node)
{
	destroy_workqueue(node->keeper_wq);
	destroy_workqueue(node->wq);
}

static void clear_stats(struct dsm_node *node)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(node->stats, cpu), 0,
		       sizeof(struct dsm_counters));
}

/**
 * dsm_node_up - join the cluster
 * @node:	the node; config_lock is held
 *
 * Return: 0, %-EBUSY if it is up, %-EINVAL if settings are missing (and the log
 * says which), or the error of the listening socket.
 */
int dsm_node_up(struct dsm_node *node)
{
	int err;

	lockdep_assert_held(&node->config_lock);

	if (node->up)
		return -EBUSY;
	err = check_settings(node);
	if (err)
		return err;
	err = members_create(node);
	if (err)
		return err;
	err = dsm_parcel_pools_create(node);
	if (err)
		goto err_members;
	err = workers_create(node);
	if (err)
		goto err_pools;

	while (!node->generation)
		node->generation = get_random_u64();
	node->net = get_net(current->nsproxy->net_ns);
	i_size_write(node->inode, node->set.size);
	clear_stats(node);
	dsm_slots_start(node);
	dsm_engine_start(node);
	dsm_futex_start(node);
	err = dsm_tcp_start(node);
	if (err)
		goto err_net;

	node->up = true;
	atomic_set_release(&node->active, 0);
	dev_info(&node->dev, "node %u of \"%s\" is up: %u nodes, %llu bytes\n",
		 node->core.self, node->set.cluster, node->core.members.nr,
		 node->set.size);
	return 0;

err_net:
	put_net(node->net);
	workers_destroy(node);
err_pools:
	dsm_parcel_pools_destroy(node);
err_members:
	members_destroy(node);
	return err;
}

static bool is_mapped(struct dsm_node *node)
{
	struct address_space *mapping = node->inode->i_mapping;
	bool mapped;

	/* Whoever splits or merges a mapping takes it out for a moment. */
	i_mmap_lock_read(mapping);
	mapped = mapping_mapped(mapping);
	i_mmap_unlock_read(mapping);
	return mapped;
}

/*
 * Stop all faults and file calls, if nothing is mapped. Mappings are not
 * counted, as the kernel splits and merges them as it likes: those that exist
 * are in i_mmap. One that is just being made may come too late to be seen; its
 * faults find the node down.
 */
static bool leave(struct dsm_node *node)
{
	if (is_mapped(node) ||
	    atomic_cmpxchg(&node->active, 0, DSM_NODE_LEAVING))
		return false;
	if (is_mapped(node)) {
		atomic_set(&node->active, 0);
		return false;
	}
	atomic_set(&node->active, DSM_NODE_DOWN);
	return true;
}

/**
 * dsm_node_down - leave the cluster and forget all pages
 * @node:	the node; config_lock is held
 *
 * Return: 0, also if it was down, or %-EBUSY while it is in use.
 */
int dsm_node_down(struct dsm_node *node)
{
	struct dsm_peer *peer;
	unsigned long id;

	lockdep_assert_held(&node->config_lock);

	if (!node->up)
		return 0;
	if (!leave(node))
		return -EBUSY;

	dsm_tcp_stop(node);
	dsm_engine_stop(node);
	dsm_futex_stop(node);
	dsm_slots_stop(node);
	dsm_region_clear(node);
	xa_for_each(&node->peers, id, peer) {
		if (peer->shared)
			node->generation = 0;
		dsm_peer_reset(peer);
	}
	put_net(node->net);
	workers_destroy(node);
	dsm_parcel_pools_destroy(node);
	members_destroy(node);
	clear_stats(node);
	node->rtt_us = 0;
	node->hold_rtt_us = 0;
	memset(node->streams, 0, sizeof(node->streams));
	memset(node->uses, 0, sizeof(node->uses));
	node->line_begin = 0;
	node->line_end = 0;
	atomic_set(&node->flying, 0);
	node->up = false;
	dev_info(&node->dev, "down\n");
	return 0;
}
