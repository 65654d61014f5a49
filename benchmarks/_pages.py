"""Pages of the documentation that a study writes from its records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2


def fill(folder: Path, **content: Any) -> str:
    """The template page.md.j2 of a folder, filled in; what it asks for and does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.md.j2").render(**content)
