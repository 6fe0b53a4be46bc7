// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots, and the index of pages that they are in. What that has of a page:
 * nothing if it was never touched, a struct dsm_slot if it is awake, and little
 * else if it is at rest (core/rest.h): a value, or at its home a struct rest,
 * whose address has a bit set. XArray keeps the two lowest bits of an address
 * to itself; that of memory from kmalloc() has a third to spare.
 *
 * A page is awake from when somebody comes to it until nobody has for a while
 * and nothing is going on. It keeps its folio, with the reference, when it goes
 * to rest. While it is awake, folio->private is its slot.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "dsm.h"

#define RESTS		BIT(2)

/* Marks pages that are awake. */
#define AWAKE		XA_MARK_0

static_assert(DSM_REST_BITS < BITS_PER_LONG);

/**
 * struct rest - a page at rest, at its home
 * @page:	from dsm_page_pack()
 * @home:	from dsm_home_pack()
 */
struct rest {
	u64 page;
	struct dsm_home_rest home;
};

/**
 * struct home_slot - a slot at the page's home
 * @slot:	it
 * @home:	its directory entry
 * @words:	of the entry
 */
struct home_slot {
	struct dsm_slot slot;
	struct dsm_home home;
	u64 words[];
};

/*
 * In the index, pages are not in the order of their numbers: those of one home
 * that come one round of stripes after the other are together, as many as a
 * node of the XArray has room for. A node that has to do with no others than
 * those it is the home of would have a third of that room filled, or less.
 */
#define ROUNDS		(XA_CHUNK_SIZE / DSM_STRIPE_PAGES)

static_assert(ROUNDS && XA_CHUNK_SIZE % DSM_STRIPE_PAGES == 0);

/* Where a page is in the index */
static unsigned long place_of(const struct dsm_node *node, u64 page)
{
	u32 nr = node->core.members.nr;
	u32 in_stripe = page % DSM_STRIPE_PAGES;
	u64 stripe = page / DSM_STRIPE_PAGES;
	u64 round = div_u64(stripe, nr);
	u32 member = stripe - round * nr;

	stripe = (round / ROUNDS * nr + member) * ROUNDS + round % ROUNDS;
	return stripe * DSM_STRIPE_PAGES + in_stripe;
}

/* And which page is there */
static u64 page_at(const struct dsm_node *node, unsigned long place)
{
	u32 nr = node->core.members.nr;
	u32 in_stripe = place % DSM_STRIPE_PAGES;
	u64 stripe = place / DSM_STRIPE_PAGES;
	u64 chunk = stripe / ROUNDS, rounds = div_u64(chunk, nr);
	u32 member = chunk - rounds * nr;

	stripe = (rounds * ROUNDS + stripe % ROUNDS) * nr + member;
	return stripe * DSM_STRIPE_PAGES + in_stripe;
}

/*
 * What the index has of a page; under rcu_read_lock(), or with the index's
 * lock. It is xa_load() without an RCU section of its own: there is a look-up
 * in each fault.
 */
static void *load(struct dsm_node *node, u64 page)
{
	XA_STATE(xas, &node->slots, place_of(node, page));
	void *entry;

	do {
		entry = xas_load(&xas);
	} while (xas_retry(&xas, entry));
	return entry;
}

static bool is_home(const struct dsm_node *node, u64 index)
{
	return dsm_core_home(&node->core, index) == node->core.self;
}

static struct dsm_slot *to_slot(void *entry)
{
	if (xa_is_value(entry) || (unsigned long)entry & RESTS)
		return NULL;
	return entry;
}

static struct rest *to_rest(void *entry)
{
	if (xa_is_value(entry) || !((unsigned long)entry & RESTS))
		return NULL;
	return (void *)((unsigned long)entry & ~RESTS);
}

static u64 packed_page(void *entry)
{
	return xa_is_value(entry) ? xa_to_value(entry) : to_rest(entry)->page;
}

/**
 * dsm_slot_peek - look at a page that is awake
 * @node:	the node
 * @index:	the page
 *
 * The caller is in an RCU read-side section, for as long as it looks.
 *
 * Return: the slot, or NULL if nothing is going on with the page.
 */
struct dsm_slot *dsm_slot_peek(struct dsm_node *node, u64 index)
{
	return to_slot(load(node, index));
}

static struct dsm_look look_at(void *entry)
{
	const struct dsm_slot *slot = to_slot(entry);
	struct dsm_look look = { .state = DSM_NONE };
	struct dsm_page pg;

