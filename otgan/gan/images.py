"""Images as they come, read as arrays of numbers in [0, 1]: from arrays, and from folders of PNG and JPEG files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_real_array
from otgan.errors import (
    FileFormatError,
    InvalidShapeError,
    InvalidValueError,
    MemoryLimitError,
    MissingDependencyError,
    one_line,
)

#: Formats that are read, and the suffixes of their files. Other decoders are never started.
FORMATS, SUFFIXES = ("PNG", "JPEG"), (".png", ".jpg", ".jpeg")
#: Channels of the kinds of images that are read.
CHANNELS = {"L": 1, "RGB": 3}
#: Pixels of one image, and numbers of all of them, above which nothing is decoded: 2 GiB of float64.
MAX_PIXELS, MAX_NUMBERS = 2**22, 2**28


def as_images(name: str, values: Any) -> FloatArray:
    """Read an array of images as numbers in [0, 1].

    Args:
        name: How error messages call it.
        values: (n, c, h, w), or (n, h, w) in grey; numbers in [0, 1], or unsigned bytes, which are divided by 255.

    Returns:
        Images, (n, c, h, w), float64.

    Raises:
        InvalidShapeError: If the array has another number of dimensions, or its channels last.
        InvalidValueError: If a number lies outside [0, 1].
        InvalidTypeError: If entries are not real numbers.
    """
    bytes_ = str(getattr(values, "dtype", "")) in ("uint8", "torch.uint8")
    images = as_real_array(name, values)
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4:
        raise InvalidShapeError(
            name, "have shape (n, c, h, w), or (n, h, w) in grey", f"shape {images.shape}",
            "put the channels before height and width",
        )  # fmt: skip
    channels, width = images.shape[1], images.shape[3]
    if width in CHANNELS.values() and channels not in CHANNELS.values():  # as image libraries have them
        raise InvalidShapeError(
            name, "have shape (n, c, h, w), or (n, h, w) in grey", f"shape {images.shape}, which ends in the channels",
            "put the channels before height and width, as in transpose(0, 3, 1, 2)",
        )  # fmt: skip
    if bytes_:
        return images / 255
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise InvalidValueError(
            name, "hold numbers in [0, 1], or unsigned bytes", f"numbers in [{low:g}, {high:g}]",
            "divide by their largest possible value",
        )  # fmt: skip
    return images


def read_images(folder: Path) -> FloatArray:
    """Read the PNG and JPEG files of a folder, in the order of their names; subfolders and other files are left alone.

    A file may be anything: its header is read first, and nothing is decoded before all headers agree and stay within
    `MAX_PIXELS` and `MAX_NUMBERS`. Images are neither resized nor converted, since that would be another data set.

    Args:
        folder: The folder.

    Returns:
        Images, (n, c, h, w), in [0, 1]; c = 1 for grey, 3 for RGB.

    Raises:
        MissingDependencyError: If Pillow is not installed.
        FileFormatError: If there are no images, one is damaged or too large, or they are not all alike.
        MemoryLimitError: If all of them together are too large.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not paths:
        raise _refusal(folder, f"hold files that end in {', '.join(SUFFIXES)}", "none", "check the path")
    channels, height, width = shape = _shape(paths[0])
    numbers = len(paths) * channels * height * width
    if numbers > MAX_NUMBERS:
        raise MemoryLimitError(
            f"the images of {one_line(folder)} must have at most {MAX_NUMBERS} numbers together, got {numbers}; "
            "use fewer or smaller ones"
        )
    for path in paths[1:]:
        if (other := _shape(path)) != shape:
            raise _refusal(
                path, f"have the shape of {paths[0].name}, {_words(shape)}", _words(other),
                "bring all images to one size and one kind",
            )  # fmt: skip
    images = np.empty((len(paths), *shape))
    for image, path in zip(images, paths, strict=True):
        image[:] = _decoded(path, shape) / 255
    return images


def _shape(path: Path) -> tuple[int, int, int]:
    """(c, h, w) from a file's header alone."""
    with _opened(path) as image:
        kind, (width, height) = image.mode, image.size
        deep = any(";16" in str(tile[3]) for tile in image.tile)  # Pillow would cut RGB of 16 bits to 8
    if deep or kind not in CHANNELS:
        raise _refusal(
            path,
            "be an image in grey or RGB of 8 bits",
            f"mode {kind}{' of 16 bits' * deep}",
            "convert it to grey or RGB",
        )
    if width * height > MAX_PIXELS:
        raise _refusal(path, f"have at most {MAX_PIXELS} pixels", f"{width} × {height}", "scale it down")
    return CHANNELS[kind], height, width


def _decoded(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    with _opened(path) as image:
        try:
            pixels = np.asarray(image)
        except Exception as error:  # each decoder has its own
            raise _damaged(path, error) from error
    channels, height, width = shape
    if pixels.size != channels * height * width:
        raise _refusal(path, f"have the shape {_words(shape)}", f"{pixels.shape}", "leave it alone while it is read")
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def _opened(path: Path) -> Any:
    """A file's image, whose pixels are not decoded yet."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "reading PNG and JPEG files needs Pillow, which is not installed; run pip install pillow"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refusal(path, f"have at most {MAX_PIXELS} pixels", one_line(error, 80), "scale it down") from error
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # the system's own; Pillow raises it without
            raise _unreadable(path, error) from error
        raise _damaged(path, error) from error


def _unreadable(path: Path, error: OSError) -> FileFormatError:
    return _refusal(path, "be readable", error.strerror, "check the path and its permissions")


def _damaged(path: Path, error: Exception) -> FileFormatError:
    return _refusal(path, "be a sound PNG or JPEG file", f"{type(error).__name__}: {error}", "write it anew")


def _words(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{width} × {height} in {'grey' if channels == 1 else 'RGB'}"


def _refusal(path: Path, rule: str, value: object, fix: str) -> FileFormatError:
    return FileFormatError(f"{one_line(path)} must {rule}, got {one_line(value)}; {fix}")
