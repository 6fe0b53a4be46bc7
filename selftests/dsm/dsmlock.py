#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count together, in Python, under a mutex of the C library.

    dsmlock.py FILE OFFSET NODE PROCESSES EVERYBODY ROUNDS

Each process adds one ROUNDS times to the first word of the page of zeros at
OFFSET, once all of EVERYBODY are there. "+=" is many instructions in Python, so
the sum is right only if the mutex, which NODE 0 makes, is held by one at a time.
"""

import ctypes
import mmap
import os
import sys
import time

PTHREAD_PROCESS_SHARED = 1


class Shared(ctypes.Structure):
    """What is in the page"""
    _fields_ = [
        ("counter", ctypes.c_uint64),
        ("arrived", ctypes.c_uint64),
        ("ready", ctypes.c_uint64),
        ("mutex", ctypes.c_uint64 * 8),     # more than it needs
    ]


libc = ctypes.CDLL(None)


def call(name, *arguments):
    error = getattr(libc, name)(*arguments)
    if error:
        raise OSError(error, f"{name}: {os.strerror(error)}")


class Mutex:
    """For "with"; the memory for it is somewhere else."""

    def __init__(self, memory):
        self.pointer = ctypes.byref(memory)

    def make(self):
        attributes = (ctypes.c_uint64 * 8)()
        call("pthread_mutexattr_init", ctypes.byref(attributes))
        call("pthread_mutexattr_setpshared", ctypes.byref(attributes),
             PTHREAD_PROCESS_SHARED)
        call("pthread_mutex_init", self.pointer, ctypes.byref(attributes))

    def __enter__(self):
        call("pthread_mutex_lock", self.pointer)

    def __exit__(self, *_):
        call("pthread_mutex_unlock", self.pointer)


def wait_until(condition):
    while not condition():
        time.sleep(0.001)


def count(shared, mutex, everybody, rounds):
    with mutex:
        shared.arrived += 1
    wait_until(lambda: shared.arrived == everybody)
    for _ in range(rounds):
        with mutex:
            shared.counter += 1


def main():
    file, *numbers = sys.argv[1:]
    offset, node, processes, everybody, rounds = map(int, numbers)
    fd = os.open(file, os.O_RDWR)
    memory = mmap.mmap(fd, mmap.PAGESIZE, offset=offset)
    shared = Shared.from_buffer(memory)
    mutex = Mutex(shared.mutex)
    if node == 0:
        mutex.make()
        shared.ready = 1
    wait_until(lambda: shared.ready)

    for _ in range(processes):
        if os.fork() == 0:
            count(shared, mutex, everybody, rounds)
            os._exit(0)
    statuses = [os.wait()[1] for _ in range(processes)]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