	if (slot) {
		look.state = READ_ONCE(slot->page.state);
		look.want = READ_ONCE(slot->page.want);
	} else if (entry) {
		dsm_page_unpack(&pg, packed_page(entry));
		look.state = pg.state;
	}
	return look;
}

/** dsm_slot_look() - what is seen of a page in passing; does not sleep */
struct dsm_look dsm_slot_look(struct dsm_node *node, u64 index)
{
	struct dsm_look look;
	void *entry;

	rcu_read_lock();
	entry = load(node, index);
	if (!to_rest(entry)) {
		look = look_at(entry);
		rcu_read_unlock();
		return look;
	}
	rcu_read_unlock();
	/* That is freed at once when the page is woken. */
	xa_lock(&node->slots);
	look = look_at(load(node, index));
	xa_unlock(&node->slots);
	return look;
}

/** dsm_slot_is_known() - whether this node has ever had to do with a page */
bool dsm_slot_is_known(struct dsm_node *node, u64 index)
{
	bool known;

	rcu_read_lock();
	known = load(node, index);
	rcu_read_unlock();
	return known;
}

/* Return: whether there is a reference now: not if the page goes to rest. */
static bool get(struct dsm_slot *slot)
{
	if (!slot || !refcount_inc_not_zero(&slot->users))
		return false;
	if (!READ_ONCE(slot->recent))
		WRITE_ONCE(slot->recent, true);
	return true;
}

/** dsm_slot_get_awake() - a page with a reference, or NULL if it rests */
struct dsm_slot *dsm_slot_get_awake(struct dsm_node *node, u64 index)
{
	struct dsm_slot *slot;

	rcu_read_lock();
	slot = dsm_slot_peek(node, index);
	if (!get(slot))
		slot = NULL;
	rcu_read_unlock();
	return slot;
}

/** dsm_slot_put() - a reference to a slot is not needed any more */
void dsm_slot_put(struct dsm_slot *slot)
{
	/* Only put_to_rest() takes that of the index. */
	refcount_dec(&slot->users);
}

/* A page that nobody has touched; the caller has a reference to it. */
static struct dsm_slot *slot_create(struct dsm_node *node, u64 index, gfp_t gfp)
{
	const struct dsm_members *m = &node->core.members;
	struct home_slot *h = NULL;
	struct dsm_slot *slot;

	if (is_home(node, index)) {
		h = kzalloc(sizeof(*h) + 2 * m->words * sizeof(u64) +
			    m->nr * sizeof(u32), gfp);
		slot = h ? &h->slot : NULL;
	} else {
		slot = kzalloc_obj(*slot, gfp);
	}
	if (!slot)
		return NULL;
	mutex_init(&slot->lock);
	init_waitqueue_head(&slot->wait);
	timerqueue_init(&slot->timer);
	refcount_set(&slot->users, 2);
	slot->recent = true;
	dsm_page_init(&slot->page);
	slot->index = index;
	slot->prob_owner = DSM_NO_NODE;
	if (h) {
		slot->home = &h->home;
		dsm_home_init(&h->home, node->core.self, h->words,
			      h->words + m->words,
			      (u32 *)(h->words + 2 * m->words), m->words);
	}
	return slot;
}

/* Make a new slot that of a page at rest, as @entry has it. */
static void wake(struct dsm_node *node, struct dsm_slot *slot, void *entry)
{
	struct rest *rest = to_rest(entry);
	struct folio *folio;

	dsm_page_unpack(&slot->page, packed_page(entry));
	if (rest)
		dsm_home_unpack(slot->home, &rest->home,
				node->core.members.words);
	folio = filemap_get_folio(node->inode->i_mapping,
				  dsm_page_pgoff(node, slot->index));
	if (IS_ERR(folio))
		return;
	slot->folio = folio;
	/* pairs with dsm_slot_get_mapped(): the slot is whole */
	smp_store_release(&folio->private, slot);
	/* The reference that it went to rest with. */
	folio_put(folio);
}

/*
 * Put a new slot into the index, unless there is one.
 *
 * Return: the page's slot with a reference, or NULL if memory ran out.
 */
