#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the Debian packages that a part of the project needs:
#
#	scripts/deps.sh GROUP...
#	scripts/deps.sh --update	only tell apt what there is now
#
# Quick and silent when they are there.
set -euo pipefail

declare -A groups=(
	# No kernel and no headers: scripts/kernel gets them. libelf1, libssl3
	# and pahole are for the kernels' own build programs, and kmod, xz-utils
	# and zstd to unpack a kernel.
	[build]="gcc gcc-12 libc6-dev make libelf1 libssl3 pahole kmod xz-utils
		zstd"
	[vm]="qemu-system-x86 busybox-static gcc libc6-dev musl-tools kmod
		xz-utils iproute2 python3 gdb fio stress-ng"
	# To build kernels from source, which scripts/kernel-debug gets
	[debug]="bison flex bc libelf-dev patch xz-utils"
	[demo]="wamerican-huge"
	# What dsm is compared with, and the data that kmeans is about
	[bench]="libopenmpi-dev openmpi-bin ocfs2-tools weather-util-data"
	[check]="sparse coccinelle linux-source-6.1 codespell shellcheck perl
		clang libclang-rt-14-dev gcovr python3 libpython3.11"
)

die()
{
	echo "deps.sh: $*" >&2
	exit 1
}

# Print those of the packages in "$@" that are not installed.
missing()
{
	local have package

	# It fails when it does not know one of them.
	have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" \
	       2>/dev/null || true)
	for package; do
		grep -qxF "ii $package" <<<"$have" || echo "$package"
	done
}

# What follows is to $1, which only root can do.
become_root()
{
	[[ $EUID -ne 0 ]] || return 0
	command -v sudo >/dev/null || die "needs root or sudo to $1"
	as_root=(sudo)
}

apt_get()
{
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		apt-get -qq -y -o DPkg::Lock::Timeout=600 \
		-o Dpkg::Use-Pty=0 --no-install-recommends "$@"
}

# dpkg's line per unpacked file is of interest only when something fails.
install_packages()
{
	apt_get install "${needed[@]}" >"$log" 2>&1
}

# The lists on this machine may be absent, or name versions that are gone.
lists_known()
{
	local package

	for package in "${needed[@]}"; do
		apt-cache show --no-all-versions "$package" >/dev/null 2>&1 ||
			return 1
	done
}

[[ $# -gt 0 ]] || die "usage: deps.sh --update|${!groups[*]}"
as_root=()
if [[ $1 == --update ]]; then
	become_root "update apt's lists"
	apt_get update
	exit 0
fi

packages=()
for group; do
	[[ -v groups[$group] ]] || die "no group $group, only ${!groups[*]}"
	read -r -d '' -a more <<<"${groups[$group]}" || true
	packages+=("${more[@]}")
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: not a Debian system; assuming that these are here:" \
	     "${packages[*]}" >&2
	exit 0
fi

lines=$(missing "${packages[@]}")
[[ -n $lines ]] || exit 0
mapfile -t needed < <(sort -u <<<"$lines")

become_root "install: ${needed[*]}"
echo "Installing Debian packages: ${needed[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! lists_known || ! install_packages; then
	apt_get update
	install_packages || {
		cat "$log" >&2
		die "apt-get install failed"
	}
fi
