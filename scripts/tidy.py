#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The project's own rules for its sources, those no other checker knows.

    scripts/tidy.py            check all files, print what is wrong
    scripts/tidy.py --files    print the names of all files of the project
"""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

FILE_LINES_MAX = 800
CORE_FUNCTION_LINES_MAX = 70
README_LINES_MAX = 120

# Not sources: what git, the builds and Python leave in the tree, and inputs of
# fuzzers.
SKIP_DIRS = {".git", "build", "__pycache__", ".tmp_versions", "corpus"}
SKIP_FILES = re.compile(
    r".*\.(o|ko|a|mod|mod\.c|cmd|d|pyc|gcda|gcno|swp)$"
    r"|Module\.symvers$|modules\.order$|\.git$|\.checkpatch-camelcase\.")

# What kmod/core/base.h, and nothing else in kmod/core, may include.
CORE_INCLUDES = {
    "asm/byteorder.h", "linux/bitops.h", "linux/bug.h", "linux/build_bug.h",
    "linux/compiler.h", "linux/errno.h", "linux/kernel.h", "linux/limits.h",
    "linux/string.h", "linux/types.h",
}

# Licences other than GPL-2.0-only, by path.
LICENCES = (
    (re.compile(r"uapi/"), "GPL-2.0-only WITH Linux-syscall-note"),
    (re.compile(r"tools/libdsm\."), "LGPL-2.1-or-later"),
)
# Files that carry no licence line: prose, data, and the licence itself.
NO_LICENCE = re.compile(
    r"COPYING$|Documentation/|.*\.(md|txt|json)$|.*\.gitignore$")

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
# A bracket in each word, so that this file does not name them.
UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b")
VERSION = re.compile(r"\b(LINUX_VERSION_COD[E]|KERNEL_VERSIO[N])\b")
CRASH = re.compile(r"\b(BUG|BUG_ON|VM_BUG_ON\w*|panic)\s*\(")
ELSEWHERE = re.compile(r"(?<![\w.])/wor[k]/|(?<![\w.])/hom[e]/\w")


def project_files():
    """Every source file, relative to the top."""
    for directory, subdirs, names in os.walk(TOP):
        subdirs[:] = sorted(set(subdirs) - SKIP_DIRS)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(directory, name), TOP)
            if not SKIP_FILES.match(name) and not os.path.islink(path):
                yield path


def check_licence(path, lines):
    if NO_LICENCE.match(path):
        return
    wanted = "GPL-2.0-only"
    for pattern, licence in LICENCES:
        if pattern.match(path):
            wanted = licence
    first = 1 if lines and lines[0].startswith("#!") else 0
    line = lines[first] if len(lines) > first else ""
    match = re.search(r"SPDX-License-Identifier: (.*?)(\s*\*/)?$", line)
    if not match:
        yield first + 1, "no SPDX-License-Identifier in the first line"
    elif match[1] != wanted:
        yield first + 1, f"the licence is {match[1]}, not {wanted}"


def check_text(path, text, lines):
    if path != "COPYING" and len(lines) > FILE_LINES_MAX:
        yield len(lines), f"more than {FILE_LINES_MAX} lines"
    if path == "README.md" and len(lines) > README_LINES_MAX:
        yield len(lines), f"more than {README_LINES_MAX} lines"
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    if text.endswith("\n\n"):
        yield len(lines), "empty lines at the end"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "whitespace at the end"
        match = UNFINISHED.search(line)
        if match:
            yield number, f"unfinished: {match[0]}"
        if ELSEWHERE.search(line):
            yield number, "a path of somebody's machine"


def check_kernel(path, lines):
    for number, line in enumerate(lines, 1):
        match = VERSION.search(line)
        if match and path != "kmod/compat.h":
            yield number, f"{match[0]} belongs in kmod/compat.h"
        match = CRASH.search(line)
        if match:
            yield number, f"{match[0]}) takes the machine down"


def check_core(path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start + 1 > CORE_FUNCTION_LINES_MAX:
                yield start, "a function of more than " \
                             f"{CORE_FUNCTION_LINES_MAX} lines"
            start = None
        match = INCLUDE.match(line)
        if not match:
            continue
        if match[1] == "<":
            if path != "kmod/core/base.h":
                yield number, f"only base.h may include <{match[2]}>"
            elif match[2] not in CORE_INCLUDES:
                yield number, f"<{match[2]}> is not for the core"
        elif "/" in match[2] or \
                not os.path.exists(os.path.join(TOP, "kmod/core", match[2])):
            yield number, f'"{match[2]}" is not of the core'


def check(path):
    """What is wrong with one file: (line, message)..."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError:
            yield 1, "not UTF-8 text"
            return
    lines = text.splitlines()
    yield from check_licence(path, lines)
    yield from check_text(path, text, lines)
    if path.startswith("kmod/"):
        yield from check_kernel(path, lines)
    if re.match(r"kmod/core/.*\.[ch]$", path):
        yield from check_core(path, lines)


def main():
    if sys.argv[1:] == ["--files"]:
        print("\n".join(project_files()))
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 1
    wrong = 0
    for path in project_files():
        for number, message in check(path):
            wrong += 1
            print(f"{path}:{number}: {message}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
