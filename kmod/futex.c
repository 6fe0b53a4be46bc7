// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that sleep in futex() on a word that another node changes.
 *
 * FUTEX_WAKE reaches the sleepers of its own kernel only. It need not reach
 * more: before another node can change a word, the page has to go from here.
 * So when a page goes, the threads here that sleep on a word in it are woken.
 * futex_wait() takes that for a spurious wake-up (kernel/futex/waitwake.c): it
 * reads the word again, which fetches the page, and returns EAGAIN if the word
 * has changed, or sleeps on. The program notices nothing.
 *
 * Who sleeps where is seen in the registers that a thread entered the kernel
 * with: the system call, and the word's address. Which addresses are the
 * region's is known from the process's page faults: without one it has never
 * seen a page. (Unless it shares its memory with another process, as vfork()
 * and clone() without CLONE_THREAD have it, and that one had them all.)
 *
 * A wake-up at once is not enough, for two kinds of threads:
 *
 *   - One that has read the old word but does not sleep yet. It holds a
 *     spinlock from reading until its state is set, which keeps RCU's grace
 *     period from ending; and so it is found after one that began when the page
 *     was gone.
 *   - One that was moved (FUTEX_REQUEUE) from the word it named to another, of
 *     any page. All sleepers are woken once in a while, as long as pages go.
 *
 * A sleeper that looks again fetches the page, and a node that goes on changing
 * other words of it takes it again, and so on, as fast as the network allows:
 * the holder of a mutex, say, whose data lie beside it. So only the first time
 * wakes at once. As long as it was in vain, the next ones wait longer and
 * longer, up to the grace period.
 */
#include <asm/syscall.h>
#include <linux/futex.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>

#include "dsm.h"

#ifdef CONFIG_IA32_EMULATION
#include <asm/unistd_32_ia32.h>
#endif

/* The second wake-up in a row waits so long, in nanoseconds; it doubles then */
#define WAIT_NS		(250 * NSEC_PER_USEC)
#define DOUBLINGS_MAX	8

/* After so long, what was in vain is forgotten. */
#define FUTILE_JIFFIES	(HZ / 10)

/* All sleepers are woken so often, in milliseconds, while pages go. */
#define SWEEP_MS	250

/* With no more processes than these nobody looks which of them are dead. */
#define PROCESSES_FEW	64U

/**
 * struct dsm_process - a process that has touched the region
 * @pid:	its id; the index in node->processes is the number of it
 * @list:	its place in node->process_list
 * @offset:	the address of the region's first byte, if it were mapped whole
 * @several:	it has mappings with more than one such address
 * @rcu:	frees it
 */
struct dsm_process {
	struct pid *pid;
	struct list_head list;
	unsigned long offset;
	bool several;
	struct rcu_head rcu;
};

static unsigned long offset_of(const struct vm_area_struct *vma)
{
	return vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT);
}

static void process_free_rcu(struct rcu_head *rcu)
{
	struct dsm_process *process = container_of(rcu, struct dsm_process,
						   rcu);

	put_pid(process->pid);
	kfree(process);
}

/* wake_sleepers() may be looking at it. */
static void process_free(struct dsm_process *process)
{
	call_rcu(&process->rcu, process_free_rcu);
}

static void process_remove(struct dsm_node *node, struct dsm_process *process)
{
	list_del_rcu(&process->list);
	node->nr_processes--;
	process_free(process);
}

static void forget_dead(struct dsm_node *node)
{
	struct dsm_process *process;
	unsigned long tgid;

	lockdep_assert_held(&node->process_lock);

	xa_for_each(&node->processes, tgid, process) {
		if (pid_has_task(process->pid, PIDTYPE_TGID))
			continue;
		xa_erase(&node->processes, tgid);
		process_remove(node, process);
	}
	node->many_processes = max(2 * node->nr_processes, PROCESSES_FEW);
}

