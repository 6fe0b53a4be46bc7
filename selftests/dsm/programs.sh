#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that know nothing of dsm, on three machines at once: a part of
# run-three, with its guest, guest_sh, on_each, stripe, same and all_read.
#
# Where a program uses a device from its beginning, it uses rows 0 to 7, and
# comes after the tests that want untouched pages there.
#
# shellcheck disable=SC2154 # variables of run-three

# Before a command that may hang: ends it
in_time=(timeout 300)

# fio NODE OPTION...: 1.5 MiB at the beginning of the device, the only place
# where fio can be told to go to
fio()
{
	guest "$1" "${in_time[@]}" fio --name=dsm --filename=/dev/dsm \
		--ioengine=mmap --bs=4k --size=1536k --filesize=1536k \
		--eta=never "${@:2}" >"$work/fio$1" || {
		cat "$work/fio$1"
		return 1
	}
}

# fio_verified NODE OPTION...: each block has a header that tells its offset and
# the checksum of its random contents
fio_verified()
{
	fio "$@" --verify=crc32c --verify_fatal=1 --verify_state_save=0
}

test_fio()
{
	local node pids=()

	echo "node 0 stamps each block, the others verify it"
	fio_verified 0 --rw=write --do_verify=0
	for node in 1 2; do
		fio_verified $node --rw=read &
		pids+=($!)
	done
	all_end_well "${pids[@]}"

	echo "node 0 verifies what it writes, while the others read"
	pids=()
	for node in 1 2; do
		fio $node --rw=randread &
		pids+=($!)
	done
	fio_verified 0 --rw=randrw --randseed="$seed" --verify_backlog=32
	all_end_well "${pids[@]}"
	fio_verified 1 --rw=read
	fio_verified 2 --rw=randread
}

# In a guest: its status does not tell all that it has found. It is process 1 of
# its own. It maps a buffer as large as a cache of the processor, the last one if
# not told otherwise, which may be more than the guest's memory.
stress_ng()
{
	local said status=0

	said=$(unshare --pid --fork --mount-proc \
		stress-ng --temp-path /tmp --cache-level 1 "$@" 2>&1) ||
		status=$?
	if [[ $said =~ (fail|error): ]]; then
		echo "$said"
		status=1
	fi
	return $status
}

# In a guest: stress-ng's tmpfs stressor, which is its mmap stressor on a file of
# tmpfs, with the device for a file. Stressors make their files themselves, most
# in a directory that is new; this one opens a file of tmpfs whose name is known
# when its process has number 2 and its random numbers are always the same. It
# takes nearly as many pages as the tmpfs has. It finds the tmpfs in /etc/mtab,
# which the smallest installations lack.
stress_ng_mmap()
{
	local link=/tmp/tmpfs-2-0-820856226

	[[ -e /etc/mtab ]] || ln -s ../proc/self/mounts /etc/mtab
	mount -t tmpfs -o size=1M tmpfs /tmp
	ln -s /dev/dsm $link
	stress_ng --tmpfs 1 --tmpfs-mmap-file --tmpfs-ops 2 --verify \
		--no-rand-seed
	if [[ -L $link ]]; then
		echo "stress-ng did not open $link"
		return 1
	fi
}

# with_stress_ng NODE COMMAND...: one of these functions in a guest
with_stress_ng()
{
	guest "$1" "${in_time[@]}" unshare --mount bash -c \
		"set -e; $(declare -f stress_ng stress_ng_mmap)"'; "$@"' - \
		"${@:2}"
}

# What it has written in the end
stress_ng_sum()
{
	guest "$1" dd if=/dev/dsm bs=64k count=15 status=none | sha256sum
}

test_stress_ng()
{
	local reader device status=0 sum

	# shellcheck disable=SC2016 # for the guest
	guest_sh 1 'until [ -e /tmp/enough ]; do
		dd if=/dev/dsm of=/dev/null bs=64k count=16 status=none
	done' &
	reader=$!
	with_stress_ng 2 stress_ng --dev 1 --dev-file /dev/dsm --timeout 3 &
	device=$!
	with_stress_ng 0 stress_ng_mmap || status=$?
	guest 1 touch /tmp/enough
	all_end_well $reader $device || status=1

	sum=$(stress_ng_sum 0)
	same "$sum" "$(stress_ng_sum 1)" "what node 1 reads" || status=1
	same "$sum" "$(stress_ng_sum 2)" "what node 2 reads" || status=1
	return $status
}

test_python()
{
	local at

	at=$(stripe 100 0)
	on_each 0 1 2 -- "${in_time[@]}" "$here/dsmlock.py" /dev/dsm "$at" @ \
		2 6 200
	all_read 1200 "$at"
}

test_heat()
{
	local heat at alone node pids=()

	heat=("${in_time[@]}" "$top/build/examples/heat" -p 6 -r 96 -s 25)
	at=$(stripe 110 0)
	# shellcheck disable=SC2016 # for the guest
	alone=$(guest_sh 0 'truncate -s 1M /dev/shm/plate
		"$@" /dev/shm/plate
		rm /dev/shm/plate' "${heat[@]}")
	echo "one machine: $alone"
	for node in 0 1 2; do
		guest $node "${heat[@]}" -f $((2 * node)) \
			-l $((2 * node + 1)) -o "$at" /dev/dsm \
			>"$work/heat$node" &
		pids+=($!)
	done
	all_end_well "${pids[@]}"
	for node in 0 1 2; do
		same "$alone" "$(<"$work/heat$node")" "node $node"
	done
}
