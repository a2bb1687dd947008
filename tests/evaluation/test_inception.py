"""The published network from a file: its structure, its way of resizing, and which files are refused. The weights
themselves are not at hand, so random ones of the same shapes stand in.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.inception import InceptionExtractor, as_tensorflow
from unpaired.evaluation.measure import evaluate
from unpaired.networks.inception import Inception

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 40, 48, 3), dtype=np.uint8)


class Scripted(nn.Module):
    """What a TorchScript of features takes and gives."""

    def __init__(self, features: int = 2048) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        return x.float().mean(dim=(2, 3))[:, :1].repeat(1, self.features)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.manual_seed(0)
    state = Inception().state_dict()
    torch.save(state | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_has_the_parts_of_the_published_network() -> None:
    """94 convolutions, each with a batch norm; with the classifier the published file has 566 entries."""
    with torch.device("meta"):
        network = Inception()
    assert len(network.state_dict()) == 566 - 2
    assert sum(p.numel() for p in network.parameters()) == 21_785_568, "Inception v3 without classifiers"


def test_features_of_a_state_dict(file: Path) -> None:
    look = InceptionExtractor.load(file, published=_digest(file))
    features = look(PICTURES)
    assert features.shape == (2, 2048)
    np.testing.assert_allclose(look(PICTURES[1:]), features[1:], rtol=1e-3, atol=1e-5)
    assert (features >= 0).all()
    assert (look.name, look.network) == ("Inception 2015-12-05", "inception-2015-12-05")


def test_another_file_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the published Inception network"):
        InceptionExtractor.load(file)
    with pytest.raises(UserError, match="get pt_inception-2015"):
        InceptionExtractor.load(tmp_path / "none.pth")
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="as a state dict"):
        InceptionExtractor.load(cut, published=_digest(cut))
    torch.save({"x": torch.zeros(1)}, cut)
    with pytest.raises(UserError, match="has no Conv2d_1a_3x3"):
        InceptionExtractor.load(cut, published=_digest(cut))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_is_used_but_never_called_fid(tmp_path: Path) -> None:
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.script(Scripted()), path)
    look = InceptionExtractor.load(path)
    assert look(PICTURES).shape == (2, 2048)
    many: list[NDArray[np.uint8]] = list(np.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8))
    result = evaluate({"a2b": lambda x: x}, Collection(many, look), Collection(many[::-1], look), measures=["fid"])
    assert [name.split(" (")[0] for name in result.directions["a2b"].measures] == ["Fréchet distance"]
    torch.jit.save(torch.jit.script(Scripted(7)), path)
    with pytest.raises(UserError, match="another network"):
        InceptionExtractor.load(path)(PICTURES)


def test_only_the_published_network_gives_fid() -> None:
    class Published:
        name, network, dimension = "Inception 2015-12-05", "inception-2015-12-05", 3

        def __call__(self, pictures: object) -> NDArray[np.float32]:
            return np.array([p.mean(axis=(0, 1)) for p in pictures], np.float32)  # type: ignore[attr-defined]

    many: list[NDArray[np.uint8]] = list(np.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8))
    eyes = Published()
    result = evaluate(
        {"a2b": lambda x: x}, Collection(many, eyes), Collection(many[::-1], eyes), measures=["fid", "kid"]
    )
    assert set(result.directions["a2b"].measures) == {"FID", "KID (Inception 2015-12-05)"}


def test_resizing_is_that_of_tensorflow_1() -> None:
    x = torch.tensor([[0.0, 8.0]]).view(1, 1, 1, 2)
    assert as_tensorflow(x, 4)[0, 0, 0].tolist() == [0, 4, 8, 8]
    y = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(as_tensorflow(y, 9), y)
    torch.testing.assert_close(as_tensorflow(y, 3), y[..., ::3, ::3])
