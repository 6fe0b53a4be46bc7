# SPDX-License-Identifier: GPL-2.0-only
"""The virtual machines that a benchmark runs on: a cluster of its own."""

import contextlib
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
CLUSTER = os.path.join(TOP, "scripts/cluster")
TICKS = os.sysconf("SC_CLK_TCK")

sys.path.insert(0, os.path.join(TOP, "scripts"))
from clusterlib import state  # noqa: E402


class Failed(Exception):
    """A command in a machine did not end well."""


def make(directory, *targets):
    subprocess.run(["make", "-s", "-C", os.path.join(TOP, directory),
                    *targets], check=True)


@contextlib.contextmanager
def cluster(nodes, kernel, size, *options):
    """So many machines, with dsm up, until the end of the block"""
    os.environ["DSM_CLUSTER"] = f"bench-{os.getpid()}"
    try:
        subprocess.run([CLUSTER, "up", "-n", str(nodes), "-k", kernel,
                        "--size", size, *options],
                       stdout=sys.stderr, check=True)
        yield
    finally:
        subprocess.run([CLUSTER, "down"], check=True)


def module(kernel):
    """The module that was built for a kernel"""
    release = subprocess.run(
        [os.path.join(TOP, "scripts/kernel"), "--release", kernel],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return os.path.join(TOP, "build", release, "dsm.ko")


def load(path, size):
    """Start dsm anew on all machines: nobody has touched any page."""
    subprocess.run([CLUSTER, "load", "--size", size, path], check=True)


def start(node, *command):
    """A process whose standard output is all that the command prints"""
    return subprocess.Popen([CLUSTER, "run", str(node), "--", *command],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def finish(process, output=None):
    """What it prints, or has printed, if it ends well"""
    if output is None:
        output = process.stdout.read()
    if process.wait():
        command = " ".join(process.args[3:])
        raise Failed(f"node {command}: status {process.returncode}\n{output}")
    return output


def run(node, *command):
    return finish(start(node, *command))


def cpu_seconds(node):
    """Of the host's processors, what a machine has used up to now"""
    pid = state.running_pid(state.directory(), node)
    stat = state.read(f"/proc/{pid}/stat")
    fields = re.sub(r".*\) ", "", stat, flags=re.S).split()
    return (int(fields[11]) + int(fields[12])) / TICKS
