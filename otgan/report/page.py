"""A page as one HTML file that needs nothing else: no script, no font, no other file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from otgan.plots import style
from otgan.report.captions import Caption

SVG, GIF = "image/svg+xml", "image/gif"


def render(template: str, **words: Any) -> str:
    """A page from a template beside this file, in the colours of the figures.

    Args:
        template: Its name.
        **words: What it shows; everything in them is escaped.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=PackageLoader("otgan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colours = {"source": style.SOURCE, "target": style.TARGET, "truth": style.TRUTH, "critic": style.CRITIC}
    return environment.get_template(template).render(colours=colours, **words)


def picture(name: str, caption: Caption, content: bytes, kind: str = SVG) -> dict[str, Any]:
    """A picture as templates show it, in the page itself."""
    image = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return {"name": name, "caption": caption, "image": image}


def in_words(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text: what is no text as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
