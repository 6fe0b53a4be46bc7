// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes on purpose, one of each kind that the debug kernels look for, to see
 * that they find it. Writing the name of one to the file "seeded" in debugfs
 * makes it.
 */
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static DEFINE_SPINLOCK(spinning);
static int __rcu *published;

/* ---- locks ---- */

static int both_orders(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);

	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
	return 0;
}

static int read_unprotected(void)
{
	return rcu_dereference(published) ? -EEXIST : 0;
}

static int sleep_in_atomic(void)
{
	void *memory;

	spin_lock(&spinning);
	memory = kmalloc(64, GFP_KERNEL);
	spin_unlock(&spinning);
	kfree(memory);
	return 0;
}

/* ---- memory ---- */

static int use_after_free(void)
{
	char *memory = kzalloc(64, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	kfree(memory);
	return READ_ONCE(*memory) ? 0 : 0;
}

static int out_of_bounds(void)
{
	char *memory = kmalloc(60, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[60], 1);
	kfree(memory);
	return 0;
}

static int out_of_vmalloc(void)
{
	char *memory = vmalloc(60);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[60], 1);
	vfree(memory);
	return 0;
}

/* Several: what is left on a stack may point to the last one. */
static int leak(void)
{
	void *memory;
	int i;

	for (i = 0; i < 8; i++) {
		memory = kmalloc(100, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(memory);
	}
	return 0;
}

static int delete_twice(void)
{
	LIST_HEAD(list);
	LIST_HEAD(entry);

	list_add(&entry, &list);
	list_del(&entry);
	list_del(&entry);
	return 0;
}

static void no_work(struct work_struct *work)
{
}

static int free_active(void)
{
	struct delayed_work *work = kmalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return -ENOMEM;
	INIT_DELAYED_WORK(work, no_work);
	schedule_delayed_work(work, 3600 * HZ);
	kfree(work);
	return 0;
}

static int put_twice(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	put_page(page);
	put_page(page);
	return 0;
}

/* ---- memory that runs out ---- */

static int want_object(void)
{
	void *memory = kmalloc(64, GFP_KERNEL);

	kfree(memory);
	return memory ? 0 : -ENOMEM;
}

static int want_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	__free_page(page);
	return 0;
}

/* ---- races ---- */

static struct task_struct *racers[2];
static unsigned long raced;

static int count(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

static int overwrite(void *unused)
{
	while (!kthread_should_stop()) {
		get_random_bytes(&raced, sizeof(raced));
		cond_resched();
	}
	return 0;
}

static int stop(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!IS_ERR_OR_NULL(racers[i]))
			kthread_stop(racers[i]);
		racers[i] = NULL;
	}
	return 0;
}

static int race(int (*one)(void *), int (*other)(void *))
{
	stop();
	racers[0] = kthread_run_on_cpu(one, NULL, 0, "seeded/%u");
	racers[1] = kthread_run_on_cpu(other, NULL, 1, "seeded/%u");
	return PTR_ERR_OR_ZERO(racers[0]) ?: PTR_ERR_OR_ZERO(racers[1]);
}

static int race_with_module(void)
{
	return race(count, count);
}

static int race_with_kernel(void)
{
	return race(count, overwrite);
}

/* ---- what there is ---- */

static int warn(void)
{
	WARN(1, "seeded: on purpose\n");
	return 0;
}

static const struct {
	const char *name;
	int (*make)(void);
} mistakes[] = {
	{ "both_orders", both_orders },
	{ "delete_twice", delete_twice },
	{ "free_active", free_active },
	{ "leak", leak },
	{ "out_of_bounds", out_of_bounds },
	{ "out_of_vmalloc", out_of_vmalloc },
	{ "put_twice", put_twice },
	{ "race_with_kernel", race_with_kernel },
	{ "race_with_module", race_with_module },
	{ "read_unprotected", read_unprotected },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "stop", stop },
	{ "use_after_free", use_after_free },
	{ "want_object", want_object },
	{ "want_page", want_page },
	{ "warn", warn },
};

static ssize_t seeded_write(struct file *file, const char __user *buffer,
			    size_t count, loff_t *pos)
{
	char name[32] = "";
	unsigned int i;
	int err;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buffer, count))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!sysfs_streq(name, mistakes[i].name))
			continue;
		err = mistakes[i].make();
		return err ?: count;
	}
	return -EINVAL;
}

static const struct file_operations seeded_fops = {
	.owner = THIS_MODULE,
	.write = seeded_write,
};

static struct dentry *seeded_file;

static int __init seeded_init(void)
{
	seeded_file = debugfs_create_file("seeded", 0200, NULL, NULL,
					  &seeded_fops);
	return PTR_ERR_OR_ZERO(seeded_file);
}

static void __exit seeded_exit(void)
{
	debugfs_remove(seeded_file);
	stop();
}

module_init(seeded_init);
module_exit(seeded_exit);

MODULE_DESCRIPTION("Mistakes for debug kernels to find");
MODULE_LICENSE("GPL");
