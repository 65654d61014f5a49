"""Arrays to matplotlib figures; nothing is computed in here."""

from otgan.plots.bounds import bounds_figure
from otgan.plots.compare import compared_curves_figure, compared_samples_figure, comparison_figure
from otgan.plots.cones import cones_figure
from otgan.plots.gan_curves import gan_curves_figure
from otgan.plots.histograms import alignment_figure, slopes_figure
from otgan.plots.image_movie import image_strip_figure, save_image_movie
from otgan.plots.landscape import landscape_figure
from otgan.plots.lipschitz import steepness_figure
from otgan.plots.movie import save_movie, strip_figure
from otgan.plots.samples import images_figure, samples_figure
from otgan.plots.style import as_svg, save_png
from otgan.plots.training import training_figure
from otgan.plots.transport import transport_figure
from otgan.plots.validation import FIGURE_NAMES, validation_figures

__all__ = [
    "FIGURE_NAMES",
    "alignment_figure",
    "as_svg",
    "bounds_figure",
    "compared_curves_figure",
    "compared_samples_figure",
    "comparison_figure",
    "cones_figure",
    "gan_curves_figure",
    "image_strip_figure",
    "images_figure",
    "landscape_figure",
    "samples_figure",
    "save_image_movie",
    "save_movie",
    "save_png",
    "slopes_figure",
    "steepness_figure",
    "strip_figure",
    "training_figure",
    "transport_figure",
    "validation_figures",
]
