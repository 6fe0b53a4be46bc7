#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For run-three: machines that fight for a page each get a fair share of it.
#
# shellcheck disable=SC2154 # variables of run-three

# Print the shares, in percent of an equal one; each has to be at least 60.
shares_are_fair() # NAME COUNT...
{
	awk -v name="$1" -- '
		{ count[NR] = $1; sum += $1 }
		END {
			printf "%s:", name
			for (i = 1; i <= NR; i++) {
				share = 100 * count[i] * NR / sum
				printf " node %d %d %%", i - 1, share
				unfair += share < 60
			}
			printf " of an equal share, of %.0f\n", sum
			exit unfair > 0
		}' < <(printf '%s\n' "${@:2}")
}

# Looked at seldom: to start a program takes milliseconds from a machine's share.
has_moved() # TIMES
{
	[[ $(sum pages_in) -ge $1 ]] || ! sleep 5
}

# Some nodes count in one word, for so many turns that chance evens out, and the
# sum is exact.
share() # NAME NODES OFFSET [TURNS]
{
	local node sum=0 turns pids=() counts=() how=(-u)

	[[ $# -lt 4 ]] || how=(-l "$4")
	for ((node = 0; node < $2; node++)); do
		guest $node "$bin/dsmcounter" "${how[@]}" -w "$2" "$3" \
			>"$work/share$node" &
		pids+=($!)
	done
	if [[ $# -lt 4 ]]; then
		eventually counts_on "$3"
		turns=$(sum pages_in)
		sleep 5
		eventually has_moved $((turns + 2000))
		word 0 set $(($3 + 24)) 1
	fi
	all_end_well "${pids[@]}"
	for ((node = 0; node < $2; node++)); do
		counts+=("$(<"$work/share$node")")
		sum=$((sum + counts[node]))
	done
	all_read "$sum" "$3"
	shares_are_fair "$1" "${counts[@]}"
}

# The word is at home at one of them, or at none; or half at one, half at another.
# A machine that loses the page while it holds the spinlock gets it back before
# another can take the lock. So who has the lock changes by chance, once in a few
# turns of the page, and it takes some hundred changes until the shares are even.
suite_fairness()
{
	local status=0

	echo "1..5"
	fairness_result 1 "one word, two machines" 2 "$(stripe 70 0)"
	fairness_result 2 "one word, two machines, home elsewhere" 2 \
		"$(stripe 71 2)"
	fairness_result 3 "one word, three machines" 3 "$(stripe 72 1)"
	fairness_result 4 "a word across two pages, three machines" 3 \
		$(($(stripe 73 2) - 4))
	fairness_result 5 "a spinlock, three machines" 3 "$(stripe 74 0)" 600
	return $status
}

# Sets status.
fairness_result() # NUMBER NAME NODES OFFSET [TURNS]
{
	if share "${@:2}" >"$work/share"; then
		echo "ok $1 $2"
	else
		echo "not ok $1 $2"
		status=1
	fi
	sed 's/^/# /' "$work/share"
}
