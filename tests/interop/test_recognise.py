"""Foreign networks are recognised from their tensors, and translate as they did."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import Collected, PatchGAN, Pixel, PyTorchGAN, ResnetGenerator, pictures, strong, unet
from torch import Tensor, nn

from unpaired.errors import UserError
from unpaired.interop.recognise import Found, recognise_discriminator, recognise_generator
from unpaired.interop.tensors import read_tensors
from unpaired.networks import Discriminator, build_generator

EXACT = 1e-5


def ours(found: Found) -> nn.Module:
    network = build_generator(found.inputs, found.outputs, found.config)
    network.load_state_dict(found.state, strict=True)
    return network.eval()


@torch.no_grad()
def apart(theirs: nn.Module, found: Found, x: Tensor) -> float:
    """The largest difference between the translations of both."""
    wanted = theirs(x.clone())
    assert wanted.std() > 0.1, "a flat picture would prove nothing"
    return float((ours(found)(x) - wanted).abs().max())


def anonymous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, grouped and ordered as before, under names that say nothing."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    return {f"layer{modules.index(n.rpartition('.')[0])}_x.{n.rpartition('.')[2]}": t for n, t in state.items()}


RESNETS: dict[str, dict[str, Any]] = {
    "9 blocks": {"blocks": 9},
    "6 blocks": {"blocks": 6},
    "dropout": {"dropout": True, "blocks": 2},
    "batch norm": {"kind": "batch", "blocks": 2},
    "batch norm, dropout": {"kind": "batch", "blocks": 2, "dropout": True},
    "affine instance norm": {"kind": "instance-affine", "blocks": 2},
    "no norm": {"kind": "none", "blocks": 2},
    "grey to colour": {"inputs": 1, "blocks": 2},
    "CUT": {"blocks": 9, "down": True, "up": True},
    "CUT, batch norm": {"kind": "batch", "blocks": 2, "down": True, "up": True},
    "CUT without antialiasing": {"blocks": 2, "down": False, "up": False},
    "CUT, --no_antialias_up": {"blocks": 2, "down": True},
    "CUT, --no_antialias": {"blocks": 2, "up": True},
}


@pytest.mark.parametrize("options", RESNETS.values(), ids=RESNETS)
def test_resnets_translate_as_they_did(options: dict[str, Any]) -> None:
    channels = options.get("inputs", 3)
    theirs = strong(ResnetGenerator(**options), channels=channels)
    found = recognise_generator(theirs.state_dict(), "G.pth")
    assert apart(theirs, found, pictures(36, 52, channels=channels, seed=1)) < EXACT
    assert found.config.blocks == options.get("blocks", 6)
    assert found.config.dropout == (0.5 if options.get("dropout") else 0)
    assert (found.inputs, found.outputs) == (channels, 3)


@pytest.mark.parametrize("kind", ["batch", "instance"])
@pytest.mark.parametrize("depth", [7, 8])
def test_unets_translate_as_they_did(depth: int, kind: str) -> None:
    side = 2 ** (depth - 6) * 128  # an innermost map of 2×2 at least: instance norm leaves nothing of 1×1
    theirs = strong(unet(w=2, kind=kind, depth=depth), side=side)
    found = recognise_generator(theirs.state_dict(), "G.pth")
    assert (found.config.kind, found.config.depth, found.config.norm) == ("unet", depth, kind)
    assert not found.notes
    assert apart(theirs, found, pictures(side, seed=1)) < EXACT


@pytest.mark.parametrize("theirs", [PyTorchGAN(), Collected()], ids=["PyTorch-GAN", "Machine-Learning-Collection"])
def test_look_alikes_that_pad_and_double_in_other_ways(theirs: nn.Module) -> None:
    found = recognise_generator(strong(theirs).state_dict(), "G.pth")
    assert apart(theirs, found, pictures(36, 52, seed=1)) < EXACT


@settings(max_examples=12, deadline=None)
@given(
    width=st.integers(2, 6), blocks=st.integers(1, 4), kind=st.sampled_from(["instance", "batch", "instance-affine"]),
    outputs=st.sampled_from([1, 3]), named=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_shapes_are_enough(width: int, blocks: int, kind: str, outputs: int, named: bool, seed: int) -> None:
    theirs = strong(ResnetGenerator(3, outputs, width, kind, blocks=blocks), seed)
    state = theirs.state_dict()
    found = recognise_generator(state if named else anonymous(state), "G.pth")
    assert apart(theirs, found, pictures(24, seed=seed)) < EXACT
    assert ("its names do not tell how it pads: taken as by reflection, as in the paper" in found.notes) is not named


def test_a_unet_under_other_names_says_what_it_was_taken_for() -> None:
    theirs = strong(unet(w=2, depth=5), side=64)
    found = recognise_generator(anonymous(theirs.state_dict()), "G.pth")
    assert apart(theirs, found, pictures(64)) < EXACT
    assert "where it activates" in found.notes[0]


def test_statistics_of_old_instance_norms_are_left_out() -> None:
    tracked = strong(ResnetGenerator(kind="instance-tracked", blocks=2))
    found = recognise_generator(tracked.state_dict(), "G.pth")
    plain = ResnetGenerator(blocks=2).eval()
    plain.load_state_dict({k: v for k, v in tracked.state_dict().items() if k.endswith(("weight", "bias"))})
    assert found.config.norm == "instance"
    assert "statistics" in found.notes[0]
    assert apart(plain, found, pictures(32)) < EXACT


def test_lua_era_instance_norms_keep_scale_and_shift_and_lose_statistics() -> None:
    """Before PyTorch 0.4 they had running statistics, which were not used, and no count of batches."""
    theirs = strong(ResnetGenerator(kind="instance-affine", blocks=2))
    state: dict[str, Tensor] = {}
    for name, tensor in theirs.state_dict().items():
        state[name] = tensor
        if name.endswith("bias") and f"{name[:-4]}weight" in state and state[f"{name[:-4]}weight"].ndim == 1:
            state |= {f"{name[:-4]}running_mean": torch.ones(len(tensor)), f"{name[:-4]}running_var": 5 * tensor.abs()}
    found = recognise_generator(anonymous(state), "G.pth")
    assert found.config.norm == "instance-affine"
    assert apart(theirs, found, pictures(32)) < EXACT


def test_batch_norm_after_convolutions_with_a_bias() -> None:
    theirs = ResnetGenerator(kind="batch", blocks=1)
    for name, module in [*theirs.named_modules()]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is None:
            parent = theirs.get_submodule(name.rpartition(".")[0])
            biased = nn.Parameter(torch.zeros(module.out_channels))
            module.bias = biased
            assert parent.get_submodule(name.rpartition(".")[2]) is module
    found = recognise_generator(strong(theirs).state_dict(), "G.pth")
    assert found.config.norm == "batch"
    assert apart(theirs, found, pictures(32)) < EXACT


DISCRIMINATORS: dict[str, nn.Module] = {
    "70×70": PatchGAN(),
    "batch norm": PatchGAN(kind="batch"),
    "5 layers": PatchGAN(layers=5),
    "1 layer": PatchGAN(layers=1),
    "on pairs": PatchGAN(6),
    "CUT": PatchGAN(blurred=True),
    "CUT, batch norm": PatchGAN(kind="batch", blurred=True),
    "pixel": Pixel(),
    "pixel, batch norm": Pixel(kind="batch"),
}


@pytest.mark.parametrize("theirs", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
def test_discriminators_judge_as_they_did(theirs: nn.Module) -> None:
    channels = next(theirs.parameters()).shape[1]
    strong(theirs, side=128, channels=channels)
    found = recognise_discriminator(theirs.state_dict(), "D.pth")
    network = Discriminator(found.channels, found.config, ())
    network.load_state_dict(found.state, strict=True)
    x = pictures(128, channels=channels)
    with torch.no_grad():
        (logits,) = network.eval()(x)
        torch.testing.assert_close(logits, theirs(x), atol=EXACT, rtol=1e-5)
    assert found.channels == channels


def without(state: dict[str, Tensor], ending: str) -> dict[str, Tensor]:
    return {k: v for k, v in state.items() if not k.endswith(ending)}


def renamed(network: nn.Module, names: dict[str, str]) -> dict[str, Tensor]:
    state = network.state_dict()
    for old, new in names.items():
        state = {k.replace(old, new): v for k, v in state.items()}
    return state


REFUSED: dict[str, tuple[dict[str, Tensor], str]] = {
    "a discriminator": (PatchGAN().state_dict(), "it is a PatchGAN discriminator"),
    "a pixel discriminator": (Pixel().state_dict(), "it is a pixel discriminator"),
    "something else": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3)).state_dict(), "neither those of a R"),
    "a layer more": ({**ResnetGenerator().state_dict(), "gamma": torch.ones(())}, "gamma, a number, belongs to no"),
    "a half": (dict([*ResnetGenerator().state_dict().items()][:-6]), "neither those of a ResNet"),
    "other filters": (
        {k: torch.ones_like(v) if "filt" in k else v for k, v in ResnetGenerator(down=True).state_dict().items()},
        "is not one of CUT's",
    ),
    "no norm to be seen": (
        renamed(ResnetGenerator(kind="none"), {"conv_block": "b"}),
        "does not tell whether it is normalised",
    ),
    "a resize of some kind": (
        anonymous(without(ResnetGenerator(down=False, up=True).state_dict(), "filt")),
        "does not tell how it doubles",
    ),
    "padding of some kind": (
        renamed(ResnetGenerator(), {"block.1": "block.0", "block.5": "block.3"}),
        "does not tell what its residual blocks see beyond the border",
    ),
    "norms of two kinds": (
        without(ResnetGenerator(kind="instance-affine").state_dict(), "model.2.weight"), "normalised in another way"
    ),
    "a shallow U-Net of other widths": (
        {k: v[:3] if k == "model.model.0.weight" else v for k, v in unet().state_dict().items()}, "not those of a U-N",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("state", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_told_or_not_known_is_refused(state: dict[str, Tensor], said: str) -> None:
    with pytest.raises(UserError, match=r"^G\.pth is no generator that can be imported: .*" + said):
        recognise_generator(state, "G.pth")


def test_a_generator_is_no_discriminator() -> None:
    with pytest.raises(UserError, match="neither a PatchGAN nor a pixel discriminator"):
        recognise_discriminator(ResnetGenerator().state_dict(), "D.pth")
    with pytest.raises(UserError, match="other layers between its convolutions"):
        recognise_discriminator(renamed(PatchGAN(), {"model.11": "model.12"}), "D.pth")


class Code:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, legacy: bool) -> None:
    mark, path = tmp_path / "was here", tmp_path / "G.pth"
    torch.save({**ResnetGenerator().state_dict(), "more": Code(mark)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match=r"is refused: it holds Python objects \(posix\.mkdir\).*run any code"):
        read_tensors(path)
    assert not mark.exists()
    torch.save(ResnetGenerator(), path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match=r"is refused: it holds Python objects \(peers.ResnetGenerator\)"):
        read_tensors(path)


def test_files_as_they_are_found(tmp_path: Path) -> None:
    """Parallel, half, nested in a checkpoint beside an optimiser's state, legacy, safetensors: the same tensors."""
    network = ResnetGenerator(blocks=10)
    state = network.state_dict()
    optimizer = torch.optim.Adam(network.parameters())
    network(pictures(16)).mean().backward()
    optimizer.step()
    state = {k: v.clone() for k, v in network.state_dict().items()}
    files = {
        "parallel.pth": {f"module.{k}": v for k, v in state.items()},
        "nested.pt": {"epoch": 3, "state_dict": state, "optimizer": optimizer.state_dict()},
        "plain.pth": state,
    }
    for name, content in files.items():
        torch.save(content, tmp_path / name)
    torch.save(state, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, tmp_path / "G.safetensors")
    for path in tmp_path.iterdir():
        found = read_tensors(path)
        assert list(found) == list(state), path
        assert all(torch.equal(found[k], state[k]) for k in state), path
    torch.save({k: v.half() for k, v in state.items()}, tmp_path / "half.pth")
    assert {t.dtype for t in read_tensors(tmp_path / "half.pth").values()} == {torch.float32}


