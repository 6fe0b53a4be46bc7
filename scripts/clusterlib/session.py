# SPDX-License-Identifier: GPL-2.0-only
"""Commands in machines. The top of agent.c tells what is said on the wire."""

import contextlib
import os
import selectors
import socket
import struct
import sys
import time

from clusterlib import state as st

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOST = 255  # the exit status of a command whose machine went away
END_OF_INPUT = b"\x04"


def hex_word(text):
    return "x" + os.fsencode(text).hex()


class Session:
    """One command in one machine, on a terminal if it has a size."""

    def __init__(self, state, node, argv, size=(0, 0)):
        self.state, self.node = state, node
        self.argv, self.size = argv, size
        self.nonce = os.urandom(16)
        self.begun = False
        self.data = b""
        self.status = None
        self.control = self.sock = None

    def borrow_port(self):
        """From the supervisor, which takes it back when control closes."""
        self.control = st.connect(self.state)
        self.control.send(bytes([self.node]))
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer, fds, _, _ = socket.recv_fds(self.control, 1, 1)
        if not answer:
            raise st.Error("the cluster went down")
        if not fds:
            raise st.Error(f"node {self.node} is off")
        self.sock = socket.socket(fileno=fds[0])

    def environment(self):
        env = {
            "PATH": PATH,
            "HOME": "/root",
            "USER": "root",
            "DSM_NODE": str(self.node),
            "DSM_NODES": str(st.node_count(self.state)),
        }
        for name in ("TERM", "LANG", "LC_ALL"):
            if name in os.environ:
                env[name] = os.environ[name]
        return [f"{name}={value}" for name, value in env.items()]

    def start(self):
        self.borrow_port()
        env = self.environment()
        words = ["run", self.nonce.hex(), *map(str, self.size)]
        words += [hex_word(os.getcwd()), str(len(env))]
        words += map(hex_word, env + self.argv)
        self.send(" ".join(words) + " end")

    def send(self, line):
        self.sock.sendall(line.encode() + b"\n")

    def receive(self):
        """Returns the frames that came, (b"o" or b"e", bytes) each."""
        try:
            more = self.sock.recv(1 << 16)
        except ConnectionResetError:
            more = b""
        if not more:
            self.status = LOST
            return [(b"e", b"cluster: lost the machine\n")]
        self.data += more
        if not self.begun:
            # what comes first was for somebody else, who left
            before, self.begun, after = self.data.partition(self.nonce)
            self.data = after if self.begun else before[-15:]
        return list(self.frames()) if self.begun else []

    def frames(self):
        while len(self.data) >= 5:
            kind, length = struct.unpack_from("<cI", self.data)
            if len(self.data) < 5 + length:
                return
            payload = self.data[5 : 5 + length]
            self.data = self.data[5 + length :]
            if kind == b"x":
                (self.status,) = struct.unpack("<I", payload)
            else:
                yield kind, payload

    def close(self):
        for sock in (self.sock, self.control):
            if sock:
                sock.close()


class Output:
    """Where a session's output goes, line by line if there is a prefix."""

    def __init__(self, prefix=b""):
        self.prefix = prefix
        self.rest = {b"o": b"", b"e": b""}

    def write(self, kind, data):
        stream = sys.stdout.buffer if kind == b"o" else sys.stderr.buffer
        if self.prefix:
            *lines, self.rest[kind] = (self.rest[kind] + data).split(b"\n")
            data = b"".join(self.prefix + line + b"\n" for line in lines)
        stream.write(data)
        stream.flush()

    def finish(self):
        for kind, rest in self.rest.items():
            if rest:
                self.write(kind, b"\n")


def forward_input(selector, stdin, session):
    typed = os.read(stdin, 1024)
    if not typed:
        selector.unregister(stdin)
    session.send("in x" + (typed or END_OF_INPUT).hex())


def forward_output(session, output):
    for kind, data in session.receive():
        output.write(kind, data)
    if session.status is not None:
        output.finish()


def drive(sessions, outputs, timeout=None, stdin=None):
    """Runs the sessions to their end; those without a status after that took
    too long. What is read from the file stdin goes to the first."""
    deadline = timeout and time.monotonic() + timeout
    selector = selectors.DefaultSelector()
    left = len(sessions)
    with contextlib.ExitStack() as stack:
        for session, output in zip(sessions, outputs):
            stack.callback(session.close)
            session.start()
            data = (session, output)
            selector.register(session.sock, selectors.EVENT_READ, data)
        if stdin is not None:
            selector.register(stdin, selectors.EVENT_READ)
        while left:
            wait = deadline and deadline - time.monotonic()
            if deadline and wait <= 0:
                break
            for key, _ in selector.select(wait):
                if key.data is None:
                    forward_input(selector, stdin, sessions[0])
                    continue
                forward_output(*key.data)
                if key.data[0].status is not None:
                    selector.unregister(key.fileobj)
                    left -= 1
