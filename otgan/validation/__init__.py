"""Is the critic's number the Wasserstein distance? Compared with exact transport on the same samples."""

from otgan.validation.compare import validate
from otgan.validation.report import ValidationReport

__all__ = ["ValidationReport", "validate"]
