# SPDX-License-Identifier: GPL-2.0-only
"""A fake of the dsm module, as far as programs can see it.

It keeps sysfs as a tree of ordinary files. What a program writes there, and its
ioctls, come here through fake_kernel.c.
"""

import errno
import os
import shutil
import socket
import struct
import threading

INFO = struct.Struct("=QQIIIIII")
PAGE = struct.Struct("=QQIIII16Q")
PING = struct.Struct("=IIIIQ")
IOC_INFO = 2 << 30 | INFO.size << 16 | 0xD501
IOC_PAGE = 3 << 30 | PAGE.size << 16 | 0xD502
IOC_PING = 3 << 30 | PING.size << 16 | 0xD503

ATTRS = {
    "state": "down", "node_id": "none", "listen": "none", "size": "0",
    "block_size": "4096", "base": "0x300000000000", "cluster": "dsm",
    "fault_timeout_ms": "30000", "hold_us": "auto",
    "hold_now_us": "100", "ahead_pages": "64", "rest_ms": "1000",
    "add_node": "", "remove_node": "",
}
STATS = (
    "read_faults", "write_faults", "upgrades", "faults_local",
    "faults_failed", "invalidations_in", "invalidations_out", "pages_in",
    "pages_out", "messages_in", "messages_out", "resident_pages",
    "owned_pages", "home_pages", "awake_pages", "retries", "rejected_messages",
)
NODE_ATTRS = ("rtt_us", "pages_in", "pages_out", "messages_in", "messages_out")


class Refused(Exception):
    """The fake module refuses; the argument is an errno."""


class FakeModule:
    """One module, with its instances, in a directory of its own."""

    def __init__(self, directory, instances=1):
        self.sysfs = directory / "sysfs"
        self.dev = directory / "dev"
        self.dev.mkdir()
        self.log = []  # (attribute, value) as written, refused ones too
        self.refuse = {}  # attribute or (attribute, value): errno
        self.pings = []  # round trip in ns, or an errno below 0
        self.pages = {}  # offset: rest of struct dsm_page_info
        for number in range(instances):
            self.add_instance("dsm" if not number else f"dsm{number}")

    def add_instance(self, name):
        (self.dev / name).touch()
        for directory in ("nodes", "stats"):
            (self.sysfs / name / directory).mkdir(parents=True)
        for attr, value in ATTRS.items():
            self.set(name, attr, value)
        for stat in STATS:
            self.set(name, f"stats/{stat}", "0")

    def set(self, name, attr, value):
        (self.sysfs / name / attr).write_text(f"{value}\n")

    def get(self, name, attr):
        return (self.sysfs / name / attr).read_text().rstrip("\n")

    def nodes(self, name="dsm"):
        return sorted(int(p.name) for p in (self.sysfs / name / "nodes")
                      .iterdir())

    def add_node(self, name, node, address, state="down", **values):
        directory = self.sysfs / name / "nodes" / str(node)
        if directory.exists():
            raise Refused(errno.EEXIST)
        directory.mkdir()
        self.set(name, f"nodes/{node}/address", address)
        self.set(name, f"nodes/{node}/state", state)
        for attr in NODE_ATTRS:
            self.set(name, f"nodes/{node}/{attr}", values.get(attr, 0))

    def remove_node(self, name, node):
        directory = self.sysfs / name / "nodes" / node
        if not directory.exists():
            raise Refused(errno.ENOENT)
        shutil.rmtree(directory)

    def write(self, path, data):
        name, _, attr = path.partition("/")
        if not data.endswith("\n"):
            raise Refused(errno.EINVAL)
        value = data[:-1]
        self.log.append((attr, value))
        for key in (attr, (attr, value)):
            if key in self.refuse:
                raise Refused(self.refuse[key])
        if attr != "state" and self.get(name, "state") != "down":
            raise Refused(errno.EBUSY)
        if attr == "add_node":
            self.add_node(name, *value.split(" "))
        elif attr == "remove_node":
            self.remove_node(name, value)
        else:
            self.set(name, attr, value)

    def ioctl(self, name, request, argument):
        if self.get(name, "state") == "down":
            raise Refused(errno.ENOTCONN)
        node = int(self.get(name, "node_id"))
        size = int(self.get(name, "size"))
        if request == IOC_INFO:
            return INFO.pack(size, 0x300000000000, node,
                             len(self.nodes(name)) + 1, 4096, 4096, 1, 0)
        if request == IOC_PAGE:
            offset = PAGE.unpack(argument)[0] & ~4095
            return PAGE.pack(offset, *self.pages[offset])
        if request == IOC_PING:
            self.log.append(PING.unpack(argument)[:4])
            result = self.pings.pop(0)
            if result < 0:
                raise Refused(-result)
            return argument[:16] + struct.pack("=Q", result)
        raise Refused(errno.ENOTTY)

    def answer(self, message):
        path, _, rest = message[1:].partition(b"\0")
        path = os.fsdecode(path)
        try:
            if message[:1] == b"W":
                self.write(os.path.relpath(path, self.sysfs), rest.decode())
                result = b""
            else:
                result = self.ioctl(os.path.relpath(path, self.dev),
                                    struct.unpack("=I", rest[:4])[0], rest[4:])
        except Refused as refusal:
            return struct.pack("=i", refusal.args[0])
        return struct.pack("=i", 0) + result


class Server(threading.Thread):
    """Answers fake_kernel.c for one FakeModule."""

    def __init__(self, module, path):
        super().__init__()
        self.module = module
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(path))
        self.socket.listen()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:  # stop()
                return
            with client:
                while message := client.recv(65536):
                    client.send(self.module.answer(message))

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()
