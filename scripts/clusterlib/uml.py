# SPDX-License-Identifier: GPL-2.0-only
"""Machines of User-Mode Linux, where the kernel is a program."""

import os

from clusterlib import state as st
from clusterlib.machine import init_parameters, mac

MODULES = []  # all is built in

# Where their memory is, which they have to be able to execute
MEMORY_DIR = "/dev/shm"


def describe():
    return "User-Mode Linux"


def check(args):
    """What it would else say on the console, or die of when it is short."""
    if args.smp != 1:
        raise st.Error("User-Mode Linux has one processor")
    if args.instructions:
        raise st.Error("User-Mode Linux does not count instructions")
    if args.disk:
        raise st.Error("there is no shared disk with User-Mode Linux")
    space = os.statvfs(MEMORY_DIR)
    if space.f_flag & os.ST_NOEXEC:
        raise st.Error(f"{MEMORY_DIR} is mounted noexec")
    if space.f_bavail * space.f_frsize < args.nodes * args.memory << 20:
        raise st.Error(f"{MEMORY_DIR} has no room for the machines' memory")


def command(state, args, node, port_fds):
    directory = st.node_dir(state, node)
    # A panic would dump all memory, and the shadow that KASAN has of it.
    shell = 'ulimit -c 0; exec "$@" >"$0" 2>&1'
    words = ["env", f"TMPDIR={MEMORY_DIR}"]
    words += ["sh", "-c", shell, f"{directory}/console", args.vmlinux]
    words += [f"mem={args.memory}M", f"initrd={args.initramfs}"]
    words += [f"uml_dir={directory}", "umid=uml"]
    words += ["con=null", "con0=null,fd:1", "ssl=null"]
    for port, fd in enumerate(port_fds):
        words.append(f"ssl{port + 1}=fd:{fd}")
    words.append(f"eth0=tuntap,tap{node},{mac(node)}")
    words += ["quiet", "loglevel=4", *args.append.split()]
    words.append(init_parameters(args, node))
    words += ["files=hostfs", "port=/dev/ttyS"]
    return words
