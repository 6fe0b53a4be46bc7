// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/dsm: settings, peers, up and down. Every store checks its value
 * first and then changes one thing under config_lock, or nothing.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/nsproxy.h>
#include <linux/sysfs.h>
#include <net/net_namespace.h>

#include "dsm.h"

/* Parse "ADDR:PORT" or "[ADDR]:PORT"; @text is cut up. */
static int parse_address(char *text, struct sockaddr_storage *address)
{
	sa_family_t family = AF_INET;
	char *host = text, *port;
	u16 number;

	if (*text == '[') {
		family = AF_INET6;
		host = text + 1;
		port = strchr(text, ']');
		if (!port)
			return -EINVAL;
		*port++ = '\0';
		if (*port != ':')
			return -EINVAL;
	} else {
		port = strchr(text, ':');
		if (!port)
			return -EINVAL;
	}
	*port++ = '\0';
	if (!isdigit(*port) || kstrtou16(port, 10, &number) || !number)
		return -EINVAL;
	return inet_pton_with_scope(current->nsproxy->net_ns, family, host,
				    port, address) ? -EINVAL : 0;
}

/* One word of at most @room - 1 characters, a newline at its end left out. */
static int copy_word(char *to, size_t room, const char *buf)
{
	size_t length = strcspn(buf, "\n");

	if (!length || length >= room || (buf[length] && buf[length + 1]) ||
	    strcspn(buf, " \t") < length)
		return -EINVAL;
	memcpy(to, buf, length);
	to[length] = '\0';
	return 0;
}

static int parse_node_id(const char *buf, u16 *id)
{
	u16 value;

	if (!isdigit(*buf) || kstrtou16(buf, 10, &value) ||
	    value >= DSM_NODE_LIMIT)
		return -EINVAL;
	*id = value;
	return 0;
}

/* A number of bytes with K, M, G or T behind it, or nothing. */
static int parse_size(const char *buf, u64 *size)
{
	static const char units[] = "KMGT";
	char word[32], *unit;
	int shift = 0;
	u64 value;

	if (copy_word(word, sizeof(word), buf) || !isdigit(*word))
		return -EINVAL;
	unit = strpbrk(word, units);
	if (unit) {
		if (unit[1])
			return -EINVAL;
		shift = 10 * (strchr(units, *unit) - units + 1);
		*unit = '\0';
	}
	if (kstrtou64(word, 10, &value) || value > (u64)LLONG_MAX >> shift)
		return -EINVAL;
	*size = value << shift;
	return 0;
}

static int set_node_id(struct dsm_settings *set, const char *buf)
{
	return parse_node_id(buf, &set->node_id);
}

static int set_listen(struct dsm_settings *set, const char *buf)
{
	char word[DSM_ADDRESS_CHARS];

	if (copy_word(set->listen_text, sizeof(set->listen_text), buf))
		return -EINVAL;
	strscpy(word, set->listen_text, sizeof(word));
	return parse_address(word, &set->listen);
}

static int set_size(struct dsm_settings *set, const char *buf)
{
	if (parse_size(buf, &set->size) || !set->size ||
	    set->size % set->block_size)
		return -EINVAL;
	return 0;
}

