# SPDX-License-Identifier: GPL-2.0-only
"""What many nodes cost each other, as the simulator has it.

The messages are those of the real core. What each of them takes is measured:
scripts/bench --steps, as Documentation/performance.md has it.
"""

import re
import subprocess

from benchlib import plot

# Microseconds: a message one way, half of the 371 there and back; what a node
# does to send one or to handle one; and for how long it keeps a page, an eighth
# of the round trip
WIRE, WORK, HOLD = 185, 40, 90
THREADS = 2
THINK = 100             # at most, between two accesses
PAGES_EACH = 4          # whose home a node is
STEPS = 4200            # accesses of a thread
NODES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)

WAITS = re.compile(r"waits: half at most (\d+) us, 99 % at most (\d+) us; "
                   r"(\d+) in a second")
WRITES = re.compile(r"^# write +\d+ +([\d.]+) +2k \+ \d+ +([\d.]+)$", re.M)

HEAD = ("nodes", "misses in a second", "of each node", "p50 µs", "p99 µs",
        "messages of a write miss", "copies that it takes back")


def simulate(program, nodes):
    """One run; a row for the table."""
    command = [program, "--nodes", nodes, "--pages", PAGES_EACH * nodes,
               "--threads", THREADS, "--steps", STEPS, "--think", THINK,
               "--hold", HOLD, "--wire", WIRE, "--delay", 10, "--work", WORK]
    output = subprocess.run([str(word) for word in command], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    half, most, rate = map(int, WAITS.search(output).groups())
    write = WRITES.search(output)
    return {"nodes": nodes, "rate": rate, "p50": half, "p99": most,
            "messages": float(write[1]), "copies": float(write[2])}


def row(point):
    return (str(point["nodes"]), str(point["rate"]),
            f"{point['rate'] / point['nodes']:.0f}", str(point["p50"]),
            str(point["p99"]), f"{point['messages']:.1f}",
            f"{point['copies']:.1f}")


def markdown(points):
    lines = [HEAD, ["---"] * len(HEAD), *map(row, points)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def picture(points):
    """Throughput of each node, and latency, by the number of nodes."""
    nodes = [point["nodes"] for point in points]
    return plot.curves(nodes, "nodes", {
        "p50, µs": [point["p50"] for point in points],
        "p99, µs": [point["p99"] for point in points],
        "misses of each node in a second":
            [point["rate"] / point["nodes"] for point in points],
    })
