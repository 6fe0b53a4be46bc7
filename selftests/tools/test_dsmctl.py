#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests dsmctl against a fake of the dsm module.

usage: test_dsmctl.py [DSMCTL FAKE_KERNEL.SO]

Without arguments both are built first. The output is KTAP.
"""

import errno
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.dont_write_bytecode = True

import ktap  # noqa: E402
from fake_module import FakeModule, Server, STATS  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parent.parent / "build/selftests/tools"

NODE_NONE = 0xFFFFFFFF
NODES_MAX = 1024
GUARD_S = 60  # only to end a test that hangs

LAB = """\
[Cluster]
Name = lab
Size = 64M
[Node]
Id = 0
Address = 127.0.0.1:7424
[Node]
Id = 1
Address = 192.0.2.11:7424
[Node]
Id = 7
Address = [2001:db8::7]:7424
"""
LAB_SETTINGS = [
    ("node_id", "0"), ("listen", "127.0.0.1:7424"), ("cluster", "lab"),
    ("block_size", str(os.sysconf("SC_PAGESIZE"))), ("size", "67108864"),
    ("base", "0x300000000000"), ("fault_timeout_ms", "30000"),
    ("hold_us", "auto"), ("ahead_pages", "64"), ("rest_ms", "1000"),
]
LAB_NODES = [
    ("add_node", "1 192.0.2.11:7424"), ("add_node", "7 [2001:db8::7]:7424"),
]
LAB_UP = LAB_SETTINGS + LAB_NODES + [("state", "up")]
LAB_UNDO = [("remove_node", "7"), ("remove_node", "1")]


class DsmctlTest(unittest.TestCase):
    """One fake module and ways to run dsmctl on it."""

    instances = 1

    def setUp(self):
        # fake_kernel.c sees paths without symbolic links
        self.directory = pathlib.Path(
            tempfile.mkdtemp(prefix="dsmctl.")).resolve()
        self.addCleanup(shutil.rmtree, self.directory)
        self.module = FakeModule(self.directory, self.instances)
        server = Server(self.module, self.directory / "socket")
        server.start()
        self.addCleanup(server.stop)

    def environment(self, **extra):
        return {
            "PATH": os.environ["PATH"],
            "ASAN_OPTIONS": "detect_leaks=0",
            "LD_PRELOAD": FAKE,
            "DSM_FAKE": str(self.directory / "socket"),
            "DSM_SYSFS": str(self.module.sysfs),
            "DSM_DEV": str(self.module.dev),
            **extra,
        }

    def popen(self, *args, **kwargs):
        return subprocess.Popen([DSMCTL, *args], env=self.environment(),
                                stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, **kwargs)

    def run_dsmctl(self, *args, code=0, stdout=subprocess.PIPE):
        with self.popen(*args, stdout=stdout) as process:
            out, err = process.communicate(timeout=GUARD_S)
        self.assertEqual(process.returncode, code, f"{args}: {out}{err}")
        if not code:
            self.assertEqual(err, "")
        return out, err

    def fails(self, *args, code=1):
        return self.run_dsmctl(*args, code=code)[1]

    def conf(self, text):
        path = self.directory / "lab.conf"
        path.write_text(text)
        return str(path)

    def lab_is_up(self):
        """As after a successful up of LAB, seen from node 0."""
        for attr, value in LAB_SETTINGS:
            self.module.set("dsm", attr, value)
        self.module.set("dsm", "state", "up")
        self.module.add_node("dsm", 1, "192.0.2.11:7424", "up", rtt_us=1310,
                             pages_in=12, pages_out=3, messages_in=40,
                             messages_out=32)
        self.module.add_node("dsm", 7, "[2001:db8::7]:7424", "unreachable")


class Up(DsmctlTest):
    def test_up__writes_everything_in_order(self):
        out, _ = self.run_dsmctl("up", self.conf(LAB))
        self.assertEqual(out, "")
        self.assertEqual(self.module.log, LAB_UP)
        self.assertEqual(self.module.nodes(), [1, 7])

    def test_up__values_in_normal_form(self):
        conf = textwrap.dedent("""\
            # every key, and blanks everywhere
            \t[Node]\t# the order is free
              Id=5
            Address\t=\t[0:0::1]:1
            [Cluster]
            HoldUs = 0
            AheadPages = 0
            RestMs = 0
            FaultTimeoutMs = 0
            Base = 0x7000000000\r
            BlockSize = 4K
            Size = 1G   # comment
            Name = A-z_0.9""")
        self.run_dsmctl("up", self.conf(conf), "--node", "5")
        self.assertEqual(self.module.log, [
            ("node_id", "5"), ("listen", "[::1]:1"), ("cluster", "A-z_0.9"),
            ("block_size", "4096"), ("size", "1073741824"),
            ("base", "0x7000000000"), ("fault_timeout_ms", "0"),
            ("hold_us", "0"), ("ahead_pages", "0"), ("rest_ms", "0"),
            ("state", "up"),
        ])

    def test_up__chosen_node(self):
        for args in (("--node", "1"), ("--node=1",), ("-n1",)):
            with self.subTest(args=args):
                self.module.log.clear()
                self.run_dsmctl("up", *args, self.conf(LAB))
                self.assertEqual(self.module.log[:2], [
                    ("node_id", "1"), ("listen", "192.0.2.11:7424")])
                self.assertEqual(self.module.nodes(), [0, 7])
                self.run_dsmctl("down")

    def test_up__chosen_node_unknown(self):
        err = self.fails("up", self.conf(LAB), "--node", "2")
        self.assertIn("there is no [Node] with Id 2", err)
        self.assertEqual(self.module.log, [])

    def test_up__this_machine_is_no_node(self):
        err = self.fails("up", self.conf(LAB.replace("127.0.0.1",
                                                     "192.0.2.10")))
        self.assertIn("no [Node] is at this machine", err)
        self.assertIn("--node", err)
        self.assertEqual(self.module.log, [])

    def test_up__this_machine_is_two_nodes(self):
        err = self.fails("up", self.conf(LAB.replace("192.0.2.11:7424",
                                                     "127.0.0.1:7425")))
        self.assertIn("nodes 0 and 1 are both at this machine", err)
        self.assertIn("--node", err)
        self.assertEqual(self.module.log, [])

    def test_up__forgets_other_nodes_first(self):
        self.module.add_node("dsm", 10, "192.0.2.20:7424")
        self.module.add_node("dsm", 1, "192.0.2.21:7424")
        self.run_dsmctl("up", self.conf(LAB))
        self.assertEqual(self.module.log, [
            ("remove_node", "1"), ("remove_node", "10")] + LAB_UP)

    def test_up__refused_unless_down(self):
        for state in ("joining", "up", "degraded"):
            with self.subTest(state=state):
                self.module.set("dsm", "state", state)
                err = self.fails("up", self.conf(LAB))
                self.assertIn(f"dsm is not down but {state}", err)
        self.assertEqual(self.module.log, [])

    def test_up__no_module(self):
        shutil.rmtree(self.module.sysfs)
        err = self.fails("up", self.conf(LAB))
        self.assertIn("No such file or directory", err)
        self.assertIn("is the module dsm loaded", err)

    def test_up__undone_at_every_step(self):
        for step, (attr, value) in enumerate(LAB_UP):
            with self.subTest(attr=attr, value=value):
                self.module.log.clear()
                self.module.refuse = {(attr, value): errno.EADDRNOTAVAIL}
                err = self.fails("up", self.conf(LAB))
                self.assertIn(f'cannot write "{value}" to '
                              f"{self.module.sysfs}/dsm/{attr}: "
                              "Cannot assign requested address\n", err)
                added = len([1 for entry in LAB_UP[:step]
                             if entry in LAB_NODES])
                self.assertEqual(self.module.log, LAB_UP[:step + 1] +
                                 LAB_UNDO[len(LAB_UNDO) - added:])
                self.assertEqual(self.module.nodes(), [])
                self.assertEqual(self.module.get("dsm", "state"), "down")

    def test_up__undone_for_the_last_node(self):
        self.module.refuse = {("state", "up"): errno.EINVAL}
        self.fails("up", self.conf(LAB), "--node", "7")
        self.assertEqual(self.module.log[-5:], [
            ("add_node", "0 127.0.0.1:7424"), ("add_node", "1 192.0.2.11:7424"),
            ("state", "up"), ("remove_node", "1"), ("remove_node", "0")])
        self.assertEqual(self.module.nodes(), [])

    def test_up__kernel_log_is_named(self):
        self.module.refuse = {"state": errno.EINVAL}
        self.assertIn("dmesg", self.fails("up", self.conf(LAB)))

    def test_up__undo_that_fails_is_told(self):
        self.module.refuse = {"state": errno.EINVAL, "remove_node": errno.EBUSY}
        err = self.fails("up", self.conf(LAB))
        for node in ("1", "7"):
            self.assertIn(f'cannot write "{node}" to '
                          f"{self.module.sysfs}/dsm/remove_node: "
                          "Device or resource busy\n", err)


class UpInstance(DsmctlTest):
    instances = 3

    def test_up__other_instance(self):
        self.run_dsmctl("-i", "dsm2", "up", self.conf(LAB))
        self.assertEqual(self.module.get("dsm2", "state"), "up")
        self.assertEqual(self.module.nodes("dsm2"), [1, 7])
        self.assertEqual(self.module.nodes("dsm"), [])
        self.run_dsmctl("--instance", "dsm2", "down")
        self.assertEqual(self.module.get("dsm2", "state"), "down")

    def test_up__instance_elsewhere(self):
        for name in ("../sysfs/dsm", "..", "", "."):
            with self.subTest(name=name):
                err = self.fails("-i", name, "up", self.conf(LAB))
                self.assertIn(f'no instance can be called "{name}"', err)
        self.assertEqual(self.module.log, [])


class Conf(DsmctlTest):
    """Files that are refused, with the line and the reason."""

    def refuses(self, text, line, reason):
        path = self.conf(text)
        where = f"{path}:{line}: " if line else f"{path}: "
        err = self.fails("up", path, "--node", "0")
        self.assertEqual(err, f"dsmctl: {where}{reason}\n")
        self.assertEqual(self.module.log, [])

    def refuses_value(self, key, value, reason, line=2):
        with self.subTest(key=key, value=value):
            section = "Node" if key in ("Id", "Address") else "Cluster"
            self.refuses(f"[{section}]\n{key} = {value}\n", line,
                         f"{key}: {reason}")

    def test_conf__missing_file(self):
        err = self.fails("up", str(self.directory / "none.conf"))
        self.assertIn("none.conf: No such file or directory", err)

    def test_conf__directory(self):
        err = self.fails("up", str(self.directory))
        self.assertIn("Is a directory", err)

    def test_conf__sections(self):
        self.refuses("", 0, "there is no section [Cluster]")
        self.refuses(LAB[:LAB.index("[Node]")], 0, "there is no section [Node]")
        self.refuses(LAB[LAB.index("[Node]"):], 0,
                     "there is no section [Cluster]")
        self.refuses(LAB + "[Cluster]\n", 13,
                     "[Cluster] is given twice, first on line 1")
        for name in ("[cluster]", "[Nodes]", "[Node", "[Node] x", "[ Node ]"):
            self.refuses(LAB + name, 13, f"there is no section '{name}'")

    def test_conf__lines(self):
        self.refuses("Name = lab\n" + LAB, 1,
                     "Name stands before the first section")
        self.refuses("[Cluster]\n\n# c\nName lab\n", 4,
                     "'Name lab' is neither [SECTION] nor KEY = VALUE")
        self.refuses("[Cluster]\nName =  # lab\n", 2, "Name has no value")
        self.refuses("[Cluster]\n; Name\n", 2,
                     "'; Name' is neither [SECTION] nor KEY = VALUE")
        self.refuses("[Cluster]\nName = l\0ab\n", 2, "this is not text")

    def test_conf__keys(self):
        self.refuses("[Cluster]\nname = l\n", 2, "[Cluster] has no key 'name'")
        self.refuses("[Cluster]\nId = 1\n", 2, "[Cluster] has no key 'Id'")
        self.refuses("[Node]\nSize = 1G\n", 2, "[Node] has no key 'Size'")
        self.refuses("[Node]\n= 1G\n", 2, "[Node] has no key ''")
        for number, key in ((2, "Name"), (3, "Size")):
            lines = LAB.splitlines(keepends=True)
            self.refuses("".join(lines[:number] + lines[number - 1:]),
                         number + 1, f"{key} is given twice")
            del lines[number - 1]
            self.refuses("".join(lines), 1, f"[Cluster] lacks the key {key}")
        for number, key in ((5, "Id"), (6, "Address")):
            lines = LAB.splitlines(keepends=True)
            self.refuses("".join(lines[:number] + lines[number - 1:]),
                         number + 1, f"{key} is given twice")
            del lines[number - 1]
            self.refuses("".join(lines), 4, f"[Node] lacks the key {key}")

    def test_conf__duplicate_nodes(self):
        self.refuses(LAB.replace("Id = 7", "Id = 1"), 11,
                     "Id: another [Node] has 1 too")
        self.refuses(LAB.replace("[2001:db8::7]", "192.0.2.11"), 12,
                     "Address: another [Node] has 192.0.2.11:7424 too")
        self.refuses(LAB.replace("192.0.2.11", "[2001:DB8:0::0:7]"), 12,
                     "Address: another [Node] has [2001:db8::7]:7424 too")

    def test_conf__name(self):
        long = "n" * 64
        self.refuses_value("Name", long,
                           f"'{long}' is longer than 63 characters")
        for value in ("my lab", "lab/1", "l\u00e4b", '"lab"'):
            self.refuses_value("Name", value,
                               f"'{value}' has characters other than "
                               "A-Z a-z 0-9 . _ -")
        name = "n" * 63
        self.run_dsmctl("up", self.conf(LAB.replace("lab", name)))
        self.assertIn(("cluster", name), self.module.log)

    def test_conf__size(self):
        for value in ("0", "0K", "-1", "+1", "1 G", "1GB", "1.5G", "G", "x",
                      "0x", "18446744073709551616", "16777217T", "1G1"):
            self.refuses_value("Size", value, f"'{value}' is not a size such "
                               "as 65536, 64M or 1G")
        self.refuses(LAB.replace("64M", "65535"), 1,
                     "Size is not a multiple of 4096, the block size")

    def test_conf__block_size(self):
        for value in ("0", "4095", "3K", "page"):
            self.refuses_value("BlockSize", value, f"'{value}' is not a power "
                               "of two such as 4096 or 4K")

    def test_conf__base(self):
        for value in ("300000000000", "0x", "0xg", "0x10000000000000000",
                      "0x 1000", "-0x1000"):
            self.refuses_value("Base", value, f"'{value}' is not an address "
                               "such as 0x300000000000")
        self.refuses_value("Base", "0x300000000800",
                           "'0x300000000800' is not the address of a page")

    def test_conf__times(self):
        for value in ("-1", "1s", "0x10", "4294967296"):
            self.refuses_value("FaultTimeoutMs", value,
                               f"'{value}' is not a number of milliseconds")
        for value in ("-1", "1ms", "1000001"):
            self.refuses_value("HoldUs", value,
                               f"'{value}' is not auto, nor 0 to 1000000 "
                               "microseconds")

    def test_conf__ahead_pages(self):
        for value in ("-1", "4K", "513"):
            self.refuses_value("AheadPages", value,
                               f"'{value}' is not a number of pages from 0 "
                               "to 512")

    def test_conf__rest_ms(self):
        for value in ("-1", "1s", "60001"):
            self.refuses_value("RestMs", value,
                               f"'{value}' is not a number of milliseconds "
                               "from 0 to 60000")

    def test_conf__id(self):
        for value in ("-1", "1024", "0x1", "one", "1,2"):
            self.refuses_value("Id", value,
                               f"'{value}' is not a number from 0 to 1023")

    def test_conf__address(self):
        for value in ("10.0.0.10", "10.0.0.10:", "10.0.0.10:0", ":7424",
                      "10.0.0.10:65536", "10.0.0:7424", "10.0.0.256:7424",
                      "host:7424", "fd00::10:7424", "[fd00::10]", "[]:7424",
                      "[fd00::10:7424", "fd00::10]:7424", "[10.0.0.10]:7424",
                      "[fd00::10%lo]:7424", "10.0.0.10:74x", "1" * 100):
            self.refuses_value("Address", value, f"'{value}' is not like "
                               "10.0.0.10:7424 or [fd00::10]:7424")
        for value in ("0.0.0.0:7424", "[::]:7424"):
            self.refuses_value("Address", value, "the others cannot connect to "
                               f"'{value}'")

    def test_conf__1024_nodes(self):
        nodes = "".join(f"[Node]\nId = {i}\nAddress = 198.18.{i // 256}."
                        f"{i % 256}:7424\n" for i in range(NODES_MAX))
        text = LAB[:LAB.index("[Node]")] + nodes
        self.run_dsmctl("up", self.conf(text), "--node", "3")
        self.assertEqual(self.module.nodes(),
                         [i for i in range(NODES_MAX) if i != 3])


class Down(DsmctlTest):
    def test_down__stops_then_forgets(self):
        self.lab_is_up()
        out, _ = self.run_dsmctl("down")
        self.assertEqual(out, "")
        self.assertEqual(self.module.log, [
            ("state", "down"), ("remove_node", "1"), ("remove_node", "7")])

    def test_down__when_down(self):
        self.run_dsmctl("down")
        self.assertEqual(self.module.log, [("state", "down")])

    def test_down__while_mapped(self):
        self.lab_is_up()
        self.module.refuse = {"state": errno.EBUSY}
        err = self.fails("down")
        self.assertIn("Device or resource busy", err)
        self.assertIn("a program still uses /dev/dsm", err)
        self.assertEqual(self.module.nodes(), [1, 7])

    def test_down__tries_every_node(self):
        self.lab_is_up()
        self.module.refuse = {("remove_node", "1"): errno.EPERM}
        self.assertIn("Operation not permitted", self.fails("down"))
        self.assertEqual(self.module.nodes(), [1])

    def test_down__no_module(self):
        shutil.rmtree(self.module.sysfs)
        self.assertIn("is the module dsm loaded", self.fails("down"))


class Show(DsmctlTest):
    instances = 2

    UP = textwrap.dedent("""\
        instance: dsm
          state: up
          cluster: lab
          node: 0 of 3
          listening on: 127.0.0.1:7424
          size: 64 MiB in pages of 4 KiB, at 0x300000000000
          fault timeout: 30 s
          hold time: 100 us
          pages here: 384 resident (1.50 MiB), 34 owned (136 KiB), 0 at home
          faults: 120 read, 33 write, 12 upgrades, 0 without a message
          invalidations: 0 received, 0 sent
          pages: 0 received, 0 sent
          messages: 0 received, 0 sent

        node: 1
          address: 192.0.2.11:7424
          state: up
          round trip: 1.31 ms
          pages: 12 received (48 KiB), 3 sent (12 KiB)
          messages: 40 received, 32 sent

        node: 7
          address: [2001:db8::7]:7424
          state: unreachable
          pages: 0 received, 0 sent
          messages: 0 received, 0 sent
        """)
    DOWN = textwrap.dedent("""\
        instance: dsm1
          state: down
          cluster: dsm
          node: none
          listening on: none
          size: none
          fault timeout: 30 s
          hold time: 100 us
          pages here: 0 resident, 0 owned, 0 at home
          faults: 0 read, 0 write, 0 upgrades, 0 without a message
          invalidations: 0 received, 0 sent
          pages: 0 received, 0 sent
          messages: 0 received, 0 sent
        """)

    def setUp(self):
        super().setUp()
        self.lab_is_up()
        for stat, value in (("resident_pages", 384), ("owned_pages", 34),
                            ("read_faults", 120), ("write_faults", 33),
                            ("upgrades", 12)):
            self.module.set("dsm", f"stats/{stat}", value)

    def test_show__one(self):
        self.assertEqual(self.run_dsmctl("-i", "dsm", "show")[0], self.UP)
        self.assertEqual(self.run_dsmctl("-i", "dsm1", "show")[0], self.DOWN)
        self.assertEqual(self.module.log, [])

    def test_show__all(self):
        self.assertEqual(self.run_dsmctl("show")[0], f"{self.UP}\n{self.DOWN}")

    def test_show__order_is_numeric(self):
        for number in range(2, 12):
            self.module.add_instance(f"dsm{number}")
        shown = json.loads(self.run_dsmctl("show", "--json")[0])
        self.assertEqual([i["name"] for i in shown["instances"]],
                         ["dsm"] + [f"dsm{i}" for i in range(1, 12)])
        for node in (2, 10, 100):
            self.module.add_node("dsm1", node, "192.0.2.1:1")
        shown = json.loads(self.run_dsmctl("-i", "dsm1", "show", "-j")[0])
        self.assertEqual([n["id"] for n in shown["instances"][0]["nodes"]],
                         [2, 10, 100])

    def test_show__special_values(self):
        self.module.set("dsm1", "fault_timeout_ms", "0")
        self.module.set("dsm1", "hold_now_us", "0")
        self.module.set("dsm1", "stats/rejected_messages", "5")
        self.module.set("dsm1", "stats/faults_failed", "2")
        out, _ = self.run_dsmctl("-i", "dsm1", "show")
        self.assertIn("fault timeout: never\n", out)
        self.assertIn("hold time: none\n", out)
        self.assertIn("trouble: 2 faults failed, 5 messages rejected\n", out)

    def test_show__hostile_text(self):
        self.module.set("dsm", "nodes/7/state", 'refused: "\\\x1b[2J\u00e9')
        out, _ = self.run_dsmctl("-i", "dsm", "show")
        self.assertIn('state: refused: "\\?[2J??\n', out)
        shown = json.loads(self.run_dsmctl("show", "--json")[0])
        self.assertEqual(shown["instances"][0]["nodes"][1]["state"],
                         'refused: "\\\x1b[2J\u00c3\u00a9')

    def test_show__json(self):
        out, _ = self.run_dsmctl("show", "--json")
        stats = dict.fromkeys(STATS, 0)
        settings = {
            "base": "0x300000000000", "block_size": 4096,
            "fault_timeout_ms": 30000, "hold_us": "auto",
            "hold_now_us": 100, "ahead_pages": 64, "rest_ms": 1000,
        }
        self.assertEqual(json.loads(out), {"instances": [
            {
                "name": "dsm", "state": "up", "cluster": "lab", "node_id": 0,
                "listen": "127.0.0.1:7424", "size": 67108864, **settings,
                "stats": {**stats, "resident_pages": 384, "owned_pages": 34,
                          "read_faults": 120, "write_faults": 33,
                          "upgrades": 12},
                "nodes": [
                    {"id": 1, "address": "192.0.2.11:7424", "state": "up",
                     "rtt_us": 1310, "pages_in": 12, "pages_out": 3,
                     "messages_in": 40, "messages_out": 32},
                    {"id": 7, "address": "[2001:db8::7]:7424",
                     "state": "unreachable", "rtt_us": 0, "pages_in": 0,
                     "pages_out": 0, "messages_in": 0, "messages_out": 0},
                ],
            },
            {
                "name": "dsm1", "state": "down", "cluster": "dsm",
                "node_id": None, "listen": None, "size": 0, **settings,
                "stats": stats, "nodes": [],
            },
        ]})

    def test_show__json_text_stays_text(self):
        self.module.set("dsm", "cluster", "123")
        shown = json.loads(self.run_dsmctl("-i", "dsm", "show", "--json")[0])
        self.assertEqual(shown["instances"][0]["cluster"], "123")

    def test_show__missing_files_are_left_out(self):
        for attr in ("hold_us", "hold_now_us", "stats/upgrades", "nodes/7/address"):
            (self.module.sysfs / "dsm" / attr).unlink()
        out, _ = self.run_dsmctl("-i", "dsm", "show")
        self.assertNotIn("hold time", out)
        self.assertIn("faults: 120 read, 33 write, 0 without a message\n", out)
        shown = json.loads(self.run_dsmctl("show", "--json")[0])
        self.assertIsNone(shown["instances"][0]["hold_us"])
        self.assertIsNone(shown["instances"][0]["nodes"][1]["address"])

    def test_show__unknown_instance(self):
        for args in ((), ("--json",)):
            err = self.fails("-i", "dsm5", "show", *args)
            self.assertIn("dsm5/nodes: No such file or directory", err)

    def test_show__no_module(self):
        shutil.rmtree(self.module.sysfs)
        self.assertIn("is the module dsm loaded?", self.fails("show"))

    def terminal(self, **extra):
        """What dsmctl show writes to a terminal."""
        primary, secondary = pty.openpty()
        with subprocess.Popen([DSMCTL, "-i", "dsm1", "show"],
                              env=self.environment(**extra),
                              stdout=secondary) as process:
            os.close(secondary)
            output = b""
            try:
                while data := os.read(primary, 4096):
                    output += data
            except OSError:  # EIO is how a terminal says that it is the end
                pass
        os.close(primary)
        self.assertEqual(process.returncode, 0)
        return output.decode().replace("\r\n", "\n")

    def test_show__colour_on_a_terminal(self):
        self.assertIn("\033[1mstate\033[0m: down\n", self.terminal())
        self.assertEqual(self.terminal(NO_COLOR="1"), self.DOWN)

    def test_show__output_lost(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            _, err = self.run_dsmctl("show", code=1, stdout=full)
        self.assertIn("cannot write the output", err)


class Page(DsmctlTest):
    def setUp(self):
        super().setUp()
        self.lab_is_up()

    def test_page__at_home(self):
        copyset = [0] * 16
        for node in (0, 2, 3, 4, 63, 64, 1023):
            copyset[node // 64] |= 1 << node % 64
        self.module.pages[0x11000] = (9, 2, 0, 7, 3, *copyset)
        out, _ = self.run_dsmctl("page", "0x11fff")
        self.assertEqual(out, textwrap.dedent("""\
            page 17 at offset 0x11000, as node 0 knows it
              state: read-only
              home: 0
              owner: 7
              copyset: 0, 2-4, 63-64, 1023
              version: 9
              flags: home, busy
            """))

    def test_page__elsewhere(self):
        self.module.pages[0] = (0, 1, 1, NODE_NONE, 4, *[0] * 16)
        out, _ = self.run_dsmctl("page", "0")
        self.assertEqual(out, textwrap.dedent("""\
            page 0 at offset 0x0, as node 0 knows it
              state: none
              home: 1
              owner: unknown here
              copyset: empty
              version: 0
              flags: pending
            Only node 1, the home, knows the owner and the whole copyset.
            """))

    def test_page__offsets(self):
        page = (1, 3, 0, 0, 1, 1, *[0] * 15)
        for text, offset in (("4095", 0), ("4096", 4096), ("0x2000", 8192),
                             ("8K", 8192), ("1M", 1 << 20), ("1m", 1 << 20),
                             ("0x3M", 3 << 20)):
            with self.subTest(text=text):
                self.module.pages = {offset: page}
                out, _ = self.run_dsmctl("page", text)
                self.assertIn(f"page {offset // 4096} at offset {offset:#x},",
                              out)
                self.assertIn("state: read-write\n", out)
                self.assertIn("flags: home\n", out)

    def test_page__past_the_end(self):
        for text in ("64M", "1T", "0xffffffffffffffff"):
            with self.subTest(text=text):
                self.assertIn("is past the end of the region, which has 64 MiB",
                              self.fails("page", text))

    def test_page__bad_offset(self):
        for text in ("", "x", "-1", "1KB", "0x", "99999999999999999999", "1 K"):
            with self.subTest(text=text):
                self.assertIn(f"'{text}' is not an offset",
                              self.fails("page", "--", text, code=2))

    def test_page__node_down(self):
        self.module.set("dsm", "state", "down")
        self.assertIn("Transport endpoint is not connected",
                      self.fails("page", "0"))

    def test_page__no_device(self):
        (self.module.dev / "dsm").unlink()
        self.assertIn(f"cannot open {self.module.dev}/dsm: No such file",
                      self.fails("page", "0"))


class Ping(DsmctlTest):
    def setUp(self):
        super().setUp()
        self.lab_is_up()

    def test_ping__counts(self):
        self.module.pings = [1310000, 990000, -errno.ETIMEDOUT, 2000000]
        out, _ = self.run_dsmctl("ping", "1", "-c", "4", "-s", "100", "-i", "0",
                                 "-W", "0.25")
        self.assertEqual(out, textwrap.dedent("""\
            PING node 1 (192.0.2.11:7424): 100 bytes each way
            100 bytes from node 1: seq=1 time=1.31 ms
            100 bytes from node 1: seq=2 time=990 us
            no answer from node 1: seq=3 Connection timed out
            100 bytes from node 1: seq=4 time=2 ms

            --- node 1 ping statistics ---
            4 sent, 3 received, 25% lost
            round trip min/avg/max = 990 us / 1.43 ms / 2 ms
            """))
        self.assertEqual(self.module.log, [(1, 100, 250, 0)] * 4)

    def test_ping__defaults(self):
        self.module.pings = [1]
        self.run_dsmctl("ping", "7", "-c1")
        self.assertEqual(self.module.log, [(7, 56, 5000, 0)])

    def test_ping__nothing_answered(self):
        self.module.pings = [-errno.ETIMEDOUT, -errno.EHOSTUNREACH]
        out, _ = self.run_dsmctl("ping", "7", "-c2", "-i0", code=1)
        self.assertIn("2 sent, 0 received, 100% lost\n", out)
        self.assertNotIn("min/avg/max", out)

    def test_ping__not_possible(self):
        self.module.pings = [-errno.ENOENT]
        self.assertIn("cannot ping node 9: No such file or directory",
                      self.fails("ping", "9"))
        self.assertIn("node 0 is this one", self.fails("ping", "0"))
        self.module.set("dsm", "state", "down")
        self.assertIn("Transport endpoint is not connected",
                      self.fails("ping", "1"))

    def test_ping__interrupted(self):
        self.module.pings = [1000]
        with self.popen("ping", "1", "-i", "3600",
                        stdout=subprocess.PIPE) as process:
            self.assertIn("PING", process.stdout.readline())
            self.assertIn("seq=1", process.stdout.readline())
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=GUARD_S)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertIn("1 sent, 1 received, 0% lost\n", out)


class Usage(DsmctlTest):
    def test_usage__wrong(self):
        for args in ((), ("frobnicate",), ("-x",), ("-i",), ("up",),
                     ("up", "a", "b"), ("up", "a", "--node"),
                     ("up", "a", "--node", "1024"), ("up", "a", "--node=-1"),
                     ("up", "--frob", "a"), ("down", "dsm"), ("down", "-f"),
                     ("show", "dsm"), ("show", "--xml"), ("page",),
                     ("page", "0", "1"), ("ping",), ("ping", "a"),
                     ("ping", "1024"), ("ping", "1", "2"),
                     ("ping", "1", "-c", "0"), ("ping", "1", "-s", "4097"),
                     ("ping", "1", "-W", "0"), ("ping", "1", "-W", "61"),
                     ("ping", "1", "-i", "1s"), ("ping", "1", "-i", "1.2.3")):
            with self.subTest(args=args):
                out, err = self.run_dsmctl(*args, code=2)
                self.assertEqual(out, "")
                self.assertIn("dsmctl: ", err)
                self.assertIn("usage: dsmctl ", err)
        self.assertEqual(self.module.log, [])

    def test_usage__help(self):
        out, _ = self.run_dsmctl("--help")
        for command in ("up", "down", "show", "page", "ping"):
            self.assertIn(f"dsmctl [-i INSTANCE] {command}", out)
            for args in ((command, "--help"), (command, "-h"),
                         ("-i", "dsm1", command, "x", "--help")):
                text, _ = self.run_dsmctl(*args)
                self.assertTrue(text.startswith(
                    f"usage: dsmctl [-i INSTANCE] {command}"), text)
        self.assertEqual(self.module.log, [])

    def test_usage__version(self):
        self.assertRegex(self.run_dsmctl("--version")[0],
                         r"\Adsmctl [0-9.]+\n\Z")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        DSMCTL, FAKE = (os.path.abspath(arg) for arg in sys.argv[1:])
    elif len(sys.argv) == 1:
        subprocess.run(["make", "-s", "-C", HERE], check=True)
        DSMCTL, FAKE = str(BUILT / "dsmctl"), str(BUILT / "fake_kernel.so")
    else:
        sys.exit(__doc__)
    sys.exit(ktap.run(sys.modules["__main__"]))
