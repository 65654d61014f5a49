"""How good generated samples are: by the exact distance, by modes, features and neighbours, in one record.

No number here is good or bad by itself: most are not 0, or 1, for a perfect generator either, and move with the size of
the sample. `quality` gives each beside what a second real sample has.
"""

from otgan.quality.classes import ClassScore, class_score
from otgan.quality.correlation import RankCorrelation, rank_correlation
from otgan.quality.extractor import Extractor
from otgan.quality.frechet import FrechetDistance, frechet_distance
from otgan.quality.modes import ModeCoverage, mode_coverage
from otgan.quality.nearest import NearestTraining, nearest_training
from otgan.quality.neighbours import PrecisionRecall, precision_recall
from otgan.quality.record import Quality, Scores, quality

__all__ = [
    "ClassScore",
    "Extractor",
    "FrechetDistance",
    "ModeCoverage",
    "NearestTraining",
    "PrecisionRecall",
    "Quality",
    "RankCorrelation",
    "Scores",
    "class_score",
    "frechet_distance",
    "mode_coverage",
    "nearest_training",
    "precision_recall",
    "quality",
    "rank_correlation",
]
