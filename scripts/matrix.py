#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whether Documentation/programs.md is backed by tests.

Each row of its tables has to name tests in its last cell, as `program.test`:
a TEST_F of selftests/dsm/program.c, or a test of the scripts run-one and
run-three there. Others that the page names have to exist, too.
"""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = "Documentation/programs.md"
TESTS = os.path.join(TOP, "selftests/dsm")
SCRIPTS = ("run-one", "run-three")
KERNELS = {"6.1", "6.12", "newest"}
RESULTS = {"yes", "part", "no"}

C_TEST = re.compile(
    r"^TEST(?:_F(?:_TIMEOUT|_SIGNAL)?\(\s*\w+,\s*|\()(\w+)", re.M)
SHELL_TEST = re.compile(r"^(?:test|suite)_(\w+)\(\)", re.M)
SOURCED = re.compile(r'^\. "\$here/([\w.-]+)"', re.M)
NAMED = re.compile(r"`([\w-]+\.\w+)`")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tests_of_program(path):
    yield from C_TEST.findall(text_of(path))


def tests_of_script(path):
    text = text_of(path)
    for sourced in SOURCED.findall(text):
        text += text_of(os.path.join(TESTS, sourced))
    yield from SHELL_TEST.findall(text)


def all_tests():
    """The names of all tests, as program.test."""
    tests = set()
    for name in os.listdir(TESTS):
        path = os.path.join(TESTS, name)
        program, extension = os.path.splitext(name)
        found = ()
        if extension == ".c":
            found = tests_of_program(path)
        elif name in SCRIPTS:
            found = tests_of_script(path)
        tests.update(f"{program}.{test}" for test in found)
    return tests


def check_row(cells, header, tests):
    """What is wrong with one row."""
    if len(cells) != len(header):
        yield f"{len(cells)} cells, not {len(header)}"
        return
    named = NAMED.findall(cells[-1])
    if not named:
        yield f"no test for {cells[0]}"
    for name in set(named) - tests:
        yield f"there is no test {name}"
    for kernel, result in zip(header, cells):
        if kernel in KERNELS and result not in RESULTS:
            yield f"{cells[0]} is '{result}' on {kernel}"


def check(lines, tests):
    """What is wrong with the page: (line, message)..."""
    programs = {test.split(".")[0] for test in tests}
    header = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("|"):
            header = None
            for name in NAMED.findall(line):
                if name.split(".")[0] in programs and name not in tests:
                    yield number, f"there is no test {name}"
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if header is None:
            header = cells
        elif set("".join(cells)) != {"-"}:
            for message in check_row(cells, header, tests):
                yield number, message


def main():
    wrong = 0
    lines = text_of(os.path.join(TOP, PAGE)).splitlines()
    for number, message in check(lines, all_tests()):
        wrong += 1
        print(f"{PAGE}:{number}: {message}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
