#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Touch pages whose home is node 1, from offset AT on.

    miss.py write AT    store to each, so that node 1 owns them if run there
    miss.py read AT     load from each; print the median time, in microseconds
"""

import mmap
import os
import sys
import time

HOME, STRIPE, NODES, ROWS = 1, 16, 3, 8

what, at = sys.argv[1], int(sys.argv[2])
first = at // mmap.PAGESIZE // (STRIPE * NODES) + 1
pages = [((first + row) * NODES + HOME) * STRIPE + page
         for row in range(ROWS) for page in range(STRIPE)]
fd = os.open("/dev/dsm", os.O_RDWR)
with mmap.mmap(fd, os.lseek(fd, 0, os.SEEK_END)) as memory:
    # Otherwise most of them would be here before they are touched.
    memory.madvise(mmap.MADV_RANDOM)
    times = []
    for page in pages:
        start = time.perf_counter_ns()
        if what == "write":
            memory[page * mmap.PAGESIZE] = 1
        elif memory[page * mmap.PAGESIZE] != 1:
            sys.exit(f"page {page} does not have what node {HOME} stored")
        times.append(time.perf_counter_ns() - start)
    if what == "read":
        print(sorted(times)[len(times) // 2] / 1000)
