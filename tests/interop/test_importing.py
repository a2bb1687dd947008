"""Imported networks are ordinary runs: they translate, are inspected, and go on training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from peers import PatchGAN, ResnetGenerator, pictures, strong, unet
from torch import nn

from unpaired.errors import UserError
from unpaired.interop.importing import Sources, read_networks, write_file, write_run
from unpaired.methods import METHODS
from unpaired.run import checkpoint
from unpaired.run.record import RunRecord
from unpaired.training.run import resume
from unpaired.translation.translator import Translator


def saved(path: Path, network: nn.Module) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return path


def translated(translator: Translator, network: nn.Module, direction: str = "a2b") -> float:
    x = pictures(28, 40, seed=2)
    with torch.no_grad():
        return float((translator.translate(x, direction) - network(x)).abs().max())  # type: ignore[arg-type]


@pytest.fixture
def cyclegan(tmp_path: Path) -> dict[str, nn.Module]:
    """What a training there leaves behind; its D_A judges pictures of B."""
    networks = {
        "G_A": strong(ResnetGenerator(w=4, blocks=1), 1), "G_B": strong(ResnetGenerator(w=4, blocks=1), 2),
        "D_A": strong(PatchGAN(w=4, layers=1), 3), "D_B": strong(PatchGAN(w=4, layers=1), 4),
    }  # fmt: skip
    for name, network in networks.items():
        saved(tmp_path / "theirs" / f"latest_net_{name}.pth", network)
    return networks


def test_a_generator_alone_translates_in_its_direction(tmp_path: Path) -> None:
    theirs = strong(ResnetGenerator(w=4, blocks=2))
    path = saved(tmp_path / "G.pth", theirs)
    for direction, sources in (("a2b", Sources(generator_ab=path)), ("b2a", Sources(generator_ba=path))):
        networks = read_networks(sources)
        write_run(networks, tmp_path / direction)
        write_file(networks, tmp_path / f"{direction}.safetensors")
        for out in (tmp_path / direction, tmp_path / f"{direction}.safetensors"):
            translator = Translator.load(out, precision="float32", device="cpu")
            assert translator.directions == (direction,)
            assert translated(translator, theirs, direction) < 1e-5
            with pytest.raises(UserError, match=f"take {direction}"):
                Translator.load(out, direction="b2a" if direction == "a2b" else "a2b")


def test_a_whole_training_goes_on(tmp_path: Path, cyclegan: dict[str, nn.Module], domains: tuple[Path, Path]) -> None:
    networks = read_networks(Sources.of_folder(tmp_path / "theirs"), crop=32)
    run = tmp_path / "run"
    write_run(networks, run, domains)
    translator = Translator.load(run, precision="float32", device="cpu")
    assert translated(translator, cyclegan["G_A"], "a2b") < 1e-5
    assert translated(translator, cyclegan["G_B"], "b2a") < 1e-5
    weights = checkpoint.read(run / "checkpoints" / "images-000000000").weights("discriminator_b")
    assert torch.equal(weights["parts.0.body.0.weight"], cyclegan["D_A"].state_dict()["model.0.weight"])
    resume(run, images=2)
    weights = checkpoint.read(run / "checkpoints" / "images-000000002").weights("generator_ab")
    theirs = cyclegan["G_A"].state_dict()["model.1.weight"]
    assert not torch.equal(weights["encoder.0.weight"], theirs)
    assert (weights["encoder.0.weight"] - theirs).abs().max() < 0.01  # two steps of Adam from where they were
    assert "imported" in RunRecord.read(run).provenance


def test_pix2pix_is_known_by_its_discriminator(tmp_path: Path) -> None:
    theirs = strong(unet(w=2, depth=5), side=64)
    sources = Sources(
        generator_ab=saved(tmp_path / "G.pth", theirs),
        discriminator_b=saved(tmp_path / "D.pth", strong(PatchGAN(6, w=4, kind="batch", layers=1), channels=6)),
    )
    networks = read_networks(sources, crop=32)
    assert (networks.config.method, networks.config.data.crop) == ("pix2pix", 32)
    assert not networks.missing
    assert networks.config.data.channels_b == 3


def test_cut_goes_on_with_its_heads(tmp_path: Path) -> None:
    heads = nn.Module()
    for index, width in enumerate((3, 8, 16, 16, 16)):
        layers = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, 256))
        heads.add_module(f"mlp_{index}", layers)
    theirs = strong(ResnetGenerator(w=4, blocks=5, down=True, up=True))
    sources = Sources(
        generator_ab=saved(tmp_path / "G.pth", theirs),
        discriminator_b=saved(tmp_path / "D.pth", strong(PatchGAN(w=4, layers=1, blurred=True))),
        projector=saved(tmp_path / "F.pth", heads),
    )
    networks = read_networks(sources, crop=32)
    assert networks.config.method == "cut"
    assert not networks.missing
    for name, network in METHODS["cut"](networks.config).networks().items():
        network.load_state_dict(networks.weights[name], strict=True)
    saved(tmp_path / "F.pth", nn.Sequential(nn.Linear(3, 8)))
    with pytest.raises(
        UserError, match=r"F\.pth does not hold CUT's heads for stages of \[3, 8, 16, 16, 16\] channels"
    ):
        read_networks(sources)


def test_what_does_not_belong_together_is_refused(tmp_path: Path, domains: tuple[Path, Path]) -> None:
    small = saved(tmp_path / "small.pth", ResnetGenerator(w=4, blocks=1))
    large = saved(tmp_path / "large.pth", ResnetGenerator(w=6, blocks=1))
    grey = saved(tmp_path / "grey.pth", ResnetGenerator(1, 3, w=4, blocks=1))
    many = saved(tmp_path / "many.pth", ResnetGenerator(12, 3, w=4, blocks=1))
    judge = saved(tmp_path / "D.pth", PatchGAN(w=4, layers=1))
    for sources, said in (
        (Sources(generator_ab=small, generator_ba=large), "The two generators are not of one kind"),
        (Sources(generator_ab=grey, generator_ba=grey), "The channels of the two generators are not of one kind"),
        (Sources(generator_ab=many), "between 12 and 3 channels can't be imported"),
        (Sources(generator_ab=grey, discriminator_a=judge), "discriminator_a looks at 3 channels, where pictures of 1"),
        (Sources(discriminator_a=judge), "Name a generator"),
    ):
        with pytest.raises(UserError, match=said):
            read_networks(sources)
    with pytest.raises(UserError, match=r"holds neither latest_net_G\.pth nor"):
        Sources.of_folder(tmp_path)
    networks = read_networks(Sources(generator_ab=small, discriminator_b=judge), crop=32)
    with pytest.raises(UserError, match="leave out discriminator_b, or name a folder"):
        write_file(networks, tmp_path / "G.safetensors")
    with pytest.raises(
        UserError, match="To go on training with cyclegan, generator_ba and discriminator_a are missing"
    ):
        write_run(networks, tmp_path / "run", domains)
    assert not (tmp_path / "run").exists()
    write_run(networks, tmp_path / "run")
    with pytest.raises(UserError, match="exists"):
        write_run(networks, tmp_path / "run")
    with pytest.raises(UserError, match="was imported without pictures"):
        resume(tmp_path / "run")


def test_nothing_half_written_is_left(
    tmp_path: Path, domains: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        name: saved(tmp_path / f"{name}.pth", network)
        for name, network in (
            ("generator_ab", ResnetGenerator(w=4, blocks=1)), ("generator_ba", ResnetGenerator(w=4, blocks=1)),
            ("discriminator_a", PatchGAN(w=4, layers=1)), ("discriminator_b", PatchGAN(w=4, layers=1)),
        )
    }  # fmt: skip
    networks = read_networks(Sources(**theirs), crop=32)
    before = {*tmp_path.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unpaired.run.checkpoint._seal", full)
    for folders in ((), domains):
        with pytest.raises(UserError, match="No space left on device"):
            write_run(networks, tmp_path / "run", folders)
    assert {*tmp_path.iterdir()} - {*domains} == before - {*domains}


def test_a_single_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "G.safetensors"
    networks = read_networks(Sources(generator_ab=saved(tmp_path / "G.pth", ResnetGenerator(w=4, blocks=1))))
    write_file(networks, path)
    with pytest.raises(UserError, match="exists"):
        write_file(networks, path)
    with safetensors.safe_open(path, "np") as file:
        said = file.metadata()
    assert json.loads(said["config"])["generator"]["width"] == 4
    cases = {
        "newer version": {**said, "format": "unpaired translator 2"},
        "no translator of unpaired": {"format": "pt"},
        "is damaged": {**said, "config": "{"},
    }
    for sentence, metadata in cases.items():
        from safetensors.numpy import save_file

        save_file({"a2b.x": np.zeros(1)}, tmp_path / "other.safetensors", metadata)
        with pytest.raises(UserError, match=sentence):
            Translator.load(tmp_path / "other.safetensors")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        Translator.load(path)
    with pytest.raises(UserError, match="there is no 'best' one"):
        Translator.load(path, checkpoint="best")
