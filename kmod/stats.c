// SPDX-License-Identifier: GPL-2.0-only
/* The counters in stats/. */
#include "dsm.h"

static s64 read_stat(struct dsm_node *node, enum dsm_stat stat)
{
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(node->stats, cpu)->value[stat]);
	return sum;
}

#define STAT_ATTR(name)							\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf);	\
static DEVICE_ATTR_RO(name);						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%lld\n",				\
			  read_stat(dsm_node_of(dev),			\
				    DSM_STAT_##name));			\
}

DSM_STATS(STAT_ATTR)

#define STAT_LIST(name)		&dev_attr_##name.attr,

static struct attribute *stats_attrs[] = {
	DSM_STATS(STAT_LIST)
	NULL
};

const struct attribute_group dsm_stats_group = {
	.name = "stats",
	.attrs = stats_attrs,
};
