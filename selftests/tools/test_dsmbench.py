#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests what dsmbench says before it measures anything.

usage: test_dsmbench.py [DSMBENCH]

Without an argument it is built first. The output is KTAP.
"""

import os
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True

import ktap  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parent.parent / "build/selftests/tools"

GUARD_S = 60  # only to end a test that hangs


def dsmbench(*args):
    """Run it; returns its status and what it wrote to stdout and stderr."""
    done = subprocess.run([DSMBENCH, *args], capture_output=True, text=True,
                          timeout=GUARD_S)
    return done.returncode, done.stdout, done.stderr


class Bench(unittest.TestCase):
    """One test class: names are scenario__case."""

    def test_list__each_once(self):
        status, out, err = dsmbench("list")
        names = [line.split()[0] for line in out.splitlines()]
        self.assertEqual((status, err), (0, ""))
        self.assertIn("read-home", names)
        self.assertEqual(len(names), len(set(names)))

    def test_run__unknown_measure(self):
        for args in (("read-home", "nothing"), ("--json", "nothing")):
            with self.subTest(args=args):
                status, out, err = dsmbench("run", *args)
                self.assertEqual((status, out), (1, ""))
                self.assertEqual(err, "dsmbench: no measure \"nothing\": "
                                      "see dsmbench list\n")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        DSMBENCH = os.path.abspath(sys.argv[1])
    elif len(sys.argv) == 1:
        subprocess.run(["make", "-s", "-C", HERE], check=True)
        DSMBENCH = str(BUILT / "dsmbench")
    else:
        sys.exit(__doc__)
    sys.exit(ktap.run(sys.modules["__main__"]))
