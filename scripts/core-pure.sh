#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Show that the core needs nothing of the kernel: its objects, taken together,
# import only mem* and what the compiler puts in on its own.
#
#	scripts/core-pure.sh DIR...
#
# DIR holds the objects of kmod/core, as scripts/module leaves them in
# build/KERNEL-RELEASE/tree/kmod/core.
set -euo pipefail

cd "$(dirname "$0")/.."

if [[ $# -eq 0 ]]; then
	echo "usage: core-pure.sh DIR..." >&2
	exit 1
fi

# mem*; profiling, return and call thunks, stack protector, bounds checks
allowed='mem(cpy|move|set|cmp)'
allowed+='|__fentry__|__x86_return_thunk|__x86_indirect_thunk_\w+'
allowed+='|__stack_chk_fail|__(ubsan_handle|asan|tsan|sanitizer_cov)_\w+'
allowed+='|(__)?fortify_panic'

failed=0
for dir; do
	objects=()
	for source in kmod/core/*.c; do
		object=$dir/$(basename "$source" .c).o
		if [[ ! -f $object ]]; then
			echo "$source is not part of the module: no $object"
			failed=1
			continue
		fi
		objects+=("$object")
	done
	[[ ${#objects[@]} -gt 0 ]] || continue
	# Undefined, minus what another object of the core defines
	imports=$(comm -23 \
		<(nm -u --format=just-symbols "${objects[@]}" |
		  grep -v '^$\|:$' | sort -u) \
		<(nm --defined-only --extern-only --format=just-symbols \
		  "${objects[@]}" | sort -u) |
		grep -vxE "$allowed" || true)
	for symbol in $imports; do
		echo "$dir imports $symbol:" \
		     "$(nm -uA "${objects[@]}" | grep -w "$symbol" |
			sed 's/:.*//; s,.*/,,' | tr '\n' ' ')"
		failed=1
	done
done
exit $failed
