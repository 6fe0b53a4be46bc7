#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the Debian packages that a part of the project needs:
#
#	scripts/deps.sh GROUP...
#
# Quick and silent when they are there.
set -euo pipefail

declare -A groups=(
	# pahole, libelf1 and libssl3 are for the kernels' own build programs.
	[build]="gcc gcc-12 libc6-dev make linux-headers-amd64 libelf1 libssl3
		pahole xz-utils"
	# Apart, as Debian has these headers depend on their kernel's image:
	# this machine will boot it the next time.
	[headers-6.12]="linux-headers-6.12-amd64"
	[vm]="qemu-system-x86 busybox-static gcc libc6-dev kmod xz-utils zstd iproute2
		python3"
	[demo]="wamerican-huge"
	[check]="sparse coccinelle linux-source-6.1 codespell shellcheck perl
		clang libclang-rt-14-dev python3 libpython3.11"
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

[[ $# -gt 0 ]] || die "usage: deps.sh ${!groups[*]}"
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

as_root=()
if [[ $EUID -ne 0 ]]; then
	command -v sudo >/dev/null ||
		die "needs root or sudo to install: ${needed[*]}"
	as_root=(sudo)
fi

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
