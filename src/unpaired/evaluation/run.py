"""Measure a trained run on two folders of held-out pictures: what `unpaired evaluate` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from unpaired.config import Config, Direction, Domain, Layout
from unpaired.data.decode import decode, framed
from unpaired.data.discover import discover, is_broken
from unpaired.data.domain import pages
from unpaired.data.files import default_cache_dir
from unpaired.data.layout import cut, find_test_domains, pairs_by_name, part_of
from unpaired.data.scale import scale_of
from unpaired.data.show import visible
from unpaired.errors import UserError, reason
from unpaired.evaluation import measure
from unpaired.evaluation.collection import Collection, Show
from unpaired.evaluation.evidence import LabelMaps, Measure, Way
from unpaired.evaluation.features import FeatureExtractor, LiteExtractor, refuse_flattered
from unpaired.evaluation.labels import CITYSCAPES, VOID, Colour, check_colours
from unpaired.evaluation.measure import Translate
from unpaired.evaluation.measures import MEASURES, chosen
from unpaired.evaluation.pictures import Picture, read_all
from unpaired.evaluation.result import Evaluation
from unpaired.evaluation.segmentation import Segmenter
from unpaired.methods import METHODS
from unpaired.translation.translator import Translator
from unpaired.translation.values import through

STRETCHED = 64
"""Real pictures that say between which values a domain is shown."""
ROUNDED = 0.03
"""Difference of shapes that may come from sizes in whole px."""
Palette = tuple[dict[str, Colour], Colour | None]
"""Colours of the classes by name, and of void if there is one."""


def evaluate(
    run: str | Path | Translator,
    dir_a: str | Path,
    dir_b: str | Path | None = None,
    *,
    paired: bool = False,
    measures: Sequence[str | Measure] | None = None,
    labels: Domain | None = None,
    palette: Palette = (CITYSCAPES, VOID),
    segmenter: Segmenter | None = None,
    limit: int | None = None,
    extractor: FeatureExtractor | None = None,
    device: str = "auto",
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure both directions of a run beside "do nothing" and the floor.

    Every picture is resized to the side that the networks were trained on (`config.data.crop`), square, with
    Pillow's bicubic filter, before it is translated and compared: as the CycleGAN paper evaluates. (Of runs that did
    not resize, the middle of that side is.) One that can't be read is left out and named in the result (`unreadable`).
    Pictures and their features wait on disk, so memory does not grow with them.

    Args:
        run: a run's folder or a loaded translator.
        dir_a: a folder of pictures of domain A that were not trained on; or, without `dir_b`, one that holds testA and
            testB, or both domains as the training folder did (`config.data.layout`): its files are pairs.
        dir_b: the same of domain B.
        paired: files of one name (whatever their ending) in both folders show the same: compare them.
        measures: names or measures of your own; all that the data allows if not given.
        labels: the domain that is colour label maps, to score translations into it (needs `paired`) and out of it
            (needs `segmenter`).
        palette: the colours of the label maps; those of Cityscapes if not given.
        segmenter: finds the classes of the palette in photos, for the FCN score.
        limit: at most so many pictures of each domain, the first by name.
        extractor: what distances look through; EfficientNet-Lite0 if not given.
        device: auto, cpu, cuda, cuda:N or mps.
        tell: is told what is being done, for a progress display.

    Raises:
        UserError: no run, no pictures, no two names that match, no such measure, label maps of another palette, or a
            discriminator with the extractor's eyes.
    """
    if measures is None:
        given = {"labels": labels is not None, "fcn": segmenter is not None}
        measures = [name for name in MEASURES if given.get(name, True)]
    wanted = chosen(measures)  # before minutes go by
    translator = run if isinstance(run, Translator) else Translator.load(run, device=device)
    # Two folders are two folders, however the pictures lay in training.
    layout = translator.config.data.layout if dir_b is None else "folders"
    config = replace(translator.config, data=replace(translator.config.data, layout=layout))
    paired = paired or layout != "folders"
    if segmenter is not None and labels is None:
        raise UserError("An FCN score compares with label maps: say with --labels which domain they are.")
    if segmenter is not None and list(segmenter.classes) != list(palette[0]):
        raise UserError(f"{segmenter.name} knows other classes than the palette: give its own (--palette).")
    if labels is not None and not paired and segmenter is None:
        raise UserError("Label scores compare with the true label maps: say that the names match (--paired).")
    if extractor is None:
        batch = 64 if translator.device.type == "cuda" else 4
        extractor = LiteExtractor(device=translator.device, batch=batch)
    refuse_flattered(extractor, networks_seen(config))
    unreadable: list[tuple[Path, str]] = []
    folder_a, folder_b = _folders(Path(dir_a), None if dir_b is None else Path(dir_b), layout)
    files_a, files_b = _files(folder_a, limit, unreadable), _files(folder_b, limit, unreadable)
    tell(f"reading {len(files_a)} and {len(files_b)} pictures")
    see_a, see_b = (partial(_read, config=config, domain=domain) for domain in ("a", "b"))
    files_a, a = read_all(files_a, see_a, unreadable)
    files_b, b = read_all(files_b, see_b, unreadable)
    pairs = _pairs(folder_a, files_a, folder_b, files_b) if paired else []
    if layout == "folders":
        one_shape([(files_a[i], files_b[j]) for i, j in pairs])
    known = None
    if labels is not None:
        see = partial(_read, config=config, domain=labels, resampling=Image.Resampling.NEAREST)
        maps = read_all(files_a if labels == "a" else files_b, see, unreadable)[1]
        check_colours(maps, *palette)
        known = LabelMaps(labels, maps, *palette)
        if segmenter is not None:
            segmenter((b if labels == "a" else a)[:1])  # says at once where it takes no such pictures
    shown = showing(config, {"a": a, "b": b})
    home = default_cache_dir() / "features"
    result = measure.evaluate(
        {direction: _translate(translator, direction) for direction in translator.directions},
        Collection(a, extractor, show=shown.get("a"), home=home),
        Collection(b, extractor, show=shown.get("b"), home=home),
        pairs=pairs, networks_seen=networks_seen(config), measures=wanted, labels=known, segmenter=segmenter,
        ways={} if shown else {direction: _way(translator, direction) for direction in translator.directions},
        tell=tell,
    )  # fmt: skip
    return replace(result, unreadable=[(str(path), why) for path, why in unreadable])


