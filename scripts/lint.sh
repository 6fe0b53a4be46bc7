#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Check the sources without running them. Each check is a test in KTAP, with
# what it found below it:
#
#	scripts/lint.sh [CHECK...]
#
# shellcheck disable=SC2317 # the checks are called by name
set -euo pipefail

cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
cache_scripts=$(scripts/kselftest-headers --scripts)
mapfile -t files < <(scripts/tidy.py --files)

out=build/lint
mkdir -p $out

# Print the files whose names match a pattern.
named()
{
	printf '%s\n' "${files[@]}" | grep -P "$1" || true
}

# Print the files whose first line names an interpreter.
run_by()
{
	local file

	for file in "${files[@]}"; do
		! head -n 1 "$file" | grep -qE "^#!.*\b($1)$" || echo "$file"
	done
}

check_tidy()
{
	scripts/tidy.py
}

# What the documentation says that programs can do has tests.
check_matrix()
{
	scripts/matrix.py
}

# Over the module as it is tested, which is compiled before if need be
check_sparse()
{
	local output kdir

	kdir=$(scripts/kernel --headers "$1")
	output=$(scripts/module -w "$kdir" C=2 \
		CF="-D__CHECK_ENDIAN__ -Wcontext" 2>&1) || {
		echo "$output"
		return 1
	}
	grep -q '  CHECK ' <<<"$output" || {
		echo "sparse did not run"
		return 1
	}
	! grep -E 'warning|WARNING|error|ERROR' <<<"$output"
}

check_core-pure()
{
	scripts/core-pure.sh "build/$(scripts/kernel --release "$1")/tree/kmod/core"
}

# Runs checkpatch with options over the files whose names match a pattern.
checkpatch()
{
	local sources status=0

	mapfile -t sources < <(named "$1")
	[[ ${#sources[@]} -gt 0 ]] || return 0
	printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 8 \
		"$cache_scripts/checkpatch.pl" "${@:2}" || status=1
	# It keeps notes in the current directory.
	rm -f .checkpatch-camelcase.*
	return "$status"
}

# compat.h exists to compare versions, tracepoints have a layout of their own,
# and in user space C's own types, keywords and macros are right, and a macro of
# the tests' harness stands for a type.
check_checkpatch()
{
	local status=0 user_space=PREFER_KERNEL_TYPES,CAMELCASE,VOLATILE

	echo 'FIXTURE_DATA\(\w+\)\s\*self' >"$out/types"
	user_space+=,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH
	checkpatch '^kmod/compat\.h$' \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON || status=1
	checkpatch '^kmod/trace\.h$' \
		--ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT || status=1
	checkpatch '^(uapi|kmod(?!/(compat|trace)\.h))/.*\.[ch]$' || status=1
	checkpatch '^(tools|selftests|scripts|examples)/.*\.[ch]$' \
		--ignore "$user_space" \
		--typedefsfile "$out/types" || status=1
	return "$status"
}

# The kernel's semantic patches over the module, those that need no OCaml
# compiler, in as many processes as there are processors.
check_coccinelle()
{
	local sources reports=$out/coccinelle

	rm -rf "$reports"
	mkdir -p "$reports"
	mapfile -t sources < <(named '^kmod/.*\.[ch]$')
	grep -rLE '^@.*script:ocaml' "$cache_scripts/coccinelle" |
		xargs -P "$(nproc)" -I RULE scripts/cocci-rule \
		RULE "$reports" "${sources[@]}"
	cat "$reports"/*
	[[ -z $(cat "$reports"/*) ]]
}

check_kernel-doc()
{
	local sources kdir

	kdir=$(scripts/kernel --headers 6.12)
	mapfile -t sources < <(named '^(kmod|uapi)/.*\.[ch]$')
	"$kdir/scripts/kernel-doc" -none -Werror "${sources[@]}"
}

# A program that includes nothing else can include the header.
check_uapi()
{
	local header exported kdir

	kdir=$(scripts/kernel --headers 6.1)
	for header in uapi/linux/*.h; do
		exported=$PWD/$out/$header
		mkdir -p "$(dirname "$exported")"
		(cd "$kdir" && sh scripts/headers_install.sh \
			"$OLDPWD/$header" "$exported")
		gcc -std=c90 -Wall -Wextra -Werror -fsyntax-only -x c \
			-I "$out/uapi" "$exported"
	done
}

check_shellcheck()
{
	local scripts

	mapfile -t scripts < <(run_by 'bash|sh')
	shellcheck "${scripts[@]}"
}

check_codespell()
{
	local sources

	mapfile -t sources < <(named '' | grep -vx COPYING)
	# iput() is of the kernel, and to and fro is English.
	codespell --ignore-words-list fro,iput "${sources[@]}"
}

checks=(
	tidy
	matrix
	"sparse 6.1"
	"sparse 6.12"
	"core-pure 6.1"
	"core-pure 6.12"
	checkpatch
	coccinelle
	kernel-doc
	uapi
	shellcheck
	codespell
)
if [[ $# -gt 0 ]]; then
	checks=("$@")
fi

echo "KTAP version 1"
echo "1..${#checks[@]}"
number=0
failed=0
for check in "${checks[@]}"; do
	number=$((number + 1))
	read -r name argument <<<"$check"
	# Not as a condition: that would turn set -e off within.
	set +e
	output=$(set -e; "check_$name" ${argument:+"$argument"} 2>&1)
	status=$?
	set -e
	if [[ $status -eq 0 ]]; then
		echo "ok $number lint: $check"
	else
		echo "# ${output//$'\n'/$'\n'# }"
		echo "not ok $number lint: $check"
		failed=1
	fi
done
exit $failed
