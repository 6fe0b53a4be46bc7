# SPDX-License-Identifier: GPL-2.0-only
"""The parts of scripts/cluster.

state.py        what is up, in files
session.py      commands in machines, over serial ports
supervisor.py   the process that owns the machines
machine.py      one of them, which is made by
qemu.py         QEMU, or is
uml.py          User-Mode Linux
initramfs       makes what the machines boot from: init, then agent.c
"""
