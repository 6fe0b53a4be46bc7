// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a memory model allows a litmus test to see, by trying every order.
 *
 * Threads take their steps one at a time, in any order: that is sequential
 * consistency. A thread with a store buffer puts its stores there, and any time
 * later they go to memory, the oldest first; it sees its own at once, and
 * mfence and xchg wait until the buffer is empty: that is x86-TSO (Sewell,
 * Sarkar, Owens, Zappa Nardelli, Myreen: "x86-TSO", CACM 53(7), 2010).
 */
#include <string.h>

#include "litmus.h"

/**
 * struct machine - a state of the machine that the model describes
 * @pc:		the next instruction of each thread
 * @held:	how many stores are in each thread's buffer
 * @buffer:	these, the oldest first
 * @memory:	each location's value
 * @seen:	registers, as in an outcome
 */
struct machine {
	uint8_t pc[LITMUS_THREADS];
	uint8_t held[LITMUS_THREADS];
	struct litmus_op buffer[LITMUS_THREADS][LITMUS_OPS];
	uint8_t memory[LITMUS_LOCS];
	uint16_t seen;
};

/**
 * struct search - what is the same in all states
 * @test:	the test
 * @buffered:	threads that have a store buffer, a bit each
 * @set:	outcomes found so far
 */
struct search {
	const struct litmus_test *test;
	unsigned int buffered;
	struct litmus_set *set;
};

static uint8_t load(const struct machine *m, unsigned int thread, uint8_t loc)
{
	unsigned int i = m->held[thread];

	while (i--)
		if (m->buffer[thread][i].loc == loc)
			return m->buffer[thread][i].value;
	return m->memory[loc];
}

/* The oldest store in a thread's buffer goes to memory. */
static bool drain(struct machine *m, unsigned int thread)
{
	struct litmus_op *buffer = m->buffer[thread];

	if (!m->held[thread])
		return false;
	m->memory[buffer[0].loc] = buffer[0].value;
	memmove(buffer, buffer + 1, --m->held[thread] * sizeof(*buffer));
	return true;
}

/* A thread's next instruction, if it can be taken now */
static bool execute(const struct search *s, struct machine *m,
		    unsigned int thread)
{
	const struct litmus_op *op = &s->test->op[thread][m->pc[thread]];

	switch (op->kind) {
	case LITMUS_END:
		return false;
	case LITMUS_LOAD:
		m->seen |= litmus_reg(op->reg, load(m, thread, op->loc));
		break;
	case LITMUS_STORE:
		if (s->buffered & 1U << thread)
			m->buffer[thread][m->held[thread]++] = *op;
		else
			m->memory[op->loc] = op->value;
		break;
	case LITMUS_XCHG:
		if (m->held[thread])
			return false;
		m->seen |= litmus_reg(op->reg, m->memory[op->loc]);
		m->memory[op->loc] = op->value;
		break;
	case LITMUS_MFENCE:
		if (m->held[thread])
			return false;
		break;
	}
	m->pc[thread]++;
	return true;
}

static void explore(const struct search *s, const struct machine *m)
{
	struct machine next;
	uint16_t outcome;
	unsigned int i;
	bool end = true;

	for (i = 0; i < s->test->threads; i++) {
		next = *m;
		if (drain(&next, i)) {
			explore(s, &next);
			end = false;
		}
		next = *m;
		if (execute(s, &next, i)) {
			explore(s, &next);
			end = false;
		}
	}
	if (!end)
		return;
	outcome = m->seen;
	for (i = 0; i < s->test->locs; i++)
		outcome |= litmus_final(i, m->memory[i]);
	s->set->bits[outcome / 8] |= 1 << outcome % 8;
}

/**
 * litmus_allowed() - Find all outcomes that a test may have
 * @test:	the test
 * @buffered:	threads that have a store buffer, a bit each: 0 is sequential
 *		consistency, all of them is x86-TSO
 * @set:	receives the outcomes
 */
void litmus_allowed(const struct litmus_test *test, unsigned int buffered,
		    struct litmus_set *set)
{
	const struct search s = {
		.test = test, .buffered = buffered, .set = set,
	};
	const struct machine start = { .seen = 0 };

	memset(set, 0, sizeof(*set));
	explore(&s, &start);
}
