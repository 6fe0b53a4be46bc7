# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of one miss goes, step by step, from the kernels' tracepoints;
and that of the plain exchange it is compared with.

No two machines' clocks are compared. What the asker waits, less what the other
machine sees of it, is the way there and back: networks, interrupts, and a
processor that has to wake up.
"""

import collections
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

LINE = re.compile(
    r"\s*(\S.*?)-(\d+)\s+\[\d+\] \S+\s+([\d.]+): (\w+)[:(]? ?(.*)")
PAGE = re.compile(r"\bpage=(\d+) ")
PROGRAM = "dsmbench"

# Of misses among other traffic, those that take the longest are looked at too.
SLOWEST = 0.05


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
    "urgent": [("GET", "DATA")],
}

# Those of them in which there is other traffic
CROWDED = {"urgent"}

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
            yield {"task": match[1], "pid": match[2],
                   "at": float(match[3]) * 1e6, "name": match[4],
                   "text": match[5]}


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


def by_page(events, name, types=""):
    """The last event of a kind about each page that it is about"""
    kind = message(name, types) if types else lambda e: e["name"] == name
    return {PAGE.search(e["text"])[1]: e for e in events if kind(e)}


def misses(events, pid):
    """Single misses of one program among the traffic of others, by page: what
    passes from the fault to the request, to the answer's handler, to the
    page; and whether it was the program that handled the answer."""
    asked = by_page(events, "dsm_send", "GET")
    came = by_page(events, "dsm_recv", "DATA")
    got = by_page([e for e in events if is_done(e)], "dsm_fault")
    # Who receives for others may ask ahead for them, too.
    missed = by_page([e for e in events if e["pid"] == pid and
                      not is_done(e)], "dsm_fault")
    found, begin = {}, None
    for event in events:
        if is_fault(event) and event["pid"] == pid:
            begin = event["at"]
        page = PAGE.search(event["text"])
        page = page and page[1]
        if event is not asked.get(page) or begin is None or \
                page not in came or page not in got or page not in missed:
            continue
        times = [begin, event["at"], came[page]["at"], got[page]["at"]]
        if times == sorted(times):
            found[page] = ([b - a for a, b in zip(times, times[1:])],
                           came[page]["pid"] == pid)
    return found


def crowd_line(title, rows):
    """One row of a table: the means of some misses"""
    columns = [statistics.mean(row[n] for row in rows) for n in range(5)]
    return f"  {title:18}" + "".join(f"{value:10.0f}" for value in columns)


def crowded(name, traces):
    """A miss while another process reads in bulk: what the slowest wait for"""
    # The two that fault most: the one that misses began the one that reads.
    faults = collections.defaultdict(list)
    for event in filter(is_fault, traces[0]):
        faults[event["pid"]].append(event["at"])
    pids = sorted(faults, key=lambda pid: len(faults[pid]))[-2:]
    pid, reader = sorted(pids, key=int)
    found = misses([e for e in traces[0] if
                    faults[reader][0] < e["at"] < faults[reader][-1]], pid)
    taken = by_page(traces[1], "dsm_recv", "GET")
    sent = by_page(traces[1], "dsm_send", "DATA")
    rows = []
    for page, ((ask, wait, end), itself) in found.items():
        if page in taken and page in sent:
            serve = sent[page]["at"] - taken[page]["at"]
            rows.append([ask, wait - serve, serve, end,
                         ask + wait + end, itself])
    if not rows:
        raise LookupError("no single miss was traced")
    rows.sort(key=lambda row: row[4])
    slow = rows[-max(1, round(len(rows) * SLOWEST)):]
    lines = [f"{name}: means in us ({len(rows)} misses, {len(slow)} slowest)",
             " " * 20 + "".join(f"{title:>10}" for title in (
                 "asks", "on way", "served", "runs", "all"))]
    for title, some in (("all", rows), ("slowest", slow)):
        lines.append(crowd_line(title, some))
    return [*lines, "  of the slowest, the program itself handled the answer "
            f"of {sum(row[5] for row in slow)}"]


def nodes(measure):
    """How many take part, from the first on"""
    return 1 + len(PATHS[measure])


def text(measure, traces):
    """From what the kernels of all those nodes traced"""
    traces = [list(parse(trace)) for trace in traces]
    path = PATHS[measure]
    if measure in CROWDED:
        return "\n".join([*crowded(measure, traces), ""])
    answer = path[-1][1]
    sides = [at_asker(answer), *(at_answerer(*pair) for pair in path)]
    return "\n".join([
        *breakdown(measure, traces, sides),
        *breakdown("plain exchange", traces[:2], (CALLER, CALLED)), ""])
