# SPDX-License-Identifier: GPL-2.0-only
"""One machine, whatever it is made of: see qemu.py and uml.py."""

import os
import socket
import subprocess

from clusterlib import state as st

PORTS = 8  # commands that can run at once on a machine


def init_parameters(args, node):
    """Of the kernel's command line, what init wants to know from all."""
    return (
        f"node={node} nodes={args.nodes} ports={PORTS} "
        f'"modules={args.modules}" "tree={args.tree}"'
    )


def mac(node):
    return f"52:54:00:4d:00:{node:02x}"


class Machine:
    """Its processes, and the ports to it: free, or lent to a client."""

    def __init__(self, state, args, node):
        self.pid_file = os.path.join(st.node_dir(state, node), "pid")
        os.mkdir(st.node_dir(state, node))
        pairs = [socket.socketpair() for _ in range(PORTS)]
        self.free = [ours for ours, _ in pairs]
        self.waiting = []
        fds = [theirs.fileno() for _, theirs in pairs]
        # if the supervisor is killed, so are its machines
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += args.hypervisor.command(state, args, node, fds)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            start_new_session=True,
        )
        for _, theirs in pairs:
            theirs.close()
        st.write(str(self.process.pid), self.pid_file)

    def is_off(self):
        return self.process.poll() is not None

    def note_end(self):
        if self.is_off() and os.path.exists(self.pid_file):
            st.kill(self.process.pid)  # what it has left
            os.unlink(self.pid_file)

    def kill(self):
        st.kill(self.process.pid)
        self.process.wait()
