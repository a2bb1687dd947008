"""What a bake-off was begun with, so that it goes on with the same and nothing else; and its pictures."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.data import split
from unpaired.data.discover import discover
from unpaired.data.files import not_written, write_json
from unpaired.errors import UserError
from unpaired.run.record import Folders
from unpaired.text import counted
from unpaired.training.run import find_folders
from unpaired.training.start import FREE, check_new

NOTE = "begun.json"
HELD_OUT = 0.1
"""Share of each folder that is kept for measuring where there are no test folders."""
MOST_HELD_OUT = 200


def begin(out: Path, found: Folders, config: Config, preset: str | None) -> None:
    """Note in OUT what a new bake-off is begun with; or see that one that is there was begun with the same.

    Raises `UserError` where it was begun with something else, and where OUT holds something else.
    """
    folders = [str(folder) for folder in dict.fromkeys((found.a, found.b))]
    now: dict[str, Any] = {"folders": folders, "preset": preset, "config": to_dict(config)}
    now = json.loads(json.dumps(now))  # as it will be read
    if not (out / NOTE).is_file():
        check_new(out, found)
        _links(found, config)
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_json(out / NOTE, now)
        except OSError as error:
            raise not_written(out, error) from error
        return
    try:
        begun = json.loads((out / NOTE).read_text(encoding="utf-8"))
        said = list(zip(*_differences(begun, now), strict=True))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{out / NOTE} is damaged: restore it, or name another --out.") from error
    if said:
        before, after = (" ".join(words) for words in said)
        raise UserError(
            f"The bake-off in {out} was begun with {before}, not with {after}: give that again to go on with it, or "
            "name another --out."
        )


def _differences(begun: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What differs, as it would be typed then and now: what the preset sets is told by its name."""
    if begun["folders"] != now["folders"]:
        yield shlex.join(begun["folders"]), shlex.join(now["folders"])
    renamed = begun["preset"] != now["preset"]
    if renamed:
        yield f"--preset {begun['preset']}", f"--preset {now['preset']}"
    for group, values in now["config"].items():
        for name, value in values.items() if isinstance(values, dict) else ():
            typed, before = option(name, group), begun["config"][group][name]
            own = typed in ("--seed", "--layout")
            if before != value and typed not in FREE and (own or not renamed):
                yield f"{typed} {_words(before)}", f"{typed} {_words(value)}"


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def held_out(folders: Folders, home: Path, config: Config) -> Folders:
    """The same folders where they have test folders; else folders of links in `home` to a part to train on and a
    part to measure with. Links that are there already have to be those: a picture that was trained on must not be
    measured with later.
    """
    links = _links(folders, config)
    if not links:
        return folders
    if not home.exists():
        made = home.with_name(f".{secrets.token_hex(8)}.part")
        for place, path in links.items():
            _link(path, made / place)
        made.rename(home)
    there = {path.relative_to(home) for part in home.iterdir() for path in discover(part).files}
    if there != {*links}:
        raise UserError(
            f"The pictures in {folders.a} and {folders.b} are not those that the bake-off in {home.parent} was begun "
            "with: put them back, or name another --out."
        )
    return find_folders(home, None)


def _links(folders: Folders, config: Config) -> dict[Path, Path]:
    """Which picture is to stand where: trainA/…, testA/…, trainB/…, testB/…; none where there are test folders.

    Raises `UserError` where too few pictures are there to measure with.
    """
    tests = [folder for folder in (folders.test_a, folders.test_b) if folder]
    for folder in tests:
        if (count := len(discover(folder).files)) < split.MINIMUM:
            raise UserError(
                f"{folder} holds {counted(count, 'picture')}, and a bake-off measures with at least {split.MINIMUM}: "
                "put more there, or take it away, so that some of the others are kept for measuring."
            )
    if tests:
        return {}
    if config.data.layout != "folders":
        raise UserError(
            f"A bake-off with --layout {config.data.layout} needs the folders train and test in {folders.a}."
        )
    files = {folder: discover(folder).files for folder in (folders.a, folders.b)}
    for folder, found in files.items():
        if len(found) < 2 * split.MINIMUM:
            raise UserError(
                f"{folder} holds {counted(len(found), 'picture')}: a bake-off needs at least {2 * split.MINIMUM} in "
                f"each, of which {split.MINIMUM} are kept for measuring; or give test folders."
            )
    (folder_a, files_a), (folder_b, files_b) = files.items()
    count = min(MOST_HELD_OUT, max(split.MINIMUM, round(HELD_OUT * min(len(files_a), len(files_b)))))
    chosen = split.held_out(folder_a, files_a, folder_b, files_b, count)
    return {
        Path(f"{'test' if index in kept else 'train'}{domain}") / path.relative_to(folder): path
        for domain, (folder, found), kept in zip("AB", files.items(), chosen, strict=True)
        for index, path in enumerate(found)
    }


def _link(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.symlink(path.resolve(), place)
    except OSError:  # where links need a permission
        shutil.copyfile(path, place)
