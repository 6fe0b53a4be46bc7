#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts beside this share.

# Where the programs are.
# shellcheck disable=SC2034 # for those who read this
out=${OUT:-build/selftests/sim}

# The commit that a failing run belongs to.
DSM_COMMIT=$(git describe --always --dirty 2>/dev/null || echo unknown)
export DSM_COMMIT

# What a failed run leaves behind is not a leak, and a memory error is not what
# the judge means by 1.
export ASAN_OPTIONS=detect_leaks=1:exitcode=99
export UBSAN_OPTIONS=exitcode=99

# shellcheck disable=SC2034 # for those who read this
patterns=(uniform hot migratory producer-consumer false-sharing sequential
	  crossing)

# show_log FILE: what a run printed, as comments
show_log()
{
	sed 's/^[^#]/# &/' "$1"
}

# show_failure LOG PROGRAM ARGUMENT...: what failed, and the least that does
show_failure()
{
	show_log "$1"
	selftests/sim/shrink "${@:2}" | sed 's/^[^#]/# &/'
}
