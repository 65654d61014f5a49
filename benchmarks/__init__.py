"""Studies and comparisons that take minutes; not part of the package."""
