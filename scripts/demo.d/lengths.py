#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How many words of each length are in the memory, counted by many machines.

    lengths.py count LENGTH AT   this machine's share of the first LENGTH bytes;
                                 its result goes to the page AT + its number
    lengths.py merge NODES AT    print the sum of the results
"""

import collections
import json
import mmap
import os
import sys


def count(memory, length, at):
    node, nodes = int(os.environ["DSM_NODE"]), int(os.environ["DSM_NODES"])
    first, last = (length * n // nodes for n in (node, node + 1))
    # A word belongs to the machine in whose share it begins.
    if first:
        first = memory.find(b"\n", first - 1, length) + 1
    if last < length:
        last = memory.find(b"\n", last - 1, length) + 1
    lengths = collections.Counter(
        len(word) for word in memory[first:last].split(b"\n") if word)
    result = json.dumps(lengths).encode()
    at += node * mmap.PAGESIZE
    memory[at:at + len(result) + 1] = result + b"\0"


def merge(memory, nodes, at):
    total = collections.Counter()
    for page in range(at, at + nodes * mmap.PAGESIZE, mmap.PAGESIZE):
        total.update(json.loads(memory[page:memory.find(b"\0", page)]))
    print(json.dumps(total))


fd = os.open("/dev/dsm", os.O_RDWR)
with mmap.mmap(fd, os.lseek(fd, 0, os.SEEK_END)) as region:
    {"count": count, "merge": merge}[sys.argv[1]](
        region, int(sys.argv[2]), int(sys.argv[3]))
