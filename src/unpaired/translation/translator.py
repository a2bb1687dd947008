"""A trained run as one callable: a picture in, its translation out.

    translator = Translator.load("runs/demo")
    translator("cat.png", "a2b").save("cat-in-3d.png")

Only the generator of the direction that is asked for is read and built, at its first use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from unpaired.compute.device import Precision, choose_channels_last, choose_device, choose_precision
from unpaired.config import DIRECTIONS, Config, Direction
from unpaired.data.tensors import to_float, to_uint8
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.networks import noisy, winograd
from unpaired.networks.attention import AttentionMap, AttentiveGenerator
from unpaired.networks.noise import DRAWS, redraw
from unpaired.translation import hub, kinds, pictures
from unpaired.translation.fit import Rows, fitted
from unpaired.translation.large import Large
from unpaired.translation.single import WEIGHTS
from unpaired.translation.sources import Generators, of_file, of_run
from unpaired.translation.tiles import Write

PIXELS_AT_ONCE = 8 * 256 * 256
"""Pixels of equally large pictures that go through the network together, at most (one picture always may)."""


class Translator:
    """Translates pictures of one domain into the other.

    Attributes:
        config: the configuration that the generators were trained with.
        directions: the directions that this translator knows.
        images_seen: how many images of each domain the generators were trained on.
        device: where it computes.
        draw: which of its noises a generator that has some takes.
        source: the run, checkpoint or file that it was loaded from.
    """

    def __init__(
        self, config: Config, generators: Mapping[Direction, Callable[[], nn.Module]], *,
        images_seen: int = 0, device: str = "auto", precision: Precision = "auto", max_memory: int | str | None = None,
        source: Path | None = None, draw: int = 0,
    ) -> None:  # fmt: skip
        """`generators` builds a direction's network, in evaluation mode, when called; see `load`."""
        if not 0 <= draw < DRAWS:
            raise UserError(f"draw {draw} is not from 0 to {DRAWS - 1}.")
        if draw and not noisy(config.generator):
            raise UserError(f"{source or 'This translator'} has no noise, so all draws are the same: leave out draw.")
        self.config = config
        self.draw = draw
        self.source = source
        self.directions: tuple[Direction, ...] = tuple(d for d in DIRECTIONS if d in generators)
        self.images_seen = images_seen
        self.device = choose_device(device)
        self._dtype = choose_precision(precision, self.device)
        self._exact = precision == "float32"
        self._channels_last = choose_channels_last(None, self.device, self._dtype)
        self._sources = dict(generators)
        self._built: dict[Direction, nn.Module] = {}
        self.large = Large(self.device, self._dtype, channels_last=self._channels_last, max_memory=max_memory)

    @classmethod
    def load(
        cls, path: str | Path, *, direction: Direction | None = None,
        checkpoint: Literal["best", "latest"] | None = None,
        device: str = "auto", precision: Precision = "auto", max_memory: int | str | None = None, draw: int = 0,
    ) -> Translator:  # fmt: skip
        """The translator of a run, of one checkpoint of it, or in a file that `unpaired export --safetensors` wrote.

        Args:
            path: a run's folder, a checkpoint's, a `.safetensors` file, or the folder of one that is published.
            direction: keep to this direction; it then need not be named again.
            checkpoint: which checkpoint of a run; by default the best where one was marked, else the latest.
            device: auto, cpu, cuda, cuda:N or mps.
            precision: auto takes bfloat16 where the hardware multiplies it, and else float32 with Winograd's
                convolution where that is faster; float32 is exact to 1e-5: torch's own convolutions, and slower.
            max_memory: bytes, or a text such as "3GB", that the process may have in memory: what would take more is
                translated a band of rows at a time, with the same result; by default most of what is free.
            draw: of a generator with noise, which noise: 0 to 999, each gives another translation.

        Raises:
            UserError: there is no such run or checkpoint, it is damaged or of a newer version, or has no noise to draw.
        """
        if checkpoint not in (None, "best", "latest"):
            raise UserError(f"checkpoint={checkpoint!r} is unknown: take 'best' or 'latest', or name its folder.")
        published = Path(path) / WEIGHTS
        path = published if published.is_file() else Path(path)
        config, sources, images = (of_file if path.is_file() else of_run)(path, checkpoint)
        if direction is not None and direction not in sources:
            others = f"take {' or '.join(sources)}"
            if direction not in METHODS[config.method].translators:
                others += ", or train with the two folders exchanged"
            raise UserError(f"{path} does not translate {direction}: {others}.")
        wanted: Generators = {way: source for way, source in sources.items() if direction in (None, way)}
        return cls(
            config, wanted, images_seen=images, device=device, precision=precision, max_memory=max_memory,
            source=path, draw=draw,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, direction: Direction | None = None, revision: str | None = None,
        token: str | None = None, device: str = "auto", precision: Precision = "auto",
        max_memory: int | str | None = None,
    ) -> Translator:  # fmt: skip
        """The translator that was published as `name` (owner/name) on the Hugging Face Hub, or saved in a folder.

        Raises `UserError` where there is none, the Hub can't be reached, or the extra `[hub]` is not installed.
        """
        path = hub.fetched(name, revision=revision, token=token)
        return cls.load(path, direction=direction, device=device, precision=precision, max_memory=max_memory)

    def save_pretrained(self, folder: str | Path, name: str = "", *, half: bool = False, licence: str = "") -> None:
        """Write what `push_to_hub` publishes into `folder`: translator.safetensors and README.md, a model card with
        counts, command and measures of the run; `name` (owner/name) is what the card calls it.
        """
        hub.save(self, Path(folder), name or Path(folder).name, half=half, licence=licence)

    def push_to_hub(
        self, name: str, *, half: bool = False, licence: str = "", private: bool = False, token: str | None = None
    ) -> str:
        """Publish on the Hugging Face Hub as `name` (owner/name), and return its address.

        `licence` is one of the Hub's identifiers, such as cc-by-4.0; without it the card asks for one. Raises
        `UserError` where the Hub refuses or can't be reached, or the extra `[hub]` is not installed.
        """
        return hub.push(self, name, half=half, licence=licence, private=private, token=token)

    @overload
    def __call__(self, picture: str | Path | Image.Image, direction: Direction | None = None) -> Image.Image: ...
    @overload
    def __call__(self, picture: NDArray[Any], direction: Direction | None = None) -> NDArray[Any]: ...
    @overload
    def __call__(self, picture: Tensor, direction: Direction | None = None) -> Tensor: ...

    def __call__(
        self, picture: str | Path | Image.Image | NDArray[Any] | Tensor, direction: Direction | None = None
    ) -> Image.Image | NDArray[Any] | Tensor:
        """Translate one picture at its own size, and give back the same kind of thing.

        Args:
            picture: a path or PIL image (gives a PIL image, upright; grey stays grey, transparency is kept);
                a numpy array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 in 0 to 255 or floating in
                0 to 1; or a floating tensor (C, H, W) or (N, C, H, W) in [-1, 1].
            direction: a2b or b2a; may be left out where the translator knows one direction only.

        Raises:
            UserError: the direction has to be named, or the picture is nothing that can be translated.
        """
        way = self.direction(direction)
        if isinstance(picture, Tensor):
            return kinds.of_tensor(self, picture, way)
        if isinstance(picture, np.ndarray):
            return kinds.of_array(self, picture, way)
        return kinds.of_picture(self, picture, way)

    def translate_arrays(
        self,
        arrays: Sequence[NDArray[np.uint8]],
        direction: Direction | None = None,
        *,
        batch: int | None = None,
    ) -> list[NDArray[np.uint8]]:
        """Translate (H, W, 3) uint8 pictures of any sizes; equal sizes go through the network together.

        `batch` pictures at most go together; by default as many as `PIXELS_AT_ONCE` allows. What a picture
        becomes does not depend on the others, up to the rounding of sums (one step of 255 at most).
        """
        way = self.direction(direction)
        sizes: dict[tuple[int, ...], list[int]] = {}
        for index, array in enumerate(arrays):
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
                raise UserError(f"translate_arrays takes (H, W, 3) uint8 arrays, not {array.shape} {array.dtype}.")
            sizes.setdefault(array.shape, []).append(index)
        results: dict[int, NDArray[np.uint8]] = {}
        for (height, width, _), indices in sizes.items():
            if not self.fits(height, width, way):
                results.update((i, self._in_bands(arrays[i], way)) for i in indices)
                continue
            together = self.at_once(height, width, batch)
            for start in range(0, len(indices), together):
                chosen = indices[start : start + together]
                stacked = torch.from_numpy(np.stack([arrays[i] for i in chosen])).permute(0, 3, 1, 2)
                made = to_uint8(self.translate(to_float(stacked.to(self.device)), way))
                made = made.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
                results.update(zip(chosen, made, strict=True))
        return [results[i] for i in range(len(arrays))]

    @torch.inference_mode()
    def translate(self, x: Tensor, direction: Direction | None = None) -> Tensor:
        """(N, C, H, W) in [-1, 1] → (N, C', H, W) in [-1, 1] on the translator's device.

        C is 1 or 3 and is brought to what the generator takes; C' is what the generator gives.
        """
        way = self.direction(direction)
        height, width = x.shape[-2:]
        share = self._share(height, width, way)
        if share > 1:
            y = x.new_empty(len(x), self.config.channels(way)[1], height, width, dtype=torch.float32)
            for one, made in zip(x.split(1), y.split(1), strict=True):

                def read(first: int, end: int, one: Tensor = one) -> Tensor:
                    return one[:, :, first:end]

                def write(first: int, rows: Tensor, made: Tensor = made) -> None:
                    made[:, :, first : first + rows.shape[2]] = rows

                self.translate_rows(read, write, height, width, way)
            return y.to(self.device)
        x = pictures.with_channels(x.to(self.device, torch.float32), self.config.channels(way)[0])
        if self._channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        generator = self.generator(way)
        with (
            self.large.turn(share * len(x)),
            torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._dtype == torch.bfloat16),
        ):
            return fitted(generator, x).float().clamp(-1, 1)  # a residual generator goes a little beyond

    @torch.inference_mode()
    def translate_rows(
        self, read: Rows, write: Write, height: int, width: int, direction: Direction | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        """Translate a (height, width) picture of any size a band of rows at a time, as exactly as `translate` does.

        Args:
            read: rows [first, end) as float (1, C, end - first, width) in [-1, 1], C 1 or 3 or what the generator
                takes; called several times for each row.
            write: takes a first row and float (1, C', rows, width) in [-1, 1]; called from the top to the bottom.
            progress: called with the share of the work that is done.
        """
        way = self.direction(direction)
        channels = self.config.channels(way)[0]

        def converted(first: int, end: int) -> Tensor:
            return pictures.with_channels(read(first, end).to(self.device, torch.float32), channels)

        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            self.large.run(self.generator(way), channels, converted, write, height, width, progress)

    def fits(self, height: int, width: int, direction: Direction) -> bool:
        """Whether a picture goes through the network whole within the memory that may be taken."""
        return self._share(height, width, direction) <= 1

    def _share(self, height: int, width: int, direction: Direction) -> float:
        return self.large.share(self.generator(direction), self.config.channels(direction)[0], height, width)

    def _in_bands(self, array: NDArray[np.uint8], way: Direction) -> NDArray[np.uint8]:
        """A (H, W, 3) uint8 picture that does not fit whole."""
        result = np.empty_like(array)

        def read(first: int, end: int) -> Tensor:
            return to_float(torch.from_numpy(array[first:end]).permute(2, 0, 1)[None])

        def write(first: int, rows: Tensor) -> None:
            rows = to_uint8(rows).expand(-1, 3, -1, -1)[0].permute(1, 2, 0)
            result[first : first + len(rows)] = rows.cpu().numpy()

        self.translate_rows(read, write, array.shape[0], array.shape[1], way)
        return result

    def attention(self, direction: Direction | None = None) -> Translator:
        """A translator that gives, in place of a translation, where it comes from: a grey picture, black where the
        input is left as it is and white where all is painted anew.

        Raises `UserError` where the generator learnt no attention.
        """
        way = self.direction(direction)
        if not self.config.generator.attention:
            raise UserError(
                f"{self.source or 'This translator'} learnt no attention: train with --generator.attention."
            )
        generator, data = self.generator(way), self.config.data
        assert isinstance(generator, AttentiveGenerator)
        data = (
            replace(data, channels_b=1, range_b=(), dtype_b=None) if way == "a2b"
            else replace(data, channels_a=1, range_a=(), dtype_a=None)
        )  # fmt: skip
        return Translator(
            replace(self.config, data=data), {way: lambda: AttentionMap(generator)}, images_seen=self.images_seen,
            device=str(self.device), max_memory=self.large.max_memory, source=self.source, draw=self.draw,
            precision="float32" if self._exact else "bfloat16" if self._dtype == torch.bfloat16 else "auto",
        )  # fmt: skip

    def direction(self, direction: Direction | None = None) -> Direction:
        """The direction that is meant. Raises `UserError` where it is unknown, or left out and not clear."""
        if direction is None:
            if len(self.directions) == 1:
                return self.directions[0]
            raise UserError(f"This translator knows the directions {' and '.join(self.directions)}: name one of them.")
        if direction not in self.directions:
            raise UserError(f"Direction {direction!r} is not known here: take {' or '.join(self.directions)}.")
        return direction

    def at_once(self, height: int, width: int, batch: int | None = None) -> int:
        """How many pictures of that size go through the network together: `batch`, if given."""
        if batch is not None:
            if batch < 1:
                raise UserError(f"batch {batch} is not at least 1.")
            return batch
        return max(1, PIXELS_AT_ONCE // (height * width))

    def fingerprint(self, direction: Direction | None = None) -> str:
        """SHA-256 of what decides a translation: the generator and its weights, the number format, the background."""
        way = self.direction(direction)
        number_format = (self._dtype, "exact") if self._exact else self._dtype
        hashed = hashlib.sha256(repr((self.config.generator, self.config.data.background, number_format)).encode())
        for name, tensor in self.generator(way).state_dict().items():
            hashed.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            hashed.update(tensor.contiguous().reshape(-1).view(torch.uint8).cpu().numpy())
        if self.draw:
            hashed.update(f"draw {self.draw}".encode())
        return hashed.hexdigest()

    def gives_grey(self, direction: Direction, grey: bool) -> bool:
        """Whether the translation of a picture is grey, where `grey` says that the picture is.

        Grey stays grey, but a generator that was trained to colour grey pictures gives colour.
        """
        inputs, outputs = self.config.channels(direction)
        return outputs == 1 or (grey and inputs == 3)

    def generator(self, direction: Direction | None = None) -> nn.Module:
        """The network that translates in `direction`, in evaluation mode on the translator's device:
        (N, C, H, W) → (N, C', H, W) in [-1, 1], H and W multiples of its `multiple`.
        """
        way = self.direction(direction)
        if way not in self._built:
            network = self._sources[way]().to(self.device)
            redraw(network, self.draw)
            network = winograd.without(network) if self._exact else network
            if self._channels_last:
                network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self._built[way] = network
        return self._built[way]
