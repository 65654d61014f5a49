"""The folder of a run, as commands open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_folder(folder: Path) -> Iterator[None]:
    """See early whether the folder can be written, and leave none behind that is empty."""
    from otgan.report import check_folder

    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        check_folder(folder)
        yield
    finally:
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