static struct dsm_slot *slot_add(struct dsm_node *node, struct dsm_slot *new,
				 gfp_t gfp)
{
	unsigned long place = place_of(node, new->index);
	struct xarray *slots = &node->slots;
	struct dsm_slot *slot = NULL;
	void *entry;

	xa_lock(slots);
	/* This may unlock it, to get memory. */
	entry = __xa_cmpxchg(slots, place, NULL, new, gfp);
	if (!xa_is_err(entry))
		slot = entry ? to_slot(entry) : new;
	if (slot == new && new->home)
		dsm_stats_add(node, DSM_STAT_home_pages, 1);
	if (slot && slot != new)
		refcount_inc(&slot->users);
	if (!slot && !xa_is_err(entry)) {
		slot = new;
		wake(node, new, entry);
		/* There is a place for it, so this needs no memory. */
		__xa_store(slots, place, new, 0);
		kfree(to_rest(entry));
	}
	if (slot == new)
		__xa_set_mark(slots, place, AWAKE);
	xa_unlock(slots);
	return slot;
}

static void look_later(struct dsm_node *node)
{
	u32 rest_ms = READ_ONCE(node->set.rest_ms);

	if (rest_ms)
		queue_delayed_work(node->wq, &node->rest_work,
				   msecs_to_jiffies(rest_ms));
}

/**
 * dsm_slot_get - the slot of a page, made if need be
 * @node:	the node, active
 * @index:	the page, inside the region
 * @gfp:	how to allocate; %__GFP_ACCOUNT charges it to the control group
 *		of the running program, as the page will be. A program that
 *		handles a message does that for somebody else.
 *
 * Return: the slot, with a reference for dsm_slot_put(), or NULL if memory
 * ran out.
 */
struct dsm_slot *dsm_slot_get(struct dsm_node *node, u64 index, gfp_t gfp)
{
	struct dsm_slot *slot = dsm_slot_get_awake(node, index);
	struct dsm_slot *new;

	if (slot)
		return slot;
	new = slot_create(node, index, gfp);
	if (!new)
		return NULL;
	slot = slot_add(node, new, gfp);
	if (slot != new) {
		kfree(new);
		return slot;
	}
	dsm_stats_add(node, DSM_STAT_awake_pages, 1);
	look_later(node);
	return slot;
}

/**
 * dsm_slot_get_mapped - the slot of a page by its memory
 * @node:	the node, active
 * @folio:	in the page cache of its region, with a reference
 * @gfp:	as for dsm_slot_get(), which this is, only sooner
 *
 * Return: the slot, with a reference, or NULL if memory ran out.
 */
struct dsm_slot *dsm_slot_get_mapped(struct dsm_node *node, struct folio *folio,
				     gfp_t gfp)
{
	struct dsm_slot *slot;

	rcu_read_lock();
	slot = READ_ONCE(folio->private);
	if (!get(slot))
		slot = NULL;
	rcu_read_unlock();
	return slot ?: dsm_slot_get(node, dsm_page_of(node, folio->index), gfp);
}

/* Whether the page at a place may have to do with a node, which is lost */
static bool concerns(struct dsm_node *node, unsigned long place, u16 id)
{
	const struct rest *rest;
	bool does = true;
	void *entry;

	xa_lock(&node->slots);
	entry = xa_load(&node->slots, place);
	rest = to_rest(entry);
	if (xa_is_value(entry))
		does = false;
	else if (rest)
		does = dsm_home_rest_names(&rest->home, id);
	xa_unlock(&node->slots);
	return does;
}

/**
 * dsm_slot_next - the next page that may have to do with a lost node
 * @node:	the node, active
 * @place:	where to look first, 0 to begin with; becomes where to go on
 * @id:		the lost node
 *
 * A page at rest whose home is elsewhere neither waits for anybody nor owes
 * anything, so it is left alone.
 *
 * Return: its slot, with a reference, or NULL if there is no other.
 */
struct dsm_slot *dsm_slot_next(struct dsm_node *node, unsigned long *place,
			       u16 id)
{
	unsigned long i;
	void *entry;

	xa_for_each_start(&node->slots, i, entry, *place) {
		if (concerns(node, i, id)) {
			*place = i + 1;
			return dsm_slot_get(node, page_at(node, i),
					    GFP_NOIO | __GFP_NOFAIL);
		}
		cond_resched();
	}
	return NULL;
}

/* Whether nobody would miss what dsm_page_pack() does not keep. */
static bool can_rest(struct dsm_node *node, struct dsm_slot *slot)
{
	u64 now = ktime_to_us(ktime_get());

	lockdep_assert_held(&slot->lock);

	if (dsm_engine_is_spanned(node, slot, now))
		return false;
	dsm_engine_use_late(node, slot);
	return dsm_page_rests(&slot->page, now) &&
	       (!slot->home || dsm_home_rests(slot->home)) &&
	       slot->gone <= READ_ONCE(node->settled);
}

