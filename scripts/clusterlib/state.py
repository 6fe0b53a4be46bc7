# SPDX-License-Identifier: GPL-2.0-only
"""What is up: one directory for each cluster, locked for as long as it lives.

    log             what the supervisor and the machines complained of
    nodes           the number of machines
    supervisor      the pid of the process that owns the machines
    control         its socket, from which it lends ports to agents
    nodeN/pid       of the machine's process, absent while it is off; those that
                    it starts are of its group
    nodeN/console   what its kernel said
"""

import contextlib
import fcntl
import os
import re
import signal
import socket

RUN_DIR = "/run/dsm-cluster"


class Error(Exception):
    """What the user should know, without a traceback."""


def directory():
    name = os.environ.get("DSM_CLUSTER", "default")
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,39}", name):
        raise Error(f"DSM_CLUSTER={name}: bad name")
    return os.path.join(RUN_DIR, name)


def lock(state):
    """Locks the directory, made anew if need be. Returns its file descriptor,
    or None if it is locked: a cluster is up, or on its way."""
    while True:
        # FileExistsError: it was there, and is gone before it is looked at
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            os.makedirs(state, mode=0o700, exist_ok=True)
            fd = os.open(state, os.O_RDONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # somebody may have removed it meanwhile
                if os.path.samestat(os.fstat(fd), os.stat(state)):
                    return fd
                os.close(fd)
            except BlockingIOError:
                os.close(fd)
                return None


def read(*path):
    """The text of a file, None if there is none."""
    try:
        with open(os.path.join(*path), errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(text, *path):
    """Appears as a whole or not at all."""
    path = os.path.join(*path)
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def node_dir(state, node):
    return os.path.join(state, f"node{node}")


def connect(state):
    """To the supervisor, if there is one."""
    control = socket.socket(socket.AF_UNIX)
    try:
        control.connect(os.path.join(state, "control"))
    except (FileNotFoundError, ConnectionRefusedError):
        raise Error(f"{os.path.basename(state)} is not up") from None
    return control


def node_count(state):
    connect(state).close()
    return int(read(state, "nodes"))


def check_node(state, word):
    if not word.isdecimal() or int(word) >= node_count(state):
        raise Error(f"no node {word}")
    return int(word)


def node_pid(state, node):
    """The pid of its process, None if it is off."""
    pid = read(node_dir(state, node), "pid")
    return int(pid) if pid else None


def kill(pid):
    """All of a machine at once: what a kernel that is a program watches would
    go on without it, as a program of the host's."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def running_pid(state, node):
    pid = node_pid(state, node)
    if pid is None:
        raise Error(f"node {node} is off")
    return pid


def address(node):
    return f"10.77.0.{10 + node}"
