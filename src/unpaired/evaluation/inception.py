"""The published Inception network as a feature extractor, from a file that the user has: only through it is a Fréchet
distance called FID.

Two kinds of files are known: the state dict that pytorch-fid and torch-fidelity share
(`pt_inception-2015-12-05-6726825d.pth`; the last part of the name is the start of its SHA-256, which is checked), and a
TorchScript network that takes pictures in 0…255 and gives features, as StyleGAN's `inception-2015-12-05.pt` does. What
a TorchScript holds can't be known, so its distances carry the start of its checksum and are not called FID.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unpaired.errors import UserError
from unpaired.evaluation.features import INCEPTION, Features
from unpaired.evaluation.pictures import Pictures, stack
from unpaired.networks import inception

PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of the published state dict."""
WHERE = "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights"
_BATCH = 8


class InceptionExtractor:
    """Pooled features (N, 2048) of pictures, resized to 299 × 299 as TensorFlow 1 did.

    Use `load`.
    """

    dimension = inception.FEATURES

    def __init__(self, name: str, network: str, look: Callable[[Tensor], Tensor], device: torch.device) -> None:
        """`look` maps uint8 (N, 3, H, W) to (N, 2048)."""
        self.name, self.network, self.key, self.device = name, network, network, device
        self._look = look

    @staticmethod
    def load(path: Path, device: str | torch.device = "cpu", *, published: str = PUBLISHED) -> InceptionExtractor:
        """From a state dict, whose SHA-256 has to be `published`, or a TorchScript.

        Raises `UserError` where the file is missing, damaged, or of another network.
        """
        where = torch.device(device)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}): get pt_inception-2015-12-05-6726825d.pth "
                f"from {WHERE}, once."
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if _is_torchscript(content):
            return _scripted(path, content, digest, where)
        if digest != published:
            raise UserError(
                f"{path} is damaged or not the published Inception network (its SHA-256 begins with {digest[:8]}, not "
                f"{published[:8]}): get pt_inception-2015-12-05-6726825d.pth from {WHERE}."
            )
        try:
            state: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            with torch.device("meta"):
                model = inception.Inception()
            known = model.state_dict().keys()
            model.load_state_dict({k: v for k, v in state.items() if k in known}, strict=False, assign=True)
            missing = [k for k in known if k not in state and not k.endswith("num_batches_tracked")]
        except Exception as error:  # whatever readers of archives and pickles raise on something else
            raise UserError(f"{path} cannot be read as a state dict ({type(error).__name__}).") from error
        if missing:
            raise UserError(f"{path} is not the published Inception network: it has no {missing[0]}.")
        _count_nothing(model)
        network = model.to(where).eval().requires_grad_(False)

        def look(pictures: Tensor) -> Tensor:
            return network((as_tensorflow(pictures.float(), inception.SIDE) - 128) / 128)

        return InceptionExtractor("Inception 2015-12-05", INCEPTION, look, where)

    def __call__(self, pictures: Pictures) -> Features:
        rows = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(pictures), _BATCH):
            block = torch.from_numpy(np.array(stack(pictures[start : start + _BATCH]))).permute(0, 3, 1, 2)
            with torch.inference_mode():
                rows.append(self._look(block.to(self.device)).float().cpu().numpy())
        return np.concatenate(rows)


def as_tensorflow(pictures: Tensor, side: int) -> Tensor:
    """(N, C, H, W) → (N, C, side, side): bilinear with the corner of the grid at 0, without antialiasing, which is what
    TensorFlow 1 did and what published FIDs contain.
    """
    down, across = (_rows(size, side).to(pictures) for size in pictures.shape[-2:])
    return down @ pictures @ across.T


def _rows(size: int, side: int) -> Tensor:
    """Weights (side, size) of one dimension."""
    place = torch.arange(side, dtype=torch.float64) * (size / side)
    first = place.floor().long().clamp(max=size - 1)
    second = (first + 1).clamp(max=size - 1)
    share = (place - first)[:, None]
    matrix = torch.zeros(side, size, dtype=torch.float64)
    matrix.scatter_add_(1, first[:, None], 1 - share)
    matrix.scatter_add_(1, second[:, None], share)
    return matrix


def _is_torchscript(content: bytes) -> bool:
    """Whether an archive of torch holds code beside weights."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any("/code/" in name for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _scripted(path: Path, content: bytes, digest: str, where: torch.device) -> InceptionExtractor:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it is what such files are for
            network = torch.jit.load(io.BytesIO(content), map_location=where).eval()  # pyright: ignore
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is a damaged TorchScript: get it anew.") from error

    def look(pictures: Tensor) -> Tensor:
        try:
            found: object = network(pictures, return_features=True)
        except RuntimeError as error:
            raise UserError(
                f"{path} gives no features of pictures when called with return_features=True: it is another network."
            ) from error
        if not isinstance(found, Tensor) or found.shape != (len(pictures), inception.FEATURES):
            raise UserError(f"{path} does not give {inception.FEATURES} features for a picture: it is another network.")
        return found

    return InceptionExtractor(f"TorchScript {digest[:8]}", f"torchscript-{digest[:16]}", look, where)


def _count_nothing(model: inception.Inception) -> None:
    """Batch norms built without storage have a counter that no weights fill."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.num_batches_tracked = torch.zeros((), dtype=torch.long)
