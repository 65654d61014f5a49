"""What was found, written down: HTML, Markdown and JSON in a folder, or a table for the terminal."""

from otgan.report.terminal import as_table
from otgan.report.write import check_folder, write_report

__all__ = ["as_table", "check_folder", "write_report"]
