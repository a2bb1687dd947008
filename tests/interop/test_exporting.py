"""Exported networks translate as the run does: in onnxruntime, in torch.export, in the peers' networks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from peers import ResnetGenerator, pictures, unet
from PIL import Image
from torch import nn

from unpaired.config import Config, DataConfig, GeneratorConfig
from unpaired.errors import UserError
from unpaired.interop.onnx import OPSET, write_onnx
from unpaired.interop.peer import write_pth
from unpaired.interop.program import TOLERANCE, difference, write_pt2
from unpaired.networks import build_generator
from unpaired.networks.bridge import BridgeGenerator
from unpaired.networks.layers import initialise
from unpaired.translation.translator import Translator
from unpaired.translation.weights import write_safetensors

EXAMPLES = Path(__file__).parents[2] / "examples"


def translator(config: GeneratorConfig, channels: tuple[int, int] = (3, 3), seed: int = 0) -> Translator:
    def build() -> nn.Module:
        torch.manual_seed(seed)
        network = build_generator(*channels, config)
        initialise(network, 0.2)
        return network.eval().requires_grad_(False)

    data = DataConfig(channels_a=channels[0], channels_b=channels[1])
    return Translator(Config(generator=config, data=data), {"a2b": build}, device="cpu", precision="float32")


KINDS: dict[str, GeneratorConfig] = {
    "resnet, resized, residual": GeneratorConfig(width=4, blocks=1, kernel=3, upsample="resize", residual=True),
    "unet, batch norm": GeneratorConfig(kind="unet", width=2, depth=6, norm="batch"),
    "convnext": GeneratorConfig(kind="convnext", width=4, blocks=1),
    "pyramid": GeneratorConfig(kind="pyramid", width=2, depth=2),
    "attention": GeneratorConfig(width=4, blocks=1, attention=True),
    "warp": GeneratorConfig(width=4, blocks=1, warp=5),
    "pix2pix, noise": GeneratorConfig(kind="unet", width=2, depth=6, dropout=0.5, noise=True),
}


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_onnxruntime_translates_the_same(config: GeneratorConfig, tmp_path: Path) -> None:
    one, path = translator(config), tmp_path / "model.onnx"
    near = 1e-3 if config.warp else 1e-5
    assert write_onnx(one, "a2b", path) < near
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    multiple = one.generator().multiple
    assert session.get_modelmeta().custom_metadata_map == {
        "producer": "unpaired", "direction": "a2b", "layout": "NCHW", "range": "-1 1", "channels_in": "3",
        "channels_out": "3", "colours_in": "RGB", "colours_out": "RGB", "multiple": str(multiple), "images_seen": "0",
    }  # fmt: skip
    side = max(2 * multiple, 16) if config.kind != "unet" else multiple
    x = pictures(side, side + multiple, count=2)
    (y,) = session.run(None, {"picture": x.numpy()})
    assert np.abs(y - one.translate(x).numpy()).max() < near
    model = onnx.load(path)
    assert [(o.domain, o.version) for o in model.opset_import if not o.domain] == [("", OPSET)]
    assert "Conv" in {node.op_type for node in model.graph.node}
    assert {node.domain for node in model.graph.node} == {""}, "plain operators only"


def test_wide_layers_are_plain_convolutions(tmp_path: Path) -> None:
    """Winograd is how a CPU computes them here, and nothing that another runtime should imitate."""
    one = translator(GeneratorConfig(width=40, blocks=1, kernel=3))
    assert write_onnx(one, "a2b", tmp_path / "model.onnx") < TOLERANCE
    nodes = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert nodes.count("Conv") == 6
    assert nodes.count("ConvTranspose") == 2
    assert "MatMul" not in nodes


def test_grey_pictures_are_coloured_through_the_example(tmp_path: Path) -> None:
    one = translator(GeneratorConfig(width=4, blocks=1, lab=True), (1, 3))
    write_onnx(one, "a2b", tmp_path / "model.onnx")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 50), dtype=np.uint8)).save(tmp_path / "grey.png")
    words = [
        sys.executable,
        EXAMPLES / "onnx_translate.py",
        *(tmp_path / n for n in ("model.onnx", "grey.png", "made.png")),
    ]
    subprocess.run(words, check=True, timeout=120)
    with Image.open(tmp_path / "made.png") as made:
        ours = np.asarray(one(tmp_path / "grey.png", "a2b"), np.int16)
        assert made.size == (50, 37)
        assert np.abs(np.asarray(made, np.int16) - ours).max() <= 1


def test_a_difference_is_an_error() -> None:
    one = translator(GeneratorConfig(width=4, blocks=1))
    with pytest.raises(UserError, match=r"differ from this one's by 1\.0e-03, more than 0\.0001: it was not written"):
        difference(one, "a2b", lambda x: one.translate(x) + 1e-3)
    with pytest.raises(UserError, match="differ"):
        difference(one, "a2b", lambda x: one.translate(x) * float("nan"))


def test_a_program_of_torch_export_translates_the_same(tmp_path: Path) -> None:
    one, path = translator(GeneratorConfig(width=4, blocks=1, dropout=0.5, noise=True)), tmp_path / "model.pt2"
    assert write_pt2(one, "a2b", path) < 1e-5
    extra = {"unpaired.json": ""}
    module = torch.export.load(path, extra_files=extra).module()
    assert json.loads(extra["unpaired.json"])["multiple"] == "4"
    x = pictures(32, 20, count=3)
    assert (module(x) - one.translate(x)).abs().max() < 1e-5


def test_a_program_of_a_u_net_takes_pictures_as_small_as_its_multiple(tmp_path: Path) -> None:
    one = translator(KINDS["pix2pix, noise"])
    assert write_pt2(one, "a2b", tmp_path / "model.pt2") < 1e-5
    module = torch.export.load(tmp_path / "model.pt2").module()
    for height, width in ((64, 64), (64, 128), (192, 64)):
        x = pictures(height, width, count=2)
        assert (module(x) - one.translate(x)).abs().max() < 1e-5


def test_one_file_in_full_and_half(tmp_path: Path) -> None:
    one = translator(GeneratorConfig(width=8, blocks=1))
    assert write_safetensors(one, tmp_path / "full.safetensors") == 0
    apart = write_safetensors(one, tmp_path / "half.safetensors", half=True)
    assert 0 < apart < 0.02
    full, half = ((tmp_path / f"{n}.safetensors").stat().st_size for n in ("full", "half"))
    assert half < 0.6 * full
    loaded = Translator.load(tmp_path / "full.safetensors", device="cpu", precision="float32")
    x = pictures(24)
    assert torch.equal(loaded.translate(x), one.translate(x))


THEIRS: dict[str, tuple[GeneratorConfig, nn.Module, str]] = {
    "resnet": (GeneratorConfig(width=4, blocks=6), ResnetGenerator(w=4), "resnet_6blocks --norm instance --ngf 4"),
    "dropout, batch norm": (
        GeneratorConfig(width=4, blocks=9, dropout=0.5, norm="batch"),
        ResnetGenerator(w=4, blocks=9, kind="batch", dropout=True), "--netG resnet_9blocks --norm batch --ngf 4",
    ),
    "CUT": (
        GeneratorConfig(width=4, blocks=2, downsample="blur", upsample="blur", scaling_padding="zeros"),
        ResnetGenerator(w=4, blocks=2, down=True, up=True), "ResnetGenerator(n_blocks=2)",
    ),
    "CUT, --no_antialias": (
        GeneratorConfig(width=4, blocks=2, upsample="blur", scaling_padding="zeros"),
        ResnetGenerator(w=4, blocks=2, up=True), "--no_antialias",
    ),
    "CUT, --no_antialias_up": (
        GeneratorConfig(width=4, blocks=2, downsample="blur", scaling_padding="zeros"),
        ResnetGenerator(w=4, blocks=2, down=True), "--no_antialias_up",
    ),
    "unet": (GeneratorConfig(kind="unet", width=2, depth=7), unet(w=2, kind="instance"), "unet_128 --norm instance"),
    "unet, batch norm": (GeneratorConfig(kind="unet", width=2, depth=7, norm="batch"), unet(w=2), "--netG unet_128"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "theirs", "options"), THEIRS.values(), ids=THEIRS)
def test_their_networks_translate_as_ours(
    config: GeneratorConfig, theirs: nn.Module, options: str, tmp_path: Path
) -> None:
    network: Any = translator(config).generator()
    assert options in write_pth(network, config, tmp_path / "G.pth")
    theirs.load_state_dict(torch.load(tmp_path / "G.pth", weights_only=True), strict=True)
    x = pictures(256 if config.kind == "unet" else 40)
    with torch.no_grad():
        assert (theirs.eval()(x.clone()) - network(x)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "convnext"}, "no convnext generator"),
        ({"residual": True}, "no residual output"),
        ({"attention": True}, "no generator with attention"),
        ({"warp": 4}, "no generator that bends pictures"),
        ({"norm": "instance-affine"}, "no instance-affine norm"),
        ({"norm": "none"}, r"no bias at model\.1 with norm none"),
        ({"kernel": 3}, "first and last convolution of 3×3"),
        ({"upsample": "resize"}, "doubling by nearest neighbours"),
        ({"upsample": "blur"}, "padding by reflection where it halves or doubles"),
        ({"padding": "zeros"}, "padding with zeros"),
        ({"kind": "unet", "depth": 4}, "U-Net of fewer than 5 halvings"),
        ({"kind": "unet", "depth": 5, "upsample": "resize"}, "U-Net that doubles by resizing"),
    ],
)
def test_what_theirs_lack_is_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    config = GeneratorConfig(**{"width": 4, "blocks": 1, **options})
    network: Any = translator(config).generator()
    for module in network.modules():
        if getattr(module, "bias", None) is not None:
            nn.init.ones_(module.bias)
    with pytest.raises(UserError, match=said):
        write_pth(network, config, tmp_path / "G.pth")
    with pytest.raises(UserError, match="no generator of several steps"):
        write_pth(BridgeGenerator(3, GeneratorConfig(width=4, blocks=1), 2), GeneratorConfig(), tmp_path / "G.pth")
    assert not [*tmp_path.iterdir()]
