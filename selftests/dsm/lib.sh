#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What run-one and run-three share: results as KTAP, and the kernel's log.
#
# A test is a function. test_NAME fails by its status, and what it prints is
# shown as comments; suite_NAME prints KTAP itself, which is shown nested. Both
# run in a subshell with "set -e"; status 4 says that it was skipped.

KSFT_SKIP=4

# What never stands in the log of a sound kernel
log_bad='WARNING:|BUG:|Oops|Kernel panic|general protection|Call Trace'
log_bad+='|blocked for more than|soft lockup|hard LOCKUP|self-detected stall'
log_bad+='|detected stalls|locking dependency|recursive locking'
log_bad+='|inconsistent lock|suspicious RCU|bad unlock|KASAN|KCSAN|UBSAN|KFENCE'
log_bad+='|corruption|refcount_t|page allocation failure|Bad page'
log_bad+='|scheduling while atomic|sleeping function|unregister_netdevice'
log_bad+='|still has [0-9]+ (objects|refs)|leaked|Objects remaining'
log_bad+='|ODEBUG'

# ktap_run TEST...: run them all, in this order; 1 if one failed
ktap_run()
{
	local name number=0 status worst=0

	echo "KTAP version 1"
	echo "1..$#"
	for name; do
		number=$((number + 1))
		set +e
		if declare -F "suite_$name" >/dev/null; then
			(ktap_body "suite_$name") 2>&1 | ktap_nest
		else
			(ktap_body "test_$name") 2>&1 | ktap_comment
		fi
		status=${PIPESTATUS[0]}
		set -e
		ktap_after
		case $status in
		0)	echo "ok $number $name" ;;
		"$KSFT_SKIP")
			echo "ok $number $name # SKIP" ;;
		*)	echo "not ok $number $name"
			worst=1 ;;
		esac
	done
	return $worst
}

# What ktap_run does after each test, unless it is defined anew
ktap_after()
{
	:
}

# A test's function, without anything that it leaves running
ktap_body()
{
	set -e
	trap ktap_end_jobs EXIT
	"$1"
}

# A job is often a shell function: what it waits for has to end, too, or the
# test's output would never do so.
ktap_end_jobs()
{
	local pid

	for pid in $(jobs -p); do
		end_tree "$pid"
	done
}

end_tree()
{
	local children='' child

	read -r children 2>/dev/null <"/proc/$1/task/$1/children" || true
	kill "$1" 2>/dev/null || true
	for child in $children; do
		end_tree "$child"
	done
}

ktap_comment()
{
	sed -u 's/^\(# \)*/# /'
}

# Indent KTAP, and make a comment of anything else
ktap_nest()
{
	sed -u -E '/^(KTAP|TAP|1\.\.|ok |not ok |#)/!s/^/# /; s/^/  /'
}

# ktap_select NAME... -- CHOSEN...: print those that are chosen, or all
ktap_select()
{
	local all=() name

	while [[ $1 != -- ]]; do
		all+=("$1")
		shift
	done
	shift
	for name; do
		if [[ " ${all[*]} " != *" $name "* ]]; then
			echo "no test $name; there are: ${all[*]}" >&2
			return 1
		fi
	done
	if [[ $# -eq 0 ]]; then
		printf '%s\n' "${all[@]}"
	else
		printf '%s\n' "$@"
	fi
}

# log_complaints FILE: the lines of a kernel log that should not be there. That
# a fault is retried as memory ran out is what nomem is for; that a control group
# has no more, limits.
log_complaints()
{
	sed -E '/invoked oom-killer/,/<\/TASK>|memory: usage|Mem-Info:/d' "$1" |
		grep -E "$log_bad" | grep -v 'VM_FAULT_OOM leaked' || true
}

# eventually COMMAND...: wait until it succeeds, if not for ever
eventually()
{
	local tries=0

	until "$@"; do
		tries=$((tries + 1))
		if [[ $tries -ge 400 ]]; then
			echo "never came true: $*"
			return 1
		fi
		sleep 0.05
	done
}

# refused COMMAND...: it has to fail
refused()
{
	if "$@" 2>/dev/null; then
		echo "was not refused: $*"
		return 1
	fi
}

# same EXPECTED SEEN WHAT
same()
{
	if [[ $1 != "$2" ]]; then
		echo "$3: expected '$1', saw '$2'"
		return 1
	fi
}

# at_most LIMIT SEEN WHAT
at_most()
{
	if [[ $2 -gt $1 ]]; then
		echo "$3: at most $1 expected, saw $2"
		return 1
	fi
}
