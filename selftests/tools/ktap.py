# SPDX-License-Identifier: GPL-2.0-only
"""Runs tests written with unittest and prints their results as KTAP."""

import traceback
import unittest


class KtapResult(unittest.TestResult):
    """Prints one line for each test, and before it what went wrong."""

    def __init__(self):
        super().__init__()
        self.bad = False

    def startTest(self, test):
        super().startTest(test)
        self.bad = False

    def complain(self, error, prefix=""):
        self.bad = True
        text = prefix + "".join(traceback.format_exception(*error))
        for line in text.splitlines():
            print(f"# {line}")

    def addError(self, test, err):
        super().addError(test, err)
        self.complain(err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.complain(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.complain(err, f"{subtest}\n")

    def stopTest(self, test):
        super().stopTest(test)
        name = test.id().rpartition("test_")[2]
        print(f"{'not ok' if self.bad else 'ok'} {self.testsRun} {name}",
              flush=True)


def run(module):
    """Run all tests of a module; the result is an exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    print("TAP version 13")
    print(f"1..{suite.countTestCases()}", flush=True)
    result = KtapResult()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1
