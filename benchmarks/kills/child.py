"""One training, that may be told to die inside a write: FOLDER METHOD DATA STEPS SEED [WRITE:SHARE]."""

from __future__ import annotations

import os
import signal
import sys

#: Seconds between two checkpoints: so many that a kill often hits one.
BETWEEN = 0.1
#: Points of each side in a look at the exact distance.
LOOK = 200

_fsync = os.fsync


def die_in(write: int, share: float) -> None:
    """Have the process kill itself at its so many-th write to the disk, when only a share of a new file is there."""
    calls = 0

    def fsync(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == write:
            # A log keeps what reached the disk before, and a folder has no size.
            if os.readlink(f"/proc/self/fd/{handle}").endswith(".part"):
                os.ftruncate(handle, int(share * os.fstat(handle).st_size))
            os.kill(os.getpid(), signal.SIGKILL)
        _fsync(handle)

    os.fsync = fsync


def main(folder: str, method: str, data: str, steps: str, seed: str, death: str = "") -> None:
    from otgan.gan import train_gan

    if death:
        write, share = death.split(":")
        die_in(int(write), float(share))
    train_gan(
        data, method, steps=int(steps), seed=int(seed), threads=1, hidden=(64, 64), batch_size=128, n_samples=LOOK,
        folder=folder, resume="auto", checkpoint_seconds=BETWEEN,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