def test_files_that_can_not_be_used(tmp_path: Path) -> None:
    path = tmp_path / "G.pth"
    with pytest.raises(UserError, match="There is no file"):
        read_tensors(path)
    path.write_bytes(b"no weights at all")
    with pytest.raises(UserError, match="can't be read as weights of PyTorch"):
        read_tensors(path)
    for name, content in (
        ("G.pth", struct.pack("<iii", 4, 1, 3) + b"V 1" + struct.pack("<i", 13) + b"nn.Sequential"),
        ("G.pth", b"4\n1\n3\nV 1\n13\nnn.Sequential\n"),
        ("latest_net_G.t7", struct.pack("<ii", 3, 1)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="is of Lua's Torch"):
            read_tensors(tmp_path / name)
    torch.save(ResnetGenerator().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="can't be read as weights of PyTorch"):
        read_tensors(path)
    torch.save({"epoch": 3}, path)
    with pytest.raises(UserError, match="holds no network"):
        read_tensors(path)
    torch.save({"netG_A2B": ResnetGenerator().state_dict(), "netG_B2A": ResnetGenerator().state_dict()}, path)
    with pytest.raises(UserError, match=r"holds several networks \(netG_A2B, netG_B2A\)"):
        read_tensors(path)
    state = ResnetGenerator().state_dict()
    state["model.1.weight"][0, 0, 0, 0] = float("nan")
    torch.save(state, path)
    with pytest.raises(UserError, match=r"model\.1\.weight holds numbers that are not finite"):
        read_tensors(path)
    (tmp_path / "G.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        read_tensors(tmp_path / "G.safetensors")
