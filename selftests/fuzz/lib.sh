#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What run-short and run-long share: one run of one fuzzer.
#
# shellcheck disable=SC2034 # variables for those that include this

fuzzers=(wire step)
out=${OUT:-build/selftests/fuzz}

# How libFuzzer ends when an input broke something.
found_status=77
# Long enough for several frames, and for some dozens of events.
declare -A longest=([wire]=8192 [step]=128)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=exitcode=$found_status

# Run a fuzzer over its corpus and what it makes of it; new inputs are not kept.
fuzz() # FUZZER PROGRAM OPTION...
{
	rm -rf "$work/new"
	mkdir -p "$work/new" "$out/found"
	"$2" -max_len="${longest[$1]}" -artifact_prefix="$out/found/$1-" \
		-print_final_stats=1 "${@:3}" "$work/new" \
		"selftests/fuzz/corpus/$1" >"$work/log" 2>&1
}

# What was wrong, in one line
finding()
{
	grep -m 1 -E '^property:|runtime error:|ERROR: AddressSanitizer' \
		"$work/log" | sed 's/^/# /' || true
}

report() # FUZZER STATUS
{
	local runs covered

	if [ "$2" != 0 ]; then
		sed -n '/^property:\|ERROR:\|runtime error:/,$s/^/# /p' \
			"$work/log" | grep . ||
			sed 's/^/# /' "$work/log" | tail -n 5
		return
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	covered=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$work/log")
	echo "# $1: $runs inputs, $covered edges of the core covered"
}
