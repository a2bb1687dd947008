"""VGG reads torchvision's files, and gives the maps that papers name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from unpaired.errors import UserError
from unpaired.networks import vgg
from unpaired.networks.perceptual import load_perceptual


def _state(depth: Any) -> dict[str, Tensor]:
    """What torchvision's file of `depth` holds, with other numbers."""
    torch.manual_seed(0)
    with torch.device("meta"):
        network = vgg.VGG(depth)
    features = {k: 0.05 * torch.randn(v.shape) for k, v in network.state_dict().items()}
    return {**features, "classifier.0.weight": torch.zeros(2, 2)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "vgg19-dcbb9e9d.pth"
    torch.save(_state("vgg19"), path)
    return path


def test_the_layers_are_numbered_as_torchvision_numbers_them() -> None:
    with torch.device("meta"):
        networks = {depth: vgg.VGG(depth) for depth in ("vgg16", "vgg19")}
    convolutions = {d: [int(k.split(".")[1]) for k in n.state_dict() if "weight" in k] for d, n in networks.items()}
    assert convolutions["vgg16"] == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert convolutions["vgg19"] == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert networks["vgg19"].places["relu4_2"] == 22
    assert networks["vgg16"].places["relu5_1"] == 25


def test_maps_are_those_of_the_layers_named(file: Path) -> None:
    network, depth = vgg.load(file)
    assert depth == "vgg19"
    x = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    first, second, deep = network.maps(x, ("relu1_1", "relu2_1", "relu5_1"))
    assert [tuple(m.shape) for m in (first, second, deep)] == [(2, 64, 32, 48), (2, 128, 16, 24), (2, 512, 2, 3)]
    state = _state("vgg19")
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    h = ((x + 1) / 2 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    h = F.conv2d(h, state["features.0.weight"], state["features.0.bias"], padding=1).relu()
    torch.testing.assert_close(first, h)
    h = F.conv2d(h, state["features.2.weight"], state["features.2.bias"], padding=1).relu()
    h = F.conv2d(F.avg_pool2d(h, 2), state["features.5.weight"], state["features.5.bias"], padding=1).relu()
    torch.testing.assert_close(second, h)


def test_vgg16_and_safetensors_are_read_too(tmp_path: Path) -> None:
    save_file(_state("vgg16"), tmp_path / "vgg.safetensors")
    eyes = load_perceptual(str(tmp_path / "vgg.safetensors"))
    assert eyes.name == "VGG-16"
    maps = eyes.maps(torch.rand(1, 1, 32, 32), (*eyes.content, *eyes.style))
    assert len(maps) == 6
    assert not any(p.requires_grad for p in eyes.parameters())


def test_other_files_are_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(UserError, match=r"no\.pth, the weights to look through, can't be read"):
        vgg.load(tmp_path / "no.pth")
    (tmp_path / "cut.pth").write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cut\.pth is damaged"):
        vgg.load(tmp_path / "cut.pth")
    torch.save({"layer.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth holds no VGG-16 or VGG-19"):
        vgg.load(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="holds no state dict"):
        vgg.load(tmp_path / "list.pth")
    state = _state("vgg16")
    state["features.0.weight"] = torch.zeros(8, 3, 3, 3)
    torch.save(state, tmp_path / "thin.pth")
    with pytest.raises(UserError, match="is not torchvision's vgg16"):
        vgg.load(tmp_path / "thin.pth")
