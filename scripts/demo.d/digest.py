#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print the SHA-256 of the first LENGTH bytes of the memory, through mmap."""

import hashlib
import mmap
import os
import sys

length = int(sys.argv[1])
fd = os.open("/dev/dsm", os.O_RDONLY)
with mmap.mmap(fd, length, prot=mmap.PROT_READ) as memory:
    print(hashlib.sha256(memory).hexdigest())
