"""A file that one training at a time may hold; the system lets go of it when the process ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from otgan.errors import FolderInUseError

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        _lock_byte(file, msvcrt.LK_NBLCK)

    def _let_go(file: BinaryIO) -> None:
        _lock_byte(file, msvcrt.LK_UNLCK)

    def _lock_byte(file: BinaryIO, how: int) -> None:
        # What is locked cannot be read there, so it is a byte that no log reaches; its place must fit 32 bits.
        os.lseek(file.fileno(), 2**31 - 2, os.SEEK_SET)
        msvcrt.locking(file.fileno(), how, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        # Not lockf: its locks end when the process closes the file anywhere, as whoever reads the log does.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(file: BinaryIO) -> None:
        # To close the file would not do while a process that was forked meanwhile, such as a worker, has it open.
        fcntl.flock(file, fcntl.LOCK_UN)


#: What systems answer where somebody else holds the file; with other answers, the file system has no locks.
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a file meanwhile against other trainings, of this process or another.

    Those who only read it are not kept out. Where the file system has no locks, nobody is.

    Args:
        path: The file, in the folder of the run; made if it is not there, and otherwise left as it is.

    Raises:
        FolderInUseError: If another training holds it.
        OSError: If it cannot be opened for writing.
    """
    with path.open("ab") as file:
        try:
            _take(file)
        except OSError as error:
            if error.errno in HELD:
                raise FolderInUseError(
                    "folder", "be that of no other training that is under way", path.parent,
                    "wait until that one has ended, stop it, or choose another folder",
                ) from error  # fmt: skip
        try:
            yield
        finally:
            with suppress(OSError):  # of file systems without locks
                _let_go(file)
