"""The Inception network of torch-fidelity: the Fréchet distance of its features is FID, the score is Inception's.

Nothing is downloaded. torch-fidelity itself would fetch its weights, and would unpickle a file that is named to it
without restriction, which may run any code; here the file is read as tensors alone, before torch-fidelity sees it.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_points
from otgan.critics.arguments import read_device
from otgan.errors import FileFormatError, InvalidShapeError, MissingDependencyError, one_line
from otgan.quality.extractor import Extractor

#: The weights that TensorFlow's code for FID had, as torch-fidelity publishes them, and what they hash to.
WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
PUBLISHED = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
#: Bytes above which no file is read: the weights have 96 MB.
MAX_BYTES = 2**28
#: torch-fidelity's names of the layers for FID and for the Inception score.
FEATURES, LOGITS = "2048", "logits_unbiased"
#: Channels of images that can be read.
CHANNELS = (1, 3)
#: Images that go through the network at a time; the first layers need some 8 MB each.
CHUNK = 32
#: Samples whose features are kept: real points and the points that are held against them.
KEPT = 2


class Inception:
    """Features and class probabilities of images by torch-fidelity's Inception network.

    Goes in wherever a `Classifier` does, as in `evaluate(learnt, data, classifier=Inception(data.shape))`. The numbers
    are FID and Inception score then, and are called so, if the weights are those that these are defined by; with other
    weights they are not.

    Images are rounded to 8 bits, as files have them: values are clipped to [0, 1], times 255, to the nearest integer.
    Grey ones become three equal channels. torch-fidelity resizes them to 299 × 299, bilinearly, as TensorFlow 1 did.

    Some five images a second of one core. The features of the last two samples are kept, so that asking for features
    and probabilities of one sample costs one pass.

    Args:
        shape: Of one image, (channels, height, width), with 1 or 3 channels.
        weights: The file of torch-fidelity's weights; None for the one in torch's hub cache, where torch-fidelity puts
            it.
        device: Where to compute; None for the CPU.

    Attributes:
        shape: Of one image.
        extractor: Which weights these are.

    Raises:
        MissingDependencyError: If torch-fidelity, or torchvision which it needs, cannot be imported.
        InvalidShapeError: If images have another number of channels.
        FileFormatError: If there is no such file, or it holds no weights of this network.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        weights: str | os.PathLike[str] | None = None,
        *,
        device: str | torch.device | None = None,
    ) -> None:
        if not isinstance(shape, tuple | list) or len(shape) != 3 or shape[0] not in CHANNELS:
            raise InvalidShapeError(
                "shape", "be (channels, height, width) with 1 or 3 channels", repr(shape), "write (1, 28, 28) or so"
            )
        self.shape = tuple(as_count("shape", length) for length in shape)
        self._device = torch.device("cpu") if device is None else read_device(device)
        make = _network_class()
        path = _path(weights)
        content = _content(path)
        genuine = hashlib.sha256(content).hexdigest() == SHA256
        self._network = _network(make, path, content).to(self._device)
        other = "" if genuine else " with other weights"
        self.extractor = Extractor(f"torch-fidelity's Inception{other}, {one_line(path.name, 60)}", genuine)
        self._known: OrderedDict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = OrderedDict()

    def features(self, points: Any) -> FloatArray:
        """The last layer before the classes, (n, 2048), float64.

        Args:
            points: Flat images, (n, D), in units of the data, [0, 1].

        Raises:
            InvalidShapeError: If images are of another size than `shape`.
        """
        return self._evaluate(points)[0].astype(np.float64)

    def probabilities(self, points: Any) -> FloatArray:
        """Of each class, (n, 1008), float64, without the last layer's bias, as the score is defined.

        Args:
            points: As in `features`.

        Raises:
            InvalidShapeError: As in `features`.
        """
        logits = self._evaluate(points)[1].astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    @torch.no_grad()
    def _evaluate(self, points: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        images = self._bytes(points)
        key = hashlib.sha256(images.tobytes()).digest()
        if key not in self._known:
            parts = [self._chunk(images[k : k + CHUNK]) for k in range(0, len(images), CHUNK)]
            features, logits = (torch.cat(side).numpy() for side in zip(*parts, strict=True))
            self._known[key] = features, logits
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _bytes(self, points: Any) -> NDArray[np.uint8]:
        """Images in 8 bits, (n, c, h, w)."""
        x = as_points("points", points)
        size = int(np.prod(self.shape))
        if x.shape[1] != size:
            raise InvalidShapeError("points", f"have shape (n, {size})", x.shape, "give flat images of that size")
        return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8).reshape(-1, *self.shape)

    def _chunk(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        colour = torch.from_numpy(images).to(self._device).expand(-1, 3, -1, -1)
        features, logits = self._network(colour)
        return features.cpu(), logits.cpu()


def _network_class() -> Any:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise MissingDependencyError(
            f"Inception needs torch-fidelity and torchvision, which cannot be imported ({one_line(error, 80)}); run "
            "pip install 'otgan[inception]'"
        ) from error
    return FeatureExtractorInceptionV3


def _path(weights: str | os.PathLike[str] | None) -> Path:
    if weights is not None:
        return Path(weights)
    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.is_file():
        raise FileFormatError(
            f"weights must be given, or lie in torch's hub cache, got None and no {one_line(path, 200)}; fetch "
            f"{PUBLISHED} on a machine with network, and pass its path as weights"
        )
    return path


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise _refusal(path, "be readable", getattr(error, "strerror", None) or error) from error
    if size > MAX_BYTES:
        raise _refusal(path, f"have at most {MAX_BYTES} bytes", size)
    return content


def _network(make: Any, path: Path, content: bytes) -> nn.Module:
    """The network with weights that have been read as tensors alone."""
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                unpacked = sum(info.file_size for info in archive.infolist())
            if unpacked > MAX_BYTES:
                raise _refusal(path, f"unpack to at most {MAX_BYTES} bytes", unpacked)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileFormatError:
        raise
    except Exception as error:  # damaged and hostile files come back as errors of many types
        raise _refusal(path, "hold tensors and nothing else", f"{type(error).__name__}: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _refusal(path, "hold a dictionary of tensors", type(state).__name__)
    # torch-fidelity unpickles what it is given; so it is given tensors that were written here, and no file of the
    # user's. It also draws initial weights, which must not move anybody's random numbers.
    sound = io.BytesIO()
    torch.save(state, sound)
    sound.seek(0)
    try:
        with torch.random.fork_rng(devices=[]):
            network = make("inception-v3-compat", [FEATURES, LOGITS], feature_extractor_weights_path=sound)
    except RuntimeError as error:  # PyTorch's answer to names and shapes that do not fit
        raise _refusal(path, "hold the weights of this network", error) from error
    return network.eval().requires_grad_(False)


def _refusal(path: Path, rule: str, value: object) -> FileFormatError:
    return FileFormatError(
        f"{one_line(path, 200)} must {rule}, got {one_line(value, 100)}; give the file {WEIGHTS} from {PUBLISHED}"
    )