static int process_add(struct dsm_node *node, struct pid *pid,
		       unsigned long offset)
{
	struct dsm_process *process, *old;

	lockdep_assert_held(&node->process_lock);

	process = kzalloc_obj(*process);
	if (!process)
		return -ENOMEM;
	process->pid = get_pid(pid);
	process->offset = offset;
	/* What is there is of a process that is dead, or of this very one. */
	old = xa_store(&node->processes, pid_nr(pid), process, GFP_KERNEL);
	if (xa_is_err(old)) {
		process_free(process);
		return xa_err(old);
	}
	if (old)
		process_remove(node, old);
	list_add_rcu(&process->list, &node->process_list);
	/* Where pages seldom go, sweep() does not come often enough. */
	if (++node->nr_processes > node->many_processes)
		forget_dead(node);
	return 0;
}

static int note(struct dsm_node *node, struct pid *pid, unsigned long offset)
{
	struct dsm_process *process;
	int err = 0;

	rcu_read_lock();
	process = xa_load(&node->processes, pid_nr(pid));
	if (process && process->pid == pid) {
		if (process->offset != offset)
			WRITE_ONCE(process->several, true);
		rcu_read_unlock();
		return 0;
	}
	rcu_read_unlock();
	mutex_lock(&node->process_lock);
	process = xa_load(&node->processes, pid_nr(pid));
	if (!process || process->pid != pid)
		err = process_add(node, pid, offset);
	mutex_unlock(&node->process_lock);
	return err;
}

/* Whether the running thread is one of the process whose memory that is */
static bool is_own(const struct mm_struct *mm)
{
	return current->mm == mm && !(current->flags & PF_KTHREAD);
}

/* A thread whose memory that is, or NULL; under rcu_read_lock() */
static struct task_struct *thread_of(const struct mm_struct *mm)
{
	struct task_struct *leader, *task;

	for_each_process_thread(leader, task) {
		if (READ_ONCE(task->mm) == mm && !(task->flags & PF_KTHREAD))
			return task;
	}
	return NULL;
}

/* The process whose memory that is, with a reference; NULL if it is exiting */
static struct pid *process_of(const struct mm_struct *mm)
{
	struct task_struct *task;
	struct pid *pid = NULL;

	rcu_read_lock();
	task = thread_of(mm);
	if (task)
		pid = get_pid(task_tgid(task));
	rcu_read_unlock();
	return pid;
}

/**
 * dsm_futex_note - a process is about to see a page
 * @node:	the node, active
 * @vma:	the mapping
 *
 * Mostly it is the running one. But a debugger, or a thread of the kernel's,
 * maps a page for the process that it looks into.
 *
 * Return: 0 or %-ENOMEM.
 */
int dsm_futex_note(struct dsm_node *node, const struct vm_area_struct *vma)
{
	struct pid *pid;
	int err;

	if (is_own(vma->vm_mm))
		return note(node, task_tgid(current), offset_of(vma));
	pid = process_of(vma->vm_mm);
	if (!pid)
		return 0;
	err = note(node, pid, offset_of(vma));
	put_pid(pid);
	return err;
}

/**
 * dsm_futex_knows - whether the process of a mapping is known already
 * @node:	the node, active
 * @vma:	the mapping
 *
 * Does not sleep.
 */
bool dsm_futex_knows(struct dsm_node *node, const struct vm_area_struct *vma)
{
	struct dsm_process *process;
	bool known;

	/* Whoever looks from outside would map pages for one not known. */
	if (!is_own(vma->vm_mm))
		return false;
	rcu_read_lock();
	process = xa_load(&node->processes, current->tgid);
	known = process && process->pid == task_tgid(current) &&
		(process->offset == offset_of(vma) ||
		 READ_ONCE(process->several));
	rcu_read_unlock();
	return known;
}

/**
 * enum sleep - what a thread sleeps on
 * @AWAKE:	nothing of interest
 * @ON_WORD:	one word, at a known address
 * @ON_ANY:	a word, or several, somewhere
 */
enum sleep {
	AWAKE,
	ON_WORD,
	ON_ANY,
};

/* Stopped and continued, a call with a time limit goes on as another one. */
static bool is_restarted(struct task_struct *task, struct pt_regs *regs)
{
	int nr = syscall_get_nr(task, regs);

#ifdef CONFIG_IA32_EMULATION
	if (!user_64bit_mode(regs))
		return nr == __NR_ia32_restart_syscall;
#endif
	return nr == __NR_restart_syscall;
}

