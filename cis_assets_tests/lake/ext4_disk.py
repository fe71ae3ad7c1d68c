"""A disk whose power can be cut: an ext4 file system in a file, mounted through a loop device.

A cut is the ioctl that tests of file systems use: ext4 writes nothing more, not even its journal. What is there after the
next mount is what was on the disk. It needs root and loop devices.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SHUTDOWN = 0x8004587D
_WITHOUT_JOURNAL = 2


class Ext4Disk:
    def __init__(self, folder: Path, megabytes: int = 96) -> None:
        self._image = folder / "disk.img"
        self.root = folder / "disk"
        self.root.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.root))

    def unmount(self) -> None:
        for _ in range(100):
            if not os.path.ismount(self.root):
                return
            subprocess.run(["umount", self.root], capture_output=True)
            time.sleep(0.1 * os.path.ismount(self.root))
        raise AssertionError(f"{self.root} stays in use.")

    def cut_power(self) -> None:
        """Drop whatever is not on the disk. Everything fails until the next mount."""
        root = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(root, _SHUTDOWN, struct.pack("I", _WITHOUT_JOURNAL))
        finally:
            os.close(root)

    def keep(self, name: str) -> None:
        """Keep the present content, to be restored later. The disk must not be mounted."""
        shutil.copyfile(self._image, self._image.with_suffix(f".{name}"))

    def restore(self, name: str) -> None:
        shutil.copyfile(self._image.with_suffix(f".{name}"), self._image)


@contextmanager
def ext4_disk(folder: Path) -> Iterator[Ext4Disk]:
    """A disk that is mounted; the test is skipped where that is not allowed."""
    if os.geteuid() or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4 for a disk whose power can be cut")
    disk = Ext4Disk(folder)
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs loop mounts for a disk whose power can be cut ({error.stderr.strip()})")
    try:
        yield disk
    finally:
        disk.unmount()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
