# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of one miss goes, step by step, from the kernels' tracepoints;
and that of the plain exchange it is compared with.

No two machines' clocks are compared. What the asker waits, less what the other
machine sees of it, is the way there and back: networks, interrupts, and a
processor that has to wake up.
"""

import re
import statistics

EVENTS = ("dsm", "exceptions/page_fault_user", "net/net_dev_start_xmit",
          "net/napi_gro_receive_entry",
          "syscalls/sys_enter_sendto", "syscalls/sys_exit_recvfrom")

START = """
set -e
t=/sys/kernel/tracing
[ -e $t/trace ] || mount -t tracefs tracefs $t
echo 16384 >$t/buffer_size_kb
echo mono >$t/trace_clock
for event; do echo 1 >$t/events/$event/enable; done
echo >$t/trace
echo 1 >$t/tracing_on
"""
STOP = """
t=/sys/kernel/tracing
echo 0 >$t/tracing_on
cat $t/trace
"""

LINE = re.compile(r"\s*(\S.*?)-\d+\s+\[\d+\] \S+\s+([\d.]+): (\w+)[:(]? ?(.*)")
PROGRAM = "dsmbench"


def program(event):
    return event["task"] == PROGRAM


def is_fault(event):
    return event["name"] == "page_fault_user" and program(event)


def is_out(event):
    return event["name"] == "net_dev_start_xmit"


def is_in(event):
    return event["name"] == "napi_gro_receive_entry"


def message(name, types):
    pattern = re.compile(rf"\b({types}) page=(\d+) ")

    def is_it(event):
        return event["name"] == name and bool(pattern.search(event["text"]))
    return is_it


def is_done(event):
    return event["name"] == "dsm_fault" and "result=0" in event["text"]


def is_call(event):
    return (event["name"] == "sys_sendto" and program(event) and
            "->" not in event["text"])


def is_return(event):
    return (event["name"] == "sys_recvfrom" and program(event) and
            "->" in event["text"])


# The measures that can be traced: what comes to the nodes after the first, and
# what they send, one after the other. The first asks, and gets the answer.
PATHS = {
    "read-home": [("GET", "DATA")],
    "read-third": [("GET", "FORWARD"), ("FORWARD", "DATA")],
    "upgrade": [("GET", "GRANT")],
}

# What happens one after the other. Of what happens several times in a row the
# last counts.


def at_asker(answer):
    return (
        ("the program faults", is_fault),
        ("GET is made", message("dsm_send", "GET")),
        ("it leaves", is_out),
        (f"{answer} is here", is_in),
        ("its handler runs", message("dsm_recv", answer)),
        ("the program has the page", is_done),
    )


def at_answerer(comes, goes):
    return (
        (f"{comes} is here", is_in),
        ("its handler runs", message("dsm_recv", comes)),
        (f"{goes} is made", message("dsm_send", goes)),
        ("it leaves", is_out),
    )


CALLER = (
    ("the program sends", is_call),
    ("the request leaves", is_out),
    ("the answer is here", is_in),
    ("the program has it", is_return),
)
CALLED = (
    ("the request is here", is_in),
    ("the program has it", is_return),
    ("it sends the answer", is_call),
    ("the answer leaves", is_out),
)


def parse(text):
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            yield {"task": match[1], "at": float(match[2]) * 1e6,
                   "name": match[3], "text": match[4]}


def chains(events, steps):
    """The times of each whole chain in the trace, in microseconds. A chain
    begins with the second step and what came last before it: a program may
    fault again, for the same page, after its request is made."""
    begin, times = None, []
    for event in events:
        if steps[0][1](event):
            begin = event["at"]
        if begin is not None and steps[1][1](event):
            begin, times = None, [begin, event["at"]]
        elif times and steps[len(times) - 1][1](event):
            times[-1] = event["at"]
        elif times and steps[len(times)][1](event):
            times.append(event["at"])
        if len(times) == len(steps):
            yield times
            times = []


def medians(events, steps):
    """What passes from each step to the next."""
    found = list(chains(events, steps))
    if not found:
        raise LookupError(f"never traced: {', '.join(w for w, _ in steps)}")
    gaps = [[after - before for before, after in zip(chain, chain[1:])]
            for chain in found]
    return [statistics.median(column) for column in zip(*gaps)], len(found)


def one_side(title, events, steps):
    gaps, number = medians(events, steps)
    lines = [f"{title} ({number}):"]
    for (before, _), (after, _), gap in zip(steps, steps[1:], gaps):
        lines.append(f"  {gap:8.0f} us  {before} .. {after}")
    return lines, gaps


def is_wait(steps, number):
    """Whether the asker waits for others from this step to the next."""
    return steps[number][1] is is_out and steps[number + 1][1] is is_in


def breakdown(name, traces, sides):
    """Returns lines that say it; @sides are the steps of each node."""
    lines, asks = one_side(f"{name}: who asks", traces[0], sides[0])
    wait = next(n for n in range(len(asks)) if is_wait(sides[0], n))
    way = asks[wait]
    for number, (trace, steps) in enumerate(zip(traces[1:], sides[1:]), 1):
        more, serves = one_side(f"{name}: node {number}", trace, steps)
        lines += more
        way -= sum(serves)
    return [*lines, f"  {way:8.0f} us  on the way, there and back",
            f"  {sum(asks):8.0f} us  in all"]


def nodes(measure):
    """How many take part, from the first on"""
    return 1 + len(PATHS[measure])


def text(measure, traces):
    """From what the kernels of all those nodes traced"""
    traces = [list(parse(trace)) for trace in traces]
    path = PATHS[measure]
    answer = path[-1][1]
    sides = [at_asker(answer), *(at_answerer(*pair) for pair in path)]
    return "\n".join([
        *breakdown(measure, traces, sides),
        *breakdown("plain exchange", traces[:2], (CALLER, CALLED)), ""])