static int set_block_size(struct dsm_settings *set, const char *buf)
{
	u64 size;

	if (parse_size(buf, &size) || !is_power_of_2(size) ||
	    size < PAGE_SIZE || size > DSM_BLOCK_MAX)
		return -EINVAL;
	/* Without, the kernel does not expect large folios in a file. */
	if (size > PAGE_SIZE && !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return -EOPNOTSUPP;
	set->block_size = size;
	return 0;
}

static int set_base(struct dsm_settings *set, const char *buf)
{
	if (kstrtou64(buf, 16, &set->base) || !set->base ||
	    !PAGE_ALIGNED(set->base) || set->base >= TASK_SIZE_MAX)
		return -EINVAL;
	return 0;
}

static int set_cluster(struct dsm_settings *set, const char *buf)
{
	const char *c;

	memset(set->cluster, 0, sizeof(set->cluster));
	if (copy_word(set->cluster, sizeof(set->cluster), buf))
		return -EINVAL;
	for (c = set->cluster; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return -EINVAL;
	return 0;
}

/* A number from 0 to @max that may change while the node is up */
static int set_number(u32 *setting, const char *buf, u32 max)
{
	u32 value;

	if (!isdigit(*buf) || kstrtou32(buf, 10, &value) || value > max)
		return -EINVAL;
	WRITE_ONCE(*setting, value);
	return 0;
}

static int set_fault_timeout_ms(struct dsm_settings *set, const char *buf)
{
	return set_number(&set->fault_timeout_ms, buf, U32_MAX);
}

static int set_hold_us(struct dsm_settings *set, const char *buf)
{
	if (!sysfs_streq(buf, "auto"))
		return set_number(&set->hold_us, buf, DSM_HOLD_US_MAX);
	WRITE_ONCE(set->hold_us, DSM_HOLD_AUTO);
	return 0;
}

static int set_ahead_pages(struct dsm_settings *set, const char *buf)
{
	return set_number(&set->ahead_pages, buf, DSM_AHEAD_MAX);
}

static int set_rest_ms(struct dsm_settings *set, const char *buf)
{
	return set_number(&set->rest_ms, buf, DSM_REST_MS_MAX);
}

/* Change a copy, and take it over whole if the value was good. */
static ssize_t store_down(struct device *dev, const char *buf, size_t count,
			  int (*change)(struct dsm_settings *set,
					const char *buf))
{
	struct dsm_node *node = dsm_node_of(dev);
	struct dsm_settings set;
	int err;

	mutex_lock(&node->config_lock);
	set = node->set;
	err = node->up ? -EBUSY : change(&set, buf);
	if (!err)
		node->set = set;
	mutex_unlock(&node->config_lock);
	return err ?: count;
}

static ssize_t store_always(struct device *dev, const char *buf, size_t count,
			    int (*change)(struct dsm_settings *set,
					  const char *buf))
{
	struct dsm_node *node = dsm_node_of(dev);
	int err;

	mutex_lock(&node->config_lock);
	err = change(&node->set, buf);
	mutex_unlock(&node->config_lock);
	return err ?: count;
}

/* A copy, as nobody changes it */
static struct dsm_settings settings_of(struct device *dev)
{
	struct dsm_node *node = dsm_node_of(dev);
	struct dsm_settings set;

	mutex_lock(&node->config_lock);
	set = node->set;
	mutex_unlock(&node->config_lock);
	return set;
}

#define SETTING(name, store, format, value)				\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	const struct dsm_settings set = settings_of(dev);		\
									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static ssize_t name##_store(struct device *dev,				\
			    struct device_attribute *attr,		\
			    const char *buf, size_t count)		\
{									\
	return store(dev, buf, count, set_##name);			\
}									\
static DEVICE_ATTR_RW(name)

SETTING(listen, store_down, "%s", set.listen_text);
SETTING(size, store_down, "%llu", set.size);
SETTING(block_size, store_down, "%u", set.block_size);
SETTING(base, store_down, "0x%llx", set.base);
SETTING(cluster, store_down, "%s", set.cluster);
SETTING(fault_timeout_ms, store_always, "%u", set.fault_timeout_ms);
SETTING(ahead_pages, store_always, "%u", set.ahead_pages);

static ssize_t rest_ms_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%u\n", settings_of(dev).rest_ms);
}

static ssize_t rest_ms_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct dsm_node *node = dsm_node_of(dev);
	int err;

	mutex_lock(&node->config_lock);
	err = set_rest_ms(&node->set, buf);
	if (!err)
		dsm_slots_rest_ms(node);
	mutex_unlock(&node->config_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(rest_ms);

static ssize_t hold_us_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	u32 hold_us = settings_of(dev).hold_us;

	return hold_us == DSM_HOLD_AUTO ? sysfs_emit(buf, "auto\n") :
					  sysfs_emit(buf, "%u\n", hold_us);
}

static ssize_t hold_us_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	return store_always(dev, buf, count, set_hold_us);
}
static DEVICE_ATTR_RW(hold_us);

