# SPDX-License-Identifier: GPL-2.0-only
"""Pictures as SVG: what share of all samples took how long, and curves."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 50, 20, 50, 50
COLOURS = {"ours": "#1b6ca8", "yard": "#c9c9c9"}
LINES = ("#1b6ca8", "#c0392b", "#2e8b57")
STEP = 20               # per cent, between lines


def total(results, side):
    """The histogram over all runs."""
    return [sum(column) for column in zip(*(r[side]["log2"] for r in results))]


def time_word(bucket):
    ns = 1 << bucket
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns} ns"


def label(x, y, words, anchor="middle", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}">{escape(words)}</text>')


def bar(x, width, share, side):
    height = share * (HEIGHT - TOP - BOTTOM)
    return (f'<rect x="{x:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" '
            f'fill="{COLOURS[side]}"/>')


def lines():
    for percent in range(0, 101, STEP):
        y = HEIGHT - BOTTOM - percent / 100 * (HEIGHT - TOP - BOTTOM)
        yield (f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" '
               f'y2="{y:.1f}" stroke="#eee"/>')
        yield label(LEFT - 6, y + 4, f"{percent} %", "end", 10)


def legend(name, yardstick):
    names = {"ours": name, "yard": yardstick}
    x = LEFT
    for side, words in names.items():
        yield (f'<rect x="{x}" y="16" width="12" height="12" '
               f'fill="{COLOURS[side]}"/>')
        yield label(x + 18, 26, words, "start")
        x += 24 + 8 * len(words)


def svg(parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def bars(sides, buckets):
    step = (WIDTH - LEFT - RIGHT) / len(buckets)
    for place, bucket in enumerate(buckets):
        x = LEFT + place * step
        for offset, (side, counts) in enumerate(sides.items()):
            share = counts[bucket] / max(sum(counts), 1)
            yield bar(x + step * (0.1 + 0.4 * offset), step * 0.4, share, side)
        if place % max(1, len(buckets) // 10) == 0:
            yield label(x, HEIGHT - BOTTOM + 16, time_word(bucket), size=10)


def histogram(results):
    sides = {side: total(results, side) for side in ("yard", "ours")}
    used = [n for n, counts in enumerate(zip(*sides.values())) if any(counts)]
    buckets = range(used[0], used[-1] + 1)
    first = results[0]
    parts = [*lines(), *legend(first["measure"], first["yardstick"]),
             *bars(sides, buckets),
             label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12,
                   "time, from the mark on to twice as long")]
    return svg(parts)


def curve(numbers, place, colour):
    points = [place(*point) for point in numbers]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield (f'<polyline points="{corners}" fill="none" stroke="{colour}" '
           f'stroke-width="2"/>')
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def curves(xs, what, named):
    """{name: values} over @xs, both scales logarithmic."""
    every = [value for values in named.values() for value in values]
    low = 10 ** math.floor(math.log10(min(every)))
    high = 10 ** math.ceil(math.log10(max(every)))

    def place(x, y):
        across = math.log(x / xs[0]) / math.log(xs[-1] / xs[0])
        up = math.log(y / low) / math.log(high / low)
        return (LEFT + across * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))

    parts = []
    mark = low
    while mark <= high:
        y = place(xs[0], mark)[1]
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" '
                     f'y2="{y:.1f}" stroke="#eee"/>')
        parts.append(label(LEFT - 6, y + 4, f"{mark:g}", "end", 10))
        mark *= 10
    parts += [label(place(x, low)[0], HEIGHT - BOTTOM + 16, str(x), size=10)
              for x in xs]
    x = LEFT
    for (name, values), colour in zip(named.items(), LINES):
        parts += curve(zip(xs, values), place, colour)
        parts.append(f'<rect x="{x}" y="16" width="12" height="12" '
                     f'fill="{colour}"/>')
        parts.append(label(x + 18, 26, name, "start"))
        x += 30 + 8 * len(name)
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, what))
    return svg(parts)


def histograms(found):
    """(name, SVG) of each measure of time."""
    for results in zip(*found["runs"]):
        if results[0]["unit"] == "ns":
            yield results[0]["measure"], histogram(results)
