"""What the documentation shows is true: its examples run, its links lead somewhere, and its sources are listed."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "```pycon" in path.read_text(encoding="utf-8"))
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "otgan").rglob("*.py"))}
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path, text in SOURCES.items()
    if ">>>" in text
]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_examples_of_a_page_run(page):
    """Blocks of one page share their names, as a reader would expect who types them in."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.finditer(r"^```pycon\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        line = text[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, page.name, str(page), line)
        report: list[str] = []
        failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False).failed
        names = test.globs
        assert not failed, "".join(report)


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_a_module_run(module):
    failed, tried = doctest.testmod(importlib.import_module(module), optionflags=FLAGS)
    assert tried
    assert not failed


def bibliography() -> set[tuple[str, str]]:
    """Family name of the first author and year of each entry."""
    text = (DOCS / "references.bib").read_text(encoding="utf-8")
    text = text.replace(r"{\'e}", "é")
    entries = re.split(r"^@", text, flags=re.MULTILINE)[1:]
    found = set()
    for entry in entries:
        author = re.search(r"author\s*=\s*\{([^,]+),", entry)
        year = re.search(r"year\s*=\s*\{(\d{4})\}", entry)
        assert author, entry
        assert year, entry
        found.add((author[1], year[1]))
    return found


def citations(text: str) -> list[tuple[set[str], str]]:
    """Years that follow a name, "(1971" or "1971," after a word, each with the capitalised words before it."""
    joined = re.sub(r"\s*\n\s*(#:?\s*)?", " ", text)
    return [
        (set(re.findall(r"[A-Z][^\W\d_]+", joined[max(0, year.start() - 60) : year.start()])), year[1])
        for year in re.finditer(r"(?<=[a-z.)] )\(?((?:19|20)\d\d)(?=[),])", joined)
    ]


CITED = [(path, *citation) for path, text in SOURCES.items() for citation in citations(text)]


def test_every_work_that_is_cited_is_in_the_bibliography():
    known = bibliography()
    missing = [
        (path.name, sorted(words), year)
        for path, words, year in CITED
        if not any(year == its_year and author in words for author, its_year in known)
    ]
    assert not missing


def test_every_work_in_the_bibliography_is_cited():
    unused = [
        (author, year)
        for author, year in sorted(bibliography())
        if not any(year == its_year and author in words for _, words, its_year in CITED)
    ]
    assert not unused


def test_every_source_line_is_understood():
    """So that the two tests above cannot pass by overlooking a citation."""
    line = re.compile(r"^ *Source: .*?(?=\n\s*\n|\n *>>>|\"\"\")", re.DOTALL | re.MULTILINE)
    for path, text in SOURCES.items():
        for source in line.findall(text):
            assert "`sklearn." in source or citations(source), (path.name, source)


def test_the_page_of_references_lists_the_bibliography():
    page = (DOCS / "references.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- (\w+), .*?\((\d{4})\)", re.sub(r"\n  +", " ", page), re.MULTILINE)
    assert sorted(listed) == sorted(bibliography())


def test_pictures_are_small_and_used():
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size <= 150_000
        assert f"images/{picture.name}" in pages


@pytest.mark.parametrize("command", ["train", "compare"])
def test_every_option_of_a_training_is_described(command):
    app = typer.Typer()
    app.command()(getattr(importlib.import_module(f"otgan.cli.{command}"), command))
    options = {name for parameter in typer.main.get_command(app).params for name in parameter.opts if name[:2] == "--"}
    options -= {"--help", "--install-completion", "--show-completion"}
    text = (DOCS / "gan.md").read_text(encoding="utf-8")
    part = text.partition("\n## Compare\n")[2] if command == "compare" else text
    assert len(options) > 5
    assert not {name for name in options if f"`{name}`" not in part and f"`{name} " not in part}
