// SPDX-License-Identifier: GPL-2.0-only
/* The module: a ladder up and down. */
#define CREATE_TRACE_POINTS
#include <linux/module.h>

#include "dsm.h"
#include "trace.h"

static unsigned int instances = 1;
module_param(instances, uint, 0444);
MODULE_PARM_DESC(instances, "nodes in this kernel, 1 to 64 (default 1)");

static struct class dsm_class = {
	.name = "dsm",
};

static dev_t first_devt;
static struct dsm_node *nodes[DSM_INSTANCES_MAX];

static void destroy_nodes(unsigned int n)
{
	while (n--)
		dsm_node_destroy(nodes[n]);
}

static int __init dsm_init(void)
{
	unsigned int i;
	int err;

	if (!instances || instances > DSM_INSTANCES_MAX) {
		pr_err("dsm: instances must be 1 to %u\n", DSM_INSTANCES_MAX);
		return -EINVAL;
	}

	err = dsm_region_init();
	if (err)
		return err;
	err = class_register(&dsm_class);
	if (err)
		goto err_region;
	err = alloc_chrdev_region(&first_devt, 0, instances, "dsm");
	if (err)
		goto err_class;
	for (i = 0; i < instances; i++) {
		nodes[i] = dsm_node_create(i, first_devt + i, &dsm_class);
		if (IS_ERR(nodes[i])) {
			err = PTR_ERR(nodes[i]);
			goto err_nodes;
		}
	}
	return 0;

err_nodes:
	destroy_nodes(i);
	unregister_chrdev_region(first_devt, instances);
err_class:
	class_unregister(&dsm_class);
err_region:
	dsm_region_exit();
	return err;
}

static void __exit dsm_exit(void)
{
	destroy_nodes(instances);
	unregister_chrdev_region(first_devt, instances);
	class_unregister(&dsm_class);
	dsm_region_exit();
	/* What call_rcu() of futex.c still has to run is in this module. */
	rcu_barrier();
}

module_init(dsm_init);
module_exit(dsm_exit);

MODULE_DESCRIPTION("Distributed shared memory");
MODULE_LICENSE("GPL");
