"""How the images of a generator changed while it was trained: as a strip, and as a GIF."""

from __future__ import annotations

import math
import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from otgan.archive import whole_file
from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError
from otgan.gan.snapshots import Frames
from otgan.plots.movie import LONGEST, RATE, STRIP, spread_out
from otgan.plots.samples import draw_images, sheet_of, visible
from otgan.plots.style import new_figure, styled

#: Pixels that a picture of a movie has on a side, or more; so that a small image is enlarged, by whole pixels.
WIDE = 200
#: Pixels of all pictures of a movie before they are enlarged: noise takes about a byte for each.
MOST_PIXELS = 2**21
#: Height of the line above the images that says the step, and of its letters, in pixels.
HEAD, LETTERS = 22, 13
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@styled
def image_strip_figure(frames: Frames, shape: tuple[int, ...]) -> Figure:
    """Six moments of a training side by side, each a square of images, from the first snapshot to the last.

    Args:
        frames: See `otgan.gan.Snapshots`.
        shape: Of one image, (c, h, w).

    Returns:
        The figure.

    Raises:
        InvalidShapeError: If the points are no such images.
        InvalidValueError: If there are no snapshots.
    """
    images, side = _images(frames, shape)
    chosen = spread_out(len(frames.steps), STRIP)
    figure = new_figure(2.3 * len(chosen) + 0.2, 2.7)
    for ax, k in zip(np.atleast_1d(figure.subplots(1, len(chosen))), chosen, strict=True):
        draw_images(ax, images[k], rows=side, columns=side)
        ax.set_title(f"step {frames.steps[k]}")
    return figure


def save_image_movie(frames: Frames, shape: tuple[int, ...], path: str | os.PathLike[str]) -> None:
    """Write a GIF of at most forty pictures, fewer if they are very large; small images are enlarged without smoothing.

    Greys are kept as they are. A GIF has 256 colours a picture, so that those of colour images come near.

    Args:
        frames: See `otgan.gan.Snapshots`.
        shape: Of one image, (c, h, w).
        path: The file; it takes its name when it is complete.

    Raises:
        InvalidShapeError: If the points are no such images.
        InvalidValueError: If there are no snapshots.
        FileFormatError: If the file cannot be written.
    """
    images, side = _images(frames, shape)
    height, width = (side * (length + 1) + 1 for length in shape[1:])
    chosen = spread_out(len(frames.steps), min(LONGEST, max(2, MOST_PIXELS // (height * width))))
    grey = shape[0] != 3
    pictures = [_picture(images[k], side, grey=grey, step=frames.steps[k]) for k in chosen]
    with whole_file(path) as file:
        pictures[0].save(
            file, format="GIF", save_all=True, append_images=pictures[1:], duration=1000 // RATE, loop=0
        )  # fmt: skip


def _picture(images: FloatArray, side: int, *, grey: bool, step: int) -> Image.Image:
    """The square of images, enlarged, below a line that says the step."""
    sheet = np.round(255 * sheet_of(images, rows=side, columns=side)).astype(np.uint8)
    scale = max(1, math.ceil(WIDE / max(sheet.shape)))
    enlarged = sheet.repeat(scale, 0).repeat(scale, 1)
    mode, colours = ("L", (WHITE[0], BLACK[0])) if grey else ("RGB", (WHITE, BLACK))
    picture = Image.new(mode, (enlarged.shape[1], enlarged.shape[0] + HEAD), colours[0])
    picture.paste(Image.fromarray(enlarged).convert(mode), (0, HEAD))
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"  # no greys between letters and paper, which would take colours from the images
    font = ImageFont.truetype(findfont("DejaVu Sans"), LETTERS)
    draw.text((4, 3), f"step {step}", fill=colours[1], font=font)
    return picture


def _images(frames: Frames, shape: tuple[int, ...]) -> tuple[FloatArray, int]:
    """The images of each snapshot, (k, n, c, h, w) with channels that a screen shows, and how many stand on a side."""
    k, n, d = frames.points.shape
    if len(shape) != 3 or math.prod(shape) != d:
        raise InvalidShapeError(
            "shape", f"be (c, h, w) of images of {d} numbers", f"{shape}", "pass the shape of one image, (1, 8, 8)"
        )
    images = visible(frames.points.reshape(k * n, *shape))
    return images.reshape(k, n, *images.shape[1:]), math.isqrt(n)
