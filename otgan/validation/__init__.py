"""Is the critic's number the Wasserstein distance? Compared with exact transport on the same samples."""

from otgan.validation.report import ValidationReport
from otgan.validation.validate import validate

__all__ = ["ValidationReport", "validate"]