/*
 * What node->slots is to have of a page that can rest, or NULL: where memory is
 * short, nobody need look for some for that.
 */
static void *pack(struct dsm_node *node, const struct dsm_slot *slot)
{
	u64 page = dsm_page_pack(&slot->page);
	u16 words = node->core.members.words;
	struct rest *rest;

	if (!slot->home)
		return xa_mk_value(page);
	rest = kmalloc(sizeof(*rest) + words * sizeof(u64),
		       GFP_NOWAIT | __GFP_NOWARN);
	if (!rest)
		return NULL;
	rest->page = page;
	dsm_home_pack(slot->home, &rest->home, words);
	return (void *)((unsigned long)rest | RESTS);
}

/* Put a locked page's entry in its place, unless somebody has come meanwhile */
static bool replace(struct dsm_node *node, struct dsm_slot *slot, void *entry)
{
	unsigned long place = place_of(node, slot->index);
	bool alone;

	xa_lock(&node->slots);
	alone = refcount_dec_if_one(&slot->users);
	if (alone) {
		if (slot->folio)
			WRITE_ONCE(slot->folio->private, NULL);
		__xa_store(&node->slots, place, entry, 0);
		__xa_clear_mark(&node->slots, place, AWAKE);
	}
	xa_unlock(&node->slots);
	return alone;
}

/* Return: whether the page is at rest now. The caller has no reference. */
static bool put_to_rest(struct dsm_node *node, struct dsm_slot *slot)
{
	void *entry = NULL;
	bool rests;

	if (!mutex_trylock(&slot->lock))
		return false;
	if (can_rest(node, slot))
		entry = pack(node, slot);
	rests = entry && replace(node, slot, entry);
	mutex_unlock(&slot->lock);
	if (!rests) {
		kfree(to_rest(entry));
		return false;
	}
	dsm_stats_add(node, DSM_STAT_awake_pages, -1);
	kfree_rcu(slot, rcu);
	return true;
}

/* Nobody else takes slots out of the index while this runs. */
static void rest_work(struct work_struct *work)
{
	struct dsm_node *node = container_of(to_delayed_work(work),
					     struct dsm_node, rest_work);
	struct dsm_slot *slot;
	unsigned long place;
	bool awake = false;
	void *entry;

	xa_for_each_marked(&node->slots, place, entry, AWAKE) {
		bool recent;

		if (!READ_ONCE(node->set.rest_ms))
			return;
		slot = to_slot(entry);
		if (!slot)
			continue;
		recent = READ_ONCE(slot->recent);
		WRITE_ONCE(slot->recent, false);
		if (recent || refcount_read(&slot->users) > 1 ||
		    !put_to_rest(node, slot))
			awake = true;
		cond_resched();
	}
	if (awake)
		look_later(node);
}

/** dsm_slots_rest_ms() - the setting has changed; config_lock is held */
void dsm_slots_rest_ms(struct dsm_node *node)
{
	lockdep_assert_held(&node->config_lock);

	if (node->up && node->set.rest_ms)
		mod_delayed_work(node->wq, &node->rest_work,
				 msecs_to_jiffies(node->set.rest_ms));
}

/** dsm_slots_start() - node->wq exists */
void dsm_slots_start(struct dsm_node *node)
{
	INIT_DELAYED_WORK(&node->rest_work, rest_work);
}

/* Free what there is of a page, and give back the reference to its folio. */
static void slot_free(struct dsm_node *node, unsigned long place, void *entry)
{
	struct dsm_slot *slot = to_slot(entry);
	struct folio *folio;

	if (slot) {
		if (slot->folio) {
			slot->folio->private = NULL;
			folio_put(slot->folio);
		}
		kfree(slot);
		return;
	}
	folio = filemap_get_folio(node->inode->i_mapping,
				  dsm_page_pgoff(node, page_at(node, place)));
	if (!IS_ERR(folio))
		folio_put_refs(folio, 2);
	kfree(to_rest(entry));
}

/** dsm_slots_stop() - free all pages of a node that has no users any more */
void dsm_slots_stop(struct dsm_node *node)
{
	unsigned long place;
	void *entry;

	cancel_delayed_work_sync(&node->rest_work);
	xa_for_each(&node->slots, place, entry) {
		slot_free(node, place, entry);
		cond_resched();
	}
	xa_destroy(&node->slots);
}
