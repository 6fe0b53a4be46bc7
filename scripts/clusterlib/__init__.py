# SPDX-License-Identifier: GPL-2.0-only
"""The parts of scripts/cluster.

state.py        what is up, in files
session.py      commands in machines, over virtio-serial
supervisor.py   the process that owns the machines
initramfs       makes what the machines boot from: init, then agent.c
"""
