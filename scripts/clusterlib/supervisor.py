# SPDX-License-Identifier: GPL-2.0-only
"""The process that owns the machines, which end when it does.

It also keeps the host's side of all ports to the machines' agents open, and
lends each to one client at a time: agent.c tells why.
"""

import contextlib
import ctypes
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys

from clusterlib import state as st
from clusterlib.machine import Machine

CLONE_NEWNET = 0x40000000
TAKE_BACK = b"\n!\n"


def set_up_network(nodes):
    """In a network namespace without a name, gone with its last process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise st.Error(f"unshare: {os.strerror(ctypes.get_errno())}")
    commands = ["link add br0 type bridge", "link set br0 up"]
    for node in range(nodes):
        commands.append(f"tuntap add tap{node} mode tap")
        commands.append(f"link set tap{node} master br0 up")
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


class Supervisor:
    def __init__(self, listener, commission, wake):
        self.machines = []
        self.lent = {}  # the port lent to each client, None while it waits
        self.selector = selectors.DefaultSelector()
        self.watch(listener, self.accept)
        self.watch(commission, self.hear_commission)
        self.watch(wake, self.hear_signal)
        self.ended = False

    def watch(self, file, function, *args, events=selectors.EVENT_READ):
        self.selector.register(file, events, (function, file, *args))

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select():
                function, *args = key.data
                function(*args)

    def hear_commission(self, pipe):
        """Without a word that all machines came up, its end is ours."""
        self.ended = not os.read(pipe, 64)
        self.selector.unregister(pipe)

    def hear_signal(self, pipe):
        self.ended |= signal.SIGTERM in os.read(pipe, 64)
        for machine in self.machines:
            machine.note_end()

    def accept(self, listener):
        client, _ = listener.accept()
        self.watch(client, self.hear_node)

    def hear_node(self, client):
        """A client says, in one byte, which machine it wants a port to."""
        self.selector.unregister(client)
        node = client.recv(1)
        if not node or node[0] >= len(self.machines):
            client.close()
            return
        machine = self.machines[node[0]]
        self.lent[client] = None
        self.watch(client, self.hear_end, machine)
        machine.waiting.append(client)
        self.lend(machine)

    def lend(self, machine):
        while machine.waiting and (machine.free or machine.is_off()):
            client = machine.waiting.pop(0)
            with contextlib.suppress(OSError):
                if machine.is_off():
                    client.send(b"-")
                else:
                    self.lent[client] = machine.free.pop(0)
                    port = self.lent[client].fileno()
                    socket.send_fds(client, [b"+"], [port])

    def hear_end(self, client, machine):
        """The client is done, or dead."""
        self.selector.unregister(client)
        client.close()
        port = self.lent.pop(client)
        if port:
            events = selectors.EVENT_WRITE
            self.watch(port, self.take_back, machine, events=events)
        elif client in machine.waiting:
            machine.waiting.remove(client)

    def take_back(self, port, machine):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            try:
                port.send(TAKE_BACK, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
        self.selector.unregister(port)
        machine.free.insert(0, port)
        self.lend(machine)


def supervise(state, args, listener, commission):
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end)
    for signum in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    st.write(str(os.getpid()), state, "supervisor")
    supervisor = Supervisor(listener, commission, wake)
    try:
        set_up_network(args.nodes)
        for node in range(args.nodes):
            supervisor.machines.append(Machine(state, args, node))
        supervisor.run()
    finally:
        for machine in supervisor.machines:
            machine.kill()


def end_machines(state, args):
    """If the supervisor was killed, it had no time to."""
    for node in range(args.nodes):
        pid = st.node_pid(state, node)
        if pid:
            st.kill(pid)


def detach(log):
    os.setsid()
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for fd, source in enumerate((null, log, log)):
        os.dup2(source, fd)


def start(state, args, log):
    """Starts two processes, of which the outer one removes the files when the
    inner one, the supervisor, is gone for whatever reason. Returns the pipe
    that commissions the cluster, by a word; without, its end ends all."""
    st.write(str(args.nodes), state, "nodes")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(state, "control"))
    listener.listen(64)
    commission, commission_end = os.pipe()
    if os.fork():
        os.close(commission)
        listener.close()
        return commission_end
    try:
        os.close(commission_end)
        detach(log.fileno())
        inner = os.fork()
        if inner:
            listener.close()
            os.close(commission)
            os.waitpid(inner, 0)
            end_machines(state, args)
            shutil.rmtree(state, ignore_errors=True)
        else:
            supervise(state, args, listener, commission)
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
    finally:
        os._exit(0)
