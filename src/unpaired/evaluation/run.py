"""Measure a trained run on two folders of held-out pictures: what `unpaired evaluate` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from unpaired.config import Config, Direction, Domain, Layout
from unpaired.data.decode import decode, resized
from unpaired.data.discover import discover, find_test_domains
from unpaired.data.layout import cut, pairs_by_name, part_of
from unpaired.errors import UserError
from unpaired.evaluation import measure
from unpaired.evaluation.features import FeatureExtractor, LiteExtractor, Picture
from unpaired.evaluation.measure import Evaluation, Translate
from unpaired.evaluation.measures import MEASURES, LabelAgreement, Measure
from unpaired.networks import efficientnet, needs_eyes
from unpaired.translation.translator import Translator


def evaluate(
    run: str | Path | Translator,
    dir_a: str | Path,
    dir_b: str | Path | None = None,
    *,
    paired: bool = False,
    labels: Literal["a", "b"] | None = None,
    limit: int | None = None,
    extractor: FeatureExtractor | None = None,
    measures: Sequence[Measure] = MEASURES,
    device: str = "auto",
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure both directions of a run beside "do nothing" and the floor.

    Every picture is resized to the side that the networks were trained on (`config.data.crop`), square, with
    Pillow's bicubic filter, before it is translated and compared: as the CycleGAN paper evaluates.

    Args:
        run: a run's folder or a loaded translator.
        dir_a, dir_b: folders of pictures that were not trained on; or one that holds testA and testB; or one that
            holds both domains as the training folder did (`config.data.layout`): its files are pairs.
        paired: files of one name (whatever their ending) in both folders show the same: compare them.
        labels: the domain that is Cityscapes label maps, to score translations into it; needs `paired`.
        limit: at most so many pictures of each domain, the first by name.
        extractor: what distances look through; EfficientNet-Lite0 if not given.
        measures: which ones.
        device: auto, cpu, cuda, cuda:N or mps.
        tell: is told what is being done, for a progress display.

    Raises:
        UserError: no run, no pictures, no two names that match, or a discriminator with the extractor's eyes.
    """
    translator = run if isinstance(run, Translator) else Translator.load(run, device=device)
    # Two folders are two folders, however the pictures lay in training.
    layout = translator.config.data.layout if dir_b is None else "folders"
    config = replace(translator.config, data=replace(translator.config.data, layout=layout))
    paired = paired or layout != "folders"
    folder_a, folder_b = _folders(Path(dir_a), None if dir_b is None else Path(dir_b), layout)
    files_a, files_b = discover(folder_a).files[:limit], discover(folder_b).files[:limit]
    pairs = _pairs(folder_a, files_a, folder_b, files_b) if paired else []
    tell(f"reading {len(files_a)} and {len(files_b)} pictures")
    a = [read(path, config, config.data.channels_a) for path in files_a]
    b = [read(path, config, config.data.channels_b, domain="b") for path in files_b]
    if labels is not None:
        if not paired:
            raise UserError("Label scores compare with the true label maps: say that the names match (--paired).")
        files, channels = (files_a, config.data.channels_a) if labels == "a" else (files_b, config.data.channels_b)
        maps = [read(path, config, channels, Image.Resampling.NEAREST, domain=labels) for path in files]
        measures = [*measures, LabelAgreement(maps, "b2a" if labels == "a" else "a2b")]
    if extractor is None:
        batch = 64 if translator.device.type == "cuda" else 4
        extractor = LiteExtractor(device=translator.device, batch=batch)
    return measure.evaluate(
        {direction: _translate(translator, direction) for direction in translator.directions},
        a, b, pairs=pairs, extractor=extractor, networks_seen=networks_seen(config),
        measures=measures, tell=tell,
    )  # fmt: skip


def networks_seen(config: Config) -> set[str]:
    """Identities of the networks that the discriminators of a run looked through."""
    return {efficientnet.identity("lite1")} if needs_eyes(config.discriminator) else set()


def read(
    path: Path,
    config: Config,
    channels: int = 3,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
    *,
    domain: Domain = "a",
) -> Picture:
    """A file as it is measured: (crop, crop, 3), grey where the domain is, over the run's background."""
    side = config.data.crop
    array = decode(path, background=config.data.background, channels=channels)
    array = cut(array, part_of(config.data.layout, domain))
    # A grey picture stands in all three channels.
    return np.repeat(resized(array, side, side, resampling), 3 // channels, axis=2)


def _translate(translator: Translator, direction: Direction) -> Translate:
    return lambda pictures: translator.translate_arrays(pictures, direction)


def _folders(dir_a: Path, dir_b: Path | None, layout: Layout) -> tuple[Path, Path]:
    if dir_b is not None:
        return dir_a, dir_b
    if layout != "folders":
        return dir_a, dir_a
    found = find_test_domains(dir_a)
    if found is None:
        raise UserError(f"{dir_a} holds no testA and testB: give two folders of pictures, one for each domain.")
    return found


def _pairs(folder_a: Path, files_a: Sequence[Path], folder_b: Path, files_b: Sequence[Path]) -> list[tuple[int, int]]:
    """Indices of files whose paths inside their folders match. Raises `UserError` where none do."""
    pairs = pairs_by_name(folder_a, files_a, folder_b, files_b)
    if not pairs:
        raise UserError(f"No file in {folder_a} has the name of one in {folder_b}: leave out --paired.")
    return pairs