static enum sleep sleep_of_call(struct task_struct *task, struct pt_regs *regs,
				unsigned long *address)
{
	unsigned long args[6];

	if (is_restarted(task, regs)) {
		/* If that was another call, its sleeper looks again. */
		*address = (unsigned long)
			READ_ONCE(task->restart_block.futex.uaddr);
		return ON_WORD;
	}
	switch (syscall_get_nr(task, regs)) {
	case __NR_futex:
#ifdef CONFIG_IA32_EMULATION
	case __NR_ia32_futex:
	case __NR_ia32_futex_time64:
#endif
		syscall_get_arguments(task, regs, args);
		if (args[1] & FUTEX_PRIVATE_FLAG)
			return AWAKE;
		*address = args[0];
		return ON_WORD;
#ifdef __NR_futex_wait
	case __NR_futex_wait:
#endif
	case __NR_futex_waitv:
		return ON_ANY;
	}
	return AWAKE;
}

/*
 * The registers lie on the thread's stack. If it is dying, that may be gone, or
 * be another's by now; then what is read is an error, or at worst a reason to
 * wake somebody who looks again.
 */
static enum sleep sleep_of(struct task_struct *task, unsigned long *address)
{
	struct pt_regs regs;

	/* Woken while it is frozen, it looks again once it is thawed. */
	if (!(READ_ONCE(task->__state) & (TASK_INTERRUPTIBLE | TASK_FROZEN)) ||
	    !READ_ONCE(task->stack) ||
	    copy_from_kernel_nofault(&regs, task_pt_regs(task), sizeof(regs)))
		return AWAKE;
	return sleep_of_call(task, &regs, address);
}

/**
 * struct search - whose sleep may have to end
 * @node:	the node
 * @kind:	that of those who sleep on page @index; on one of the pages that
 *		went after @since; or of everybody
 * @index:	a page
 * @since:	a value that node->gone had
 */
struct search {
	struct dsm_node *node;
	enum { OF_PAGE, OF_GONE, OF_ALL } kind;
	u64 index;
	u64 since;
};

static bool concerns(const struct search *s, const struct dsm_process *process,
		     unsigned long address)
{
	pgoff_t pgoff = (address - process->offset) >> PAGE_SHIFT;
	u64 index = dsm_page_of(s->node, pgoff);
	struct dsm_slot *slot;

	if (s->kind == OF_ALL || READ_ONCE(process->several))
		return true;
	if (s->kind == OF_PAGE)
		return index == s->index;
	/* What rests has been gone for longer than that. */
	slot = dsm_slot_peek(s->node, index);
	return slot && READ_ONCE(slot->gone) > s->since;
}

/* Returns how many threads it has woken. */
static u32 wake_threads(const struct search *s,
			const struct dsm_process *process,
			struct task_struct *leader)
{
	struct task_struct *task;
	unsigned long address;
	u32 woken = 0;

	for_each_thread(leader, task) {
		enum sleep sleep = sleep_of(task, &address);

		if (sleep == ON_ANY ||
		    (sleep == ON_WORD && concerns(s, process, address)))
			woken += wake_up_process(task);
	}
	return woken;
}

static u32 wake_sleepers(const struct search *s)
{
	struct dsm_process *process;
	struct task_struct *leader;
	u32 woken = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(process, &s->node->process_list, list) {
		leader = pid_task(process->pid, PIDTYPE_TGID);
		if (leader)
			woken += wake_threads(s, process, leader);
	}
	rcu_read_unlock();
	return woken;
}

/*
 * Begin a grace period for all pages that are gone by now. Whoever sets
 * futex_armed does so, and nobody else until futex_settled() has cleared it.
 */
static void settle(struct dsm_node *node)
{
	node->settling = atomic64_read(&node->gone);
	queue_rcu_work(node->wq, &node->futex_settle);
}

/* A grace period is over: nobody is between reading a word and sleeping. */
static void settled(struct work_struct *work)
{
	struct dsm_node *node = container_of(to_rcu_work(work),
					     struct dsm_node, futex_settle);
	const struct search s = {
		.node = node,
		.kind = OF_GONE,
		.since = node->settled,
	};

	wake_sleepers(&s);
	WRITE_ONCE(node->settled, node->settling);
	atomic_set_release(&node->futex_armed, 0);
	smp_mb();	/* pairs with atomic_xchg() in dsm_futex_gone() */
	/* Pages that went meanwhile need a grace period of their own. */
	if (atomic64_read(&node->gone) != node->settled &&
	    !atomic_xchg(&node->futex_armed, 1))
		settle(node);
}

