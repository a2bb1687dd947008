"""Networks in and out, as a person types it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from terminal import Command, paint
from torch import nn

sys.path.append(str(Path(__file__).parents[1] / "interop"))
from peers import PatchGAN, ResnetGenerator, strong


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a small training of pytorch-CycleGAN-and-pix2pix left its networks."""
    folder = tmp_path_factory.mktemp("checkpoints") / "horse2zebra"
    folder.mkdir()
    networks: dict[str, nn.Module] = {
        "G_A": ResnetGenerator(w=4, blocks=1), "G_B": ResnetGenerator(w=4, blocks=1),
        "D_A": PatchGAN(w=4, layers=1), "D_B": PatchGAN(w=4, layers=1),
    }  # fmt: skip
    for seed, (name, network) in enumerate(networks.items()):
        torch.save(strong(network, seed).state_dict(), folder / f"latest_net_{name}.pth")
    return folder


def test_a_generator_is_imported_and_translates(unpaired: Command, theirs: Path, tmp_path: Path) -> None:
    out = tmp_path / "zebra.safetensors"
    answer = unpaired("import", theirs / "latest_net_G_A.pth", "--out", out)
    assert answer.status == 0, answer
    assert "resnet of 1 blocks, width 4, norm instance, strided halving, transposed doubling" in answer.out
    picture = paint(tmp_path / "horse.png")
    answer = unpaired("translate", out, picture, "--out", tmp_path / "out", "--device", "cpu")
    assert answer.status == 0, answer
    with Image.open(tmp_path / "out" / "horse.png") as zebra:
        assert zebra.size == (40, 40)
    exact = ("--precision", "float32", "--device", "cpu", "--no-trust")
    assert unpaired("translate", out, picture, "--out", tmp_path / "exact", *exact).status == 0
    network = strong(ResnetGenerator(w=4, blocks=1), 0).eval()  # as `theirs` was made
    with Image.open(picture) as horse, Image.open(tmp_path / "exact" / "horse.png") as zebra, torch.no_grad():
        made = network(torch.from_numpy(np.array(horse)).permute(2, 0, 1)[None] / 127.5 - 1)
        made = ((made[0] + 1) * 127.5).round().permute(1, 2, 0).numpy()
        assert np.abs(made - np.array(zebra)).max() <= 1


def test_a_folder_is_imported_inspected_and_trained_on(
    unpaired: Command, theirs: Path, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["import", theirs, "--out", run, "--crop", 32]
    answer = unpaired(*words, "--pictures", *domains)
    assert answer.status == 0, answer
    assert "Imported generator_ab, generator_ba, discriminator_a, discriminator_b:" in answer.out
    assert f"unpaired train --resume {run}" in answer.out
    assert unpaired("inspect", run).status == 0
    answer = unpaired("train", "--resume", run, "--images", 2, "--device", "cpu")
    assert answer.status == 0, answer
    assert "Trained on 2 images" in answer.out
    assert "exists" in unpaired(*words).sentence


def test_an_imported_run_without_pictures_is_a_run(unpaired: Command, theirs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["import", theirs / "latest_net_G_A.pth", "--generator-ba", theirs / "latest_net_G_B.pth", "--out", run]
    words += ["--discriminator-a", theirs / "latest_net_D_B.pth", "--discriminator-b", theirs / "latest_net_D_A.pth"]
    assert unpaired(*words, "--crop", 32).status == 0
    answer = unpaired("inspect", run)
    assert "Imported from" in answer.out
    assert "latest_net_G_A.pth (SHA-256" in answer.out.replace("\n", "")
    assert unpaired("report", run).status == 0
    assert "was imported without pictures" in unpaired("train", "--resume", run).sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["THEIRS/latest_net_D_A.pth", "--out", "run"], "it is a PatchGAN discriminator"),
        (["THEIRS/nothing.pth", "--out", "run"], "There is no file"),
        (["THEIRS", "--direction", "b2a", "--out", "run"], "found by their names"),
        (["THEIRS", "--out", "run.safetensors"], "leave out discriminator_a, discriminator_b"),
        (["THEIRS", "--out", "run.safetensors", "--pictures", "a", "b"], "can't be trained"),
        (["THEIRS", "--out", "run", "--pictures", "a", "b", "c"], "takes two folders"),
        (["THEIRS", "--out", "run", "--pictures", "a", "b"], "a"),
        (
            ["THEIRS/latest_net_G_B.pth", "--direction", "b2a", "--generator-ba", "x.pth", "--out", "run"],
            "name the other generator first",
        ),
        (["THEIRS/latest_net_G_A.pth", "--projector", "THEIRS/latest_net_D_A.pth", "--out", "run"], "CUT's heads"),
    ],
)
def test_mistakes_of_importing(
    unpaired: Command, theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in unpaired("import", *(word.replace("THEIRS", str(theirs)) for word in words)).sentence
    assert not [*tmp_path.iterdir()]


def test_a_run_is_exported_in_every_form(unpaired: Command, trained: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"G.{name}" for name in ("onnx", "pt2", "safetensors", "pth")}
    words = [word for name, path in files.items() for word in (f"--{name}", path)]
    refused = unpaired("export", trained, *words).sentence
    assert "name one of them" in refused
    assert not [*tmp_path.iterdir()]
    words.remove("--pth")
    words.remove(files["pth"])
    answer = unpaired("export", trained, *words, "--direction", "b2a", "--checkpoint", "latest", "--half")
    assert answer.status == 0, answer
    assert f"Wrote {files['onnx']}: b2a, opset 18, any batch and any size in multiples of 4. Checked in" in answer.out
    assert "Checked when read back" in answer.out
    assert "b2a, float16: translations" in answer.out
    assert unpaired("export", files["safetensors"], "--safetensors", tmp_path / "again.safetensors").status == 0
    assert "exists: name another" in unpaired("export", trained, "--onnx", files["onnx"]).sentence


def test_what_was_imported_goes_back(unpaired: Command, theirs: Path, tmp_path: Path) -> None:
    path, back = tmp_path / "zebra.safetensors", tmp_path / "G.pth"
    assert unpaired("import", theirs / "latest_net_G_A.pth", "--out", path).status == 0
    answer = unpaired("export", path, "--pth", back)
    assert answer.status == 0, answer
    assert "--norm instance --ngf 4 --no_dropout" in answer.out
    old, new = (torch.load(p, weights_only=True) for p in (theirs / "latest_net_G_A.pth", back))
    assert old.keys() == new.keys()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_mistakes_of_exporting(unpaired: Command, trained: Path, tmp_path: Path) -> None:
    for words, said in (
        ([], "Say what to write"),
        (["--pth", tmp_path / "G.pth", "--half"], "--half is for --safetensors"),
        (["--hub", "no name/at all"], "could not be published"),
        (["--onnx", Path("/proc/G.onnx"), "--direction", "a2b"], "can't be written"),
    ):
        assert said in unpaired("export", trained, *words).sentence
    assert "There is no run at" in unpaired("export", tmp_path / "none", "--onnx", tmp_path / "G.onnx").sentence


def test_a_folder_to_publish(unpaired: Command, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "zebra"
    answer = unpaired("export", trained, "--folder", folder, "--licence", "cc-by-4.0", "--half")
    assert answer.status == 0, answer
    assert {path.name for path in folder.iterdir()} == {"README.md", "translator.safetensors"}
    card = (folder / "README.md").read_text()
    assert "license: cc-by-4.0" in card
    assert "8 images of each domain seen" in card
    assert unpaired("inspect", folder / "translator.safetensors").status == 0
