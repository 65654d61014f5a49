"""What a browser would make of a page, as far as tests ask."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, and the cells of tables; checks that every tag that is opened is closed.

    Attributes:
        tags: Each tag that was opened, with its attributes.
        rows: Texts of the cells of each row of every table.
    """

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open, self.rows = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def row(self, name):
        """Of the only row whose first cell is this, the others."""
        (found,) = (row[1:] for row in self.rows if row[0] == name)
        return found


def check_alone(text: str, *, pictures: int) -> Page:
    """Nothing is loaded, nothing runs, and every picture is in the page and has words for those who cannot see it."""
    page = Page(text)
    images = page.all("img")
    assert len(images) == pictures
    assert all(image["src"].startswith("data:image/") and ";base64," in image["src"] for image in images)
    assert all(len(image["alt"]) > 20 for image in images)
    assert not page.all("script")
    assert not page.all("link")
    rest = html.unescape(re.sub(r"data:[^\"]*", "", text))
    assert not re.search(r"://|url\(|@import|javascript:", rest)
    assert "prefers-color-scheme: dark" in rest
    return page