def networks_seen(config: Config) -> set[str]:
    """Identities of the networks that the losses of a run looked through."""
    return METHODS[config.method].networks_seen(config)


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
    return np.repeat(framed(array, side, config.data.resize, resampling), 3 // channels, axis=2)


def showing(config: Config, pictures: Mapping[Domain, Sequence[NDArray[Any]]]) -> dict[Domain, Show]:
    """How pictures of the domains that are not 8-bit colours become such, all of a domain in the same way."""
    return {
        domain: partial(visible, like=list(reals[:STRETCHED]))
        for domain, reals in pictures.items()
        if scale_of(config.data, domain) is not None
    }


def read_pages(
    path: Path,
    config: Config,
    domain: Domain,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
    *,
    most: int | None = None,
) -> list[NDArray[Any]]:
    """The pages of a file, `most` at most, as they are translated: (crop, crop, C); 8-bit ones as `read` gives them."""
    found = pages(path, config.data, domain, most=most, resampling=resampling)
    return [np.repeat(p, 3, axis=2) if p.dtype == np.uint8 and p.shape[2] == 1 else p for p in found]


def _read(
    path: Path, config: Config, domain: Domain, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> list[NDArray[Any]]:
    try:
        return read_pages(path, config, domain, resampling)
    except UserError as error:
        raise UserError(reason(error, path)) from error


def _files(folder: Path, limit: int | None, unreadable: list[tuple[Path, str]]) -> list[Path]:
    """The pictures of a folder; those that only call themselves pictures are added to `unreadable`."""
    found = discover(folder)
    unreadable += [(path, why) for path, why in found.skipped if is_broken(path, why)]
    return list(found.files[:limit])


def _way(translator: Translator, direction: Direction) -> Way:
    return lambda x: translator.translate(x, direction).expand(-1, 3, -1, -1)


def _translate(translator: Translator, direction: Direction) -> Translate:
    return lambda pictures: through(translator, pictures, direction)


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


def one_shape(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Raise `UserError` where the pictures of a pair have other shapes: squared, they would not lie on each other.

    Of one shape and other sizes they do. Files that Pillow does not know are taken as they are.
    """
    for one, other in pairs:
        sizes = [_size(path) for path in (one, other)]
        (w, h), (v, k) = (size or (1, 1) for size in sizes)
        if None not in sizes and abs(w * k - v * h) > ROUNDED * w * k:
            raise UserError(
                f"{one} has {w}×{h} px and {other}, its pair, {v}×{k} px: what is compared pixel by pixel needs one "
                "shape, so cut them alike, or leave out --paired."
            )


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of an upright picture, from the head of its file alone; None where it is no such file."""
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            return (image.height, image.width) if turned else image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
