#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For run-short and run-long: results in KTAP.

out=${OUT:-build/selftests/sim/explore}
work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT
nr=0
failed=0

result() # STATUS NAME
{
	nr=$((nr + 1))
	if [[ $1 = 0 ]]; then
		echo "ok $nr $2"
	else
		echo "not ok $nr $2"
		# shellcheck disable=SC2034 # for those who read this
		failed=1
	fi
}

show_log()
{
	sed 's/^[^#]/# &/' "$log"
}

# One world, given by the explorer's arguments. One that is not bounded by
# --max-states has to be exhausted.
explore() # ARGUMENT...
{
	local status=0

	"$out/explore" --quiet "$@" >"$log" || status=$?
	if [[ " $* " != *" --max-states "* ]] &&
	   ! grep -q ', exhausted$' "$log"; then
		status=1
	fi
	show_log
	result "$status" "explore $*"
}