/* Once in a while everybody looks again, wherever the word may be by now. */
static void sweep(struct work_struct *work)
{
	const struct search s = {
		.node = container_of(to_delayed_work(work), struct dsm_node,
				     futex_sweep),
		.kind = OF_ALL,
	};

	wake_sleepers(&s);
	mutex_lock(&s.node->process_lock);
	forget_dead(s.node);
	mutex_unlock(&s.node->process_lock);
}

/* The wait of those whose last look was in vain is over. */
static void look_again(struct work_struct *work)
{
	struct dsm_node *node = container_of(work, struct dsm_node, futex_look);
	const struct search s = {
		.node = node,
		.kind = OF_GONE,
		.since = READ_ONCE(node->settled),
	};

	wake_sleepers(&s);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct dsm_node *node = container_of(timer, struct dsm_node,
					     futex_timer);

	queue_work(node->wq, &node->futex_look);
	return HRTIMER_NORESTART;
}

/* Wake who sleeps on a page, at once if the last time was not in vain. */
static void wake_or_wait(struct dsm_node *node, struct dsm_slot *slot)
{
	const struct search s = {
		.node = node,
		.kind = OF_PAGE,
		.index = slot->index,
	};
	u8 futile = READ_ONCE(slot->futile);

	if (time_after(jiffies, slot->woken_at + FUTILE_JIFFIES))
		futile = 0;
	if (!futile && !wake_sleepers(&s))
		return;
	if (futile && !hrtimer_active(&node->futex_timer))
		hrtimer_start(&node->futex_timer,
			      ns_to_ktime(WAIT_NS << (futile - 1)),
			      HRTIMER_MODE_REL);
	WRITE_ONCE(slot->futile, min(futile + 1, DOUBLINGS_MAX));
	slot->woken_at = jiffies;
}

/**
 * dsm_futex_gone - a page has gone from here
 * @node:	the node
 * @slot:	the page, locked, and no program can read it any more
 *
 * Without a process that uses the region this costs nothing, and without a
 * sleeper a look at the threads of those processes; never a message.
 */
void dsm_futex_gone(struct dsm_node *node, struct dsm_slot *slot)
{
	lockdep_assert_held(&slot->lock);

	if (list_empty(&node->process_list))
		return;
	/* No grace period ends in between, which would settle it unseen. */
	rcu_read_lock();
	WRITE_ONCE(slot->gone, atomic64_inc_return(&node->gone));
	rcu_read_unlock();
	if (!atomic_xchg(&node->futex_armed, 1))
		settle(node);
	queue_delayed_work(node->wq, &node->futex_sweep,
			   msecs_to_jiffies(SWEEP_MS));
	wake_or_wait(node, slot);
}

/**
 * dsm_futex_progress - a program stores to a page
 * @slot:	the page
 *
 * If a sleeper was woken for it, then not in vain.
 */
void dsm_futex_progress(struct dsm_slot *slot)
{
	WRITE_ONCE(slot->futile, 0);
}

/** dsm_futex_start() - node->wq exists */
void dsm_futex_start(struct dsm_node *node)
{
	atomic64_set(&node->gone, 0);
	atomic_set(&node->futex_armed, 0);
	node->settled = 0;
	node->many_processes = PROCESSES_FEW;
	hrtimer_setup(&node->futex_timer, timer_fired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	INIT_WORK(&node->futex_look, look_again);
	INIT_RCU_WORK(&node->futex_settle, settled);
	INIT_DELAYED_WORK(&node->futex_sweep, sweep);
}

/** dsm_futex_stop() - no page goes any more; nobody has a mapping */
void dsm_futex_stop(struct dsm_node *node)
{
	struct dsm_process *process;
	unsigned long tgid;

	hrtimer_cancel(&node->futex_timer);
	cancel_work_sync(&node->futex_look);
	while (atomic_read(&node->futex_armed))
		flush_rcu_work(&node->futex_settle);
	cancel_delayed_work_sync(&node->futex_sweep);
	xa_for_each(&node->processes, tgid, process)
		process_remove(node, process);
	xa_destroy(&node->processes);
}
