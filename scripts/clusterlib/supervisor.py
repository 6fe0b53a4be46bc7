# SPDX-License-Identifier: GPL-2.0-only
"""The process that owns the machines, which end when it does.

It also keeps the host's side of all ports to the machines' agents open, and
lends each to one client at a time: agent.c tells why.
"""

import contextlib
import ctypes
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys

from clusterlib import state as st

CLONE_NEWNET = 0x40000000
PORTS = 8  # commands that can run at once on a machine
TAKE_BACK = b"\n!\n"


def accelerator():
    """/dev/kvm alone proves nothing: without these flags, machines hang."""
    if re.search(r"^flags\s*:.* (vmx|svm)\b", st.read("/proc/cpuinfo"), re.M):
        with contextlib.suppress(OSError):
            os.close(os.open("/dev/kvm", os.O_RDWR))
            return "kvm"
    return "tcg,thread=multi"


def virtfs(path, tag):
    path = path.replace(",", ",,")
    options = "security_model=none,readonly=on,multidevs=remap"
    return ["-virtfs", f"local,path={path},mount_tag={tag},{options}"]


def qemu_command(state, args, node, port_fds):
    directory = st.node_dir(state, node)
    append = (
        "console=ttyS0 quiet loglevel=4 panic=-1 cryptomgr.notests=1 "
        f"noreplace-smp no_timer_check {args.append} "
        f"node={node} nodes={args.nodes} ports={PORTS} "
        f'"modules={args.modules}" "tree={args.tree}"'
    )
    # if the supervisor is killed, so are its machines
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"]
    command += ["-name", f"dsm-{os.path.basename(state)}-node{node}"]
    command += ["-machine", "q35", "-accel", accelerator(), "-nodefaults"]
    command += ["-m", str(args.memory), "-smp", str(args.smp)]
    command += ["-display", "none", "-no-reboot", "-kernel", args.vmlinux]
    command += ["-initrd", args.initramfs, "-append", append]
    command += ["-serial", f"file:{directory}/console"]
    command += virtfs("/", "host") + virtfs(args.tree, "tree")
    tap = f"tap,id=net,ifname=tap{node},script=no,downscript=no"
    nic = f"virtio-net-pci,netdev=net,romfile=,mac=52:54:00:4d:00:{node:02x}"
    command += ["-netdev", tap, "-device", nic]
    command += ["-device", "virtio-rng-pci"]
    command += ["-device", f"virtio-serial-pci,max_ports={PORTS + 1}"]
    for port, fd in enumerate(port_fds):
        command += ["-chardev", f"socket,id=port{port},fd={fd}"]
        device = f"virtserialport,chardev=port{port},nr={port + 1}"
        command += ["-device", device]
    return command


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


class Machine:
    """A QEMU, and the ports to it: free, or lent to a client."""

    def __init__(self, state, args, node):
        self.pid_file = os.path.join(st.node_dir(state, node), "pid")
        os.mkdir(st.node_dir(state, node))
        pairs = [socket.socketpair() for _ in range(PORTS)]
        self.free = [ours for ours, _ in pairs]
        self.waiting = []
        fds = [theirs.fileno() for _, theirs in pairs]
        command = qemu_command(state, args, node, fds)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=fds
        )
        for _, theirs in pairs:
            theirs.close()
        st.write(str(self.process.pid), self.pid_file)

    def is_off(self):
        return self.process.poll() is not None

    def note_end(self):
        if self.is_off() and os.path.exists(self.pid_file):
            os.unlink(self.pid_file)

    def kill(self):
        self.process.kill()
        self.process.wait()


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
            shutil.rmtree(state, ignore_errors=True)
        else:
            supervise(state, args, listener, commission)
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
    finally:
        os._exit(0)
