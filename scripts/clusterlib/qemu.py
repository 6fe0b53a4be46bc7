# SPDX-License-Identifier: GPL-2.0-only
"""Machines of QEMU's, over virtio devices."""

import contextlib
import os
import re

from clusterlib import state as st
from clusterlib.machine import PORTS, init_parameters, mac

# What init needs until it has the host's files
MODULES = ["virtio_pci", "virtio_console", "virtio_net", "virtio_rng"]
MODULES += ["9p", "9pnet_virtio", "overlay"]


def accelerator():
    """/dev/kvm alone proves nothing: without these flags, machines hang."""
    if re.search(r"^flags\s*:.* (vmx|svm)\b", st.read("/proc/cpuinfo"), re.M):
        with contextlib.suppress(OSError):
            os.close(os.open("/dev/kvm", os.O_RDWR))
            return "kvm"
    return "tcg,thread=multi"


def describe():
    return "KVM" if accelerator() == "kvm" else "software emulation"


def check(args):
    """Any number and size will do, but clocks of their own do not agree."""
    if args.instructions and (args.nodes != 1 or args.smp != 1):
        raise st.Error("one processor counts instructions")


def virtfs(path, tag):
    path = path.replace(",", ",,")
    options = "security_model=none,readonly=on,multidevs=remap"
    return ["-virtfs", f"local,path={path},mount_tag={tag},{options}"]


def command(state, args, node, port_fds):
    directory = st.node_dir(state, node)
    append = (
        "console=ttyS0 quiet loglevel=4 panic=-1 cryptomgr.notests=1 "
        f"noreplace-smp no_timer_check {args.append} "
        f"{init_parameters(args, node)} files=9p port=/dev/vport*p"
    )
    words = ["qemu-system-x86_64"]
    words += ["-name", f"dsm-{os.path.basename(state)}-node{node}"]
    words += ["-machine", "q35", "-nodefaults"]
    if args.instructions:
        words += ["-accel", "tcg", "-icount", "shift=0,sleep=off"]
    else:
        words += ["-accel", accelerator()]
    words += ["-m", str(args.memory), "-smp", str(args.smp)]
    words += ["-display", "none", "-no-reboot", "-kernel", args.vmlinux]
    words += ["-initrd", args.initramfs, "-append", append]
    words += ["-serial", f"file:{directory}/console"]
    words += virtfs("/", "host") + virtfs(args.tree, "tree")
    tap = f"tap,id=net,ifname=tap{node},script=no,downscript=no"
    nic = f"virtio-net-pci,netdev=net,romfile=,mac={mac(node)}"
    words += ["-netdev", tap, "-device", nic]
    words += ["-device", "virtio-rng-pci"]
    if args.disk:
        path = args.disk.replace(",", ",,")
        drive = f"file={path},format=raw,if=none,id=disk,file.locking=off"
        words += ["-drive", drive]
        words += ["-device", "virtio-blk-pci,drive=disk,share-rw=on"]
    words += ["-device", f"virtio-serial-pci,max_ports={PORTS + 1}"]
    for port, fd in enumerate(port_fds):
        words += ["-chardev", f"socket,id=port{port},fd={fd}"]
        device = f"virtserialport,chardev=port{port},nr={port + 1}"
        words += ["-device", device]
    return words
