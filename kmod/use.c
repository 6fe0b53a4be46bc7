// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where threads were last: the page that each came to, and the instruction. All
 * of it is read and written without a lock, and threads are told apart by some
 * bits of their ids: a mistake costs time, never coherence.
 */
#include <linux/pid.h>
#include <linux/sched/task_stack.h>

#include "dsm.h"

static struct dsm_use *of_current(struct dsm_node *node)
{
	return &node->uses[task_pid_nr(current) % DSM_STREAMS];
}

static bool is_of_current(const struct dsm_use *use)
{
	return READ_ONCE(use->thread) == task_pid_nr(current);
}

/* Only to be compared with another of the same thread */
static unsigned long instruction(void)
{
	return instruction_pointer(task_pt_regs(current));
}

/** dsm_use_note() - the running thread has come to a page */
void dsm_use_note(struct dsm_node *node, const struct dsm_slot *slot)
{
	struct dsm_use *use = of_current(node);

	WRITE_ONCE(use->page, slot->index);
	WRITE_ONCE(use->prob_owner, READ_ONCE(slot->prob_owner));
	WRITE_ONCE(use->instruction, instruction());
	WRITE_ONCE(use->thread, task_pid_nr(current));
}

/**
 * dsm_use_is_over - whether the running thread is through with its last page
 * @node:	the node, active
 * @page:	set to that page if so
 *
 * Not if the same instruction, which may need both, has come to another one.
 */
bool dsm_use_is_over(struct dsm_node *node, u64 *page)
{
	const struct dsm_use *use = of_current(node);

	*page = READ_ONCE(use->page);
	return is_of_current(use) &&
	       READ_ONCE(use->instruction) != instruction();
}

/** dsm_use_prob_owner() - of the running thread's last page, or %DSM_NO_NODE */
u16 dsm_use_prob_owner(struct dsm_node *node)
{
	const struct dsm_use *use = of_current(node);

	return is_of_current(use) ? READ_ONCE(use->prob_owner) : DSM_NO_NODE;
}

/* Whether a thread that used pages is in a call that waits, or is no more. */
static bool is_away(pid_t thread)
{
	struct task_struct *task = pid_task(find_pid_ns(thread, &init_pid_ns),
					    PIDTYPE_PID);

	return !task || READ_ONCE(task->__state) & TASK_INTERRUPTIBLE;
}

/** dsm_use_is_left() - whether all threads that have used a page are away */
bool dsm_use_is_left(struct dsm_node *node, const struct dsm_slot *slot)
{
	unsigned long threads = slot->used_by;
	bool left = threads;
	unsigned int bit;

	lockdep_assert_held(&slot->lock);

	rcu_read_lock();
	for_each_set_bit(bit, &threads, DSM_STREAMS)
		left = left && is_away(READ_ONCE(node->uses[bit].thread));
	rcu_read_unlock();
	return left;
}