static ssize_t hold_now_us_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct dsm_node *node = dsm_node_of(dev);
	u32 hold_us;

	mutex_lock(&node->config_lock);
	hold_us = dsm_hold_base(node);
	mutex_unlock(&node->config_lock);
	return sysfs_emit(buf, "%u\n", hold_us);
}
static DEVICE_ATTR_RO(hold_now_us);

static ssize_t node_id_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	u16 id = settings_of(dev).node_id;

	return id == DSM_NO_NODE ? sysfs_emit(buf, "none\n") :
				   sysfs_emit(buf, "%u\n", id);
}

static ssize_t node_id_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	return store_down(dev, buf, count, set_node_id);
}
static DEVICE_ATTR_RW(node_id);

static int add_node(struct dsm_node *node, const char *buf)
{
	char line[DSM_ADDRESS_CHARS + 8], text[DSM_ADDRESS_CHARS], *word;
	struct sockaddr_storage address;
	struct dsm_peer *peer;
	u16 id;

	if (strscpy(line, buf, sizeof(line)) < 0)
		return -EINVAL;
	word = strchr(line, ' ');
	if (!word)
		return -EINVAL;
	*word++ = '\0';
	if (parse_node_id(line, &id) || id == node->set.node_id ||
	    copy_word(text, sizeof(text), word))
		return -EINVAL;
	strscpy(line, text, sizeof(line));
	if (parse_address(line, &address))
		return -EINVAL;
	if (node->up)
		return -EBUSY;
	if (dsm_node_peer(node, id))
		return -EEXIST;
	if (!node->nodes_dir)
		return -ENODEV;
	peer = dsm_peer_create(node, id, &address, text);
	return PTR_ERR_OR_ZERO(peer);
}

static ssize_t add_node_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct dsm_node *node = dsm_node_of(dev);
	int err;

	mutex_lock(&node->config_lock);
	err = node->up ? -EBUSY : add_node(node, buf);
	mutex_unlock(&node->config_lock);
	return err ?: count;
}
static DEVICE_ATTR_WO(add_node);

static int remove_node(struct dsm_node *node, const char *buf)
{
	struct dsm_peer *peer;
	u16 id;

	if (parse_node_id(buf, &id))
		return -EINVAL;
	peer = dsm_node_peer(node, id);
	if (!peer)
		return -ENOENT;
	dsm_peer_destroy(peer);
	return 0;
}

static ssize_t remove_node_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t count)
{
	struct dsm_node *node = dsm_node_of(dev);
	int err;

	mutex_lock(&node->config_lock);
	err = node->up ? -EBUSY : remove_node(node, buf);
	mutex_unlock(&node->config_lock);
	return err ?: count;
}
static DEVICE_ATTR_WO(remove_node);

static const char *cluster_state(struct dsm_node *node)
{
	bool joining = false, degraded = false;
	struct dsm_peer *peer;
	unsigned long id;

	lockdep_assert_held(&node->config_lock);

	if (!node->up)
		return "down";
	xa_for_each(&node->peers, id, peer) {
		if (dsm_peer_is_up(peer))
			continue;
		if (READ_ONCE(peer->met))
			degraded = true;
		else
			joining = true;
	}
	if (degraded)
		return "degraded";
	return joining ? "joining" : "up";
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct dsm_node *node = dsm_node_of(dev);
	const char *state;

	mutex_lock(&node->config_lock);
	state = cluster_state(node);
	mutex_unlock(&node->config_lock);
	return sysfs_emit(buf, "%s\n", state);
}

