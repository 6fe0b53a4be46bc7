#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For the tests on debug kernels: memory that runs out, and what the kernel's
# checkers say in the end. They run in the machine.

debugfs=/sys/kernel/debug

debugfs_mount()
{
	mountpoint -q $debugfs || mount -t debugfs debugfs $debugfs
}

# More than there will be; the kernel counts them down
shortage_times=1000000000

# shortage PERCENT: so many of the modules' allocations fail from now on, and
# those that fail-nth in /proc tells to. Modules are what runs behind the end of
# the kernel; all else that the debug kernels have is built in.
shortage()
{
	local fault kernel_end

	kernel_end=0x$(sed -n 's/ . _end$//p' /proc/kallsyms)
	for fault in $debugfs/{failslab,fail_page_alloc}; do
		echo 0 >"$fault/probability"
		echo "$kernel_end" >"$fault/require-start"
		echo 0xffffffffffff0000 >"$fault/require-end"
		echo 0 >"$fault/reject-start"
		echo 0 >"$fault/reject-end"
		echo N >"$fault/task-filter"
		echo N >"$fault/ignore-gfp-wait"
		echo 0 >"$fault/verbose"
		echo 1 >"$fault/interval"
		echo $shortage_times >"$fault/times"
		echo "$1" >"$fault/probability"
	done
	echo 0 >$debugfs/fail_page_alloc/min-order
}

# shortage_hit: some have failed since the last shortage()
shortage_hit()
{
	local fault left=0

	for fault in $debugfs/{failslab,fail_page_alloc}; do
		left=$((left + $(<"$fault/times")))
	done
	echo "$((2 * shortage_times - left)) allocations failed"
	[[ $left -lt $((2 * shortage_times)) ]]
}

# shortage_spare FUNCTION: none fails that this function of the module makes, or
# that is made for it.
shortage_spare()
{
	local fault range

	mapfile -t range < <(grep -F '[dsm]' /proc/kallsyms | sort |
			     grep -A 1 -E "^[0-9a-f]+ t $1\s" | cut -d ' ' -f 1)
	same 2 "${#range[@]}" "ends of $1()"
	for fault in $debugfs/{failslab,fail_page_alloc}; do
		echo "0x${range[0]}" >"$fault/reject-start"
		echo "0x${range[1]}" >"$fault/reject-end"
	done
}

# Objects that nothing points to. They are not judged before they are five
# seconds old, nor after one look only: they may be on the move.
leaks_check()
{
	local leaks

	sleep 6
	echo scan >$debugfs/kmemleak
	echo scan >$debugfs/kmemleak
	leaks=$(<$debugfs/kmemleak)
	same "" "$leaks" "kmemleak"
}

# The checkers are still at work, and have nothing to say.
checkers_check()
{
	local kcsan name value

	# The only taint is that of a module from outside.
	same 4096 "$(</proc/sys/kernel/tainted)" "taint of the kernel"
	same 1 "$(</proc/sys/kernel/panic_on_warn)" panic_on_warn
	case $(uname -r) in
	*-kasan | *-uml)
		grep -qE '^ debug_locks: +1$' /proc/lockdep_stats
		leaks_check ;;
	*-kcsan)
		kcsan=$(<$debugfs/kcsan)
		while read -r name value; do
			case $name in
			enabled:)
				same 1 "$value" "KCSAN: $name" ;;
			setup_watchpoints:)
				echo "KCSAN: $value watchpoints"
				[[ $value -gt 1000 ]] ;;
			data_races: | assert_failures: | \
			races_unknown_origin:)
				same 0 "$value" "KCSAN: $name" ;;
			esac
		done <<<"$kcsan" ;;
	esac
}
