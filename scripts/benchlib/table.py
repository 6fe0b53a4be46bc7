# SPDX-License-Identifier: GPL-2.0-only
"""The results of all runs as one table."""

import statistics

# What a measure is, in the words of the table
WORDS = {
    "read-home": "read miss, owner at home",
    "read-third": "read miss, third owner",
    "upgrade": "upgrade, one other copy",
    "urgent": "read miss while bulk saturates the link",
    "seq-read": "cold sequential read",
    "seq-write-first": "sequential write, first touch",
    "seq-write-owned": "sequential write, owned elsewhere",
    "handover": "mutex hand-over between two machines",
    "handover-cond": "the same with a condition variable",
    "served": "faults served by one home",
    "resident": "access to a resident page",
    "local-store": "local fault, store",
    "local-load": "local fault, load",
    "metadata": "metadata per touched page, bytes",
    "untouched": "metadata per untouched page, bytes",
    "write-copies-3": "write miss, 3 copies",
    "write-copies-7": "write miss, 7 copies",
    "write-copies-15": "write miss, 15 copies",
}

HEAD = ("measure", "against", "of", "goal", "median", "min..max", "",
        "p50, p99 µs", "yardstick's")


def goal_of(figure):
    """The relation that holds if it is reached, and its bound, if any."""
    for key, sign in (("at_most", "≤"), ("at_least", "≥")):
        if figure.get(key) is not None:
            return sign, figure[key]
    return "", None


def is_held(figure, ratio):
    sign, bound = goal_of(figure)
    return ratio <= bound if sign == "≤" else ratio >= bound


def microseconds(results, side):
    """p50 and p99, each the median over the runs."""
    if results[0]["unit"] != "ns" or not results[0][side]["count"]:
        return ""
    values = [statistics.median(r[side][key] for r in results) / 1000
              for key in ("p50", "p99")]
    # one value for all is no distribution
    if all(r[side]["count"] < 10 for r in results):
        values = values[:1]
    return ", ".join(f"{v:.0f}" if v >= 100 else f"{v:.1f}" for v in values)


def words_for(name):
    """What a measure is; its name may end in the size of larger pages."""
    plain, _, size = name.rpartition("-")
    if name in WORDS or plain not in WORDS:
        return WORDS.get(name, name)
    return f"{WORDS[plain]}, pages of {size[:-1]} {size[-1]}iB"


def row(results, number):
    figure = results[0]["figures"][number]
    ratios = [r["figures"][number]["ratio"] for r in results]
    median = statistics.median(ratios)
    sign, bound = goal_of(figure)
    name = results[0]["measure"]
    return (
        words_for(name),
        results[0]["yardstick"],
        figure["of"],
        f"{sign} {bound:g}" if sign else "",
        f"{median:.2f}",
        f"{min(ratios):.2f}..{max(ratios):.2f}",
        ("held" if is_held(figure, median) else "not held") if sign else "",
        microseconds(results, "ours"),
        microseconds(results, "yard"),
    )


def rows(found):
    for results in zip(*found["runs"]):
        for number in range(len(results[0]["figures"])):
            yield row(results, number)


def about(found):
    number = len(found["runs"])
    what = ("instructions of one processor that has all nodes, 1 ns each"
            if found.get("instructions")
            else f"{found['processors']} processors for three machines")
    return (f"{number} run{'s' * (number > 1)}, Linux {found['kernel']}, "
            f"{what}, {found['date']}")


def text(found):
    table = [HEAD, *rows(found)]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths))
             for line in table]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(["", about(found), "", *map(str.rstrip, lines), ""])


def markdown(found):
    lines = [HEAD, ["---"] * len(HEAD), *rows(found)]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{about(found)}:\n\n{body}\n"