static ssize_t state_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct dsm_node *node = dsm_node_of(dev);
	int err = -EINVAL;

	mutex_lock(&node->config_lock);
	if (sysfs_streq(buf, "up"))
		err = dsm_node_up(node);
	else if (sysfs_streq(buf, "down"))
		err = dsm_node_down(node);
	mutex_unlock(&node->config_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(state);

static struct attribute *node_attrs[] = {
	&dev_attr_node_id.attr,
	&dev_attr_listen.attr,
	&dev_attr_size.attr,
	&dev_attr_block_size.attr,
	&dev_attr_base.attr,
	&dev_attr_cluster.attr,
	&dev_attr_fault_timeout_ms.attr,
	&dev_attr_hold_us.attr,
	&dev_attr_hold_now_us.attr,
	&dev_attr_ahead_pages.attr,
	&dev_attr_rest_ms.attr,
	&dev_attr_add_node.attr,
	&dev_attr_remove_node.attr,
	&dev_attr_state.attr,
	NULL
};

static const struct attribute_group node_group = {
	.attrs = node_attrs,
};

const struct attribute_group *dsm_sysfs_groups[] = {
	&node_group,
	&dsm_stats_group,
	NULL
};

/* nodes/ID/ */

struct peer_attribute {
	struct attribute attr;
	ssize_t (*show)(struct dsm_peer *peer, char *buf);
};

static struct dsm_peer *peer_of(struct kobject *kobj)
{
	return container_of(kobj, struct dsm_peer, kobj);
}

static ssize_t peer_attr_show(struct kobject *kobj, struct attribute *attr,
			      char *buf)
{
	struct peer_attribute *a = container_of(attr, struct peer_attribute,
						attr);

	return a->show(peer_of(kobj), buf);
}

static const struct sysfs_ops peer_sysfs_ops = {
	.show = peer_attr_show,
};

#define PEER_ATTR(file, format, value)					\
static ssize_t peer_##file##_show(struct dsm_peer *peer, char *buf)	\
{									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static struct peer_attribute peer_##file = {				\
	.attr = { .name = #file, .mode = 0444 },			\
	.show = peer_##file##_show,					\
}

PEER_ATTR(address, "%s", peer->text);
PEER_ATTR(rtt_us, "%u", READ_ONCE(peer->rtt_us));
PEER_ATTR(pages_in, "%lld", (s64)atomic64_read(&peer->pages_in));
PEER_ATTR(pages_out, "%lld", (s64)atomic64_read(&peer->pages_out));
PEER_ATTR(messages_in, "%lld", (s64)atomic64_read(&peer->messages_in));
PEER_ATTR(messages_out, "%lld", (s64)atomic64_read(&peer->messages_out));

static ssize_t peer_state_show(struct dsm_peer *peer, char *buf)
{
	u32 refusal = DSM_REFUSAL_NONE;
	const char *name;

	spin_lock(&peer->lock);
	name = dsm_peer_state_name(peer);
	if (peer->state == DSM_PEER_REFUSED && !dsm_node_is_down(peer->node))
		refusal = peer->refusal;
	spin_unlock(&peer->lock);
	if (refusal)
		return sysfs_emit(buf, "%s: %s\n", name,
				  dsm_refusal_name(refusal));
	return sysfs_emit(buf, "%s\n", name);
}

static struct peer_attribute peer_state = {
	.attr = { .name = "state", .mode = 0444 },
	.show = peer_state_show,
};

static struct attribute *peer_attrs[] = {
	&peer_address.attr,
	&peer_state.attr,
	&peer_rtt_us.attr,
	&peer_pages_in.attr,
	&peer_pages_out.attr,
	&peer_messages_in.attr,
	&peer_messages_out.attr,
	NULL
};
ATTRIBUTE_GROUPS(peer);

static void peer_release(struct kobject *kobj)
{
	kfree(peer_of(kobj));
}

const struct kobj_type dsm_sysfs_peer_type = {
	.sysfs_ops = &peer_sysfs_ops,
	.release = peer_release,
	.default_groups = peer_groups,
};
