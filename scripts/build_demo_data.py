"""Build the demo's pictures: flat ↔ 3D drawings, never the same glyph in both training domains.

    python scripts/build_demo_data.py [TWEMOJI.tgz FLUENT.tgz] [--sheet SHEET.png]

The two arguments are the packages `emoji-datasource-twitter@16.0.0` (Twemoji, CC-BY 4.0, domain A) and
`@lobehub/fluent-emoji-3d@1.1.0` (Microsoft Fluent Emoji, MIT, domain B); without them they are fetched with
`npm pack`. The result is `src/unpaired/data/demo/emoji.zip` and its checksum `emoji.sha256`. The same
packages and the same Pillow give the same bytes.

What was seen in the pictures, and what is done about it:

* Twemoji fills its 64 px from edge to edge. Fluent leaves a margin of 16 px around 224 px of 256. Left alone,
  the translators would mostly learn to shrink and grow; so Fluent is cut to its inner 224 px before it is
  made smaller (or to whatever its content needs, where that is more), and both fill the square.
* The country flags of the second package are not by Microsoft (who publish none) but waving flat flags of
  another design: not 3D, and of an origin that is not stated. They are left out, as are those of parts of
  countries.
* To stay below 6 MB, colours of both domains keep 7 of their 8 bits (never off by more than 1 of 255).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from PIL import Image

PACKAGES = ("emoji-datasource-twitter@16.0.0", "@lobehub/fluent-emoji-3d@1.1.0")
DEMO = Path(__file__).resolve().parent.parent / "src" / "unpaired" / "data" / "demo"
SIDE = 64
INNER = 224
NOT_FLUENT = {"country-flag", "subdivision-flag"}
LIMIT = 6_000_000
SPLITS = ("testA", "testB", "trainA", "trainB")


def members(package: Path) -> dict[str, bytes]:
    """Every file of an npm package, by its path inside it."""
    with tarfile.open(package) as tar:
        files = {m.name.removeprefix("package/"): tar.extractfile(m) for m in tar if m.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def join(twemoji: dict[str, bytes], fluent: dict[str, bytes]) -> list[dict[str, Any]]:
    """The glyphs drawn in both designs: `name`, `category`, `flat` and `solid` (the files' bytes)."""
    glyphs: list[dict[str, Any]] = []
    for entry in json.loads(twemoji["emoji.json"]):
        unified = entry["unified"].lower()
        spellings = (unified, (entry["non_qualified"] or "").lower(), unified.replace("-fe0f", ""))
        found = [fluent[f"assets/{s}.webp"] for s in spellings if f"assets/{s}.webp" in fluent]
        flat = twemoji.get(f"img/twitter/64/{entry['image']}")
        if found and flat is not None and entry["subcategory"] not in NOT_FLUENT:
            glyphs.append({"name": unified, "category": entry["category"], "flat": flat, "solid": found[0]})
    return glyphs


def split(glyphs: list[dict[str, Any]]) -> dict[str, str]:
    """Name → "test", "trainA" or "trainB": 1/5, 2/5, 2/5 of every category, in an order fixed by hashes."""
    categories: defaultdict[str, list[str]] = defaultdict(list)
    for glyph in glyphs:
        categories[glyph["category"]].append(glyph["name"])
    parts: dict[str, str] = {}
    for names in categories.values():
        names.sort(key=lambda name: hashlib.sha256(f"unpaired demo {name}".encode()).digest())
        tests = round(len(names) / 5)
        for position, name in enumerate(names):
            parts[name] = "test" if position < tests else ("trainA", "trainB")[(position - tests) % 2]
    return parts


def flat_picture(data: bytes) -> Image.Image:
    """Twemoji: RGBA, SIDE × SIDE, as it is."""
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    assert picture.size == (SIDE, SIDE), picture.size
    return picture


def solid_picture(data: bytes) -> Image.Image:
    """Fluent: RGBA, cut around the centre to its content (at least INNER px), then made smaller."""
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    whole = max(picture.size)
    canvas = Image.new("RGBA", (whole, whole))
    canvas.paste(picture, ((whole - picture.width) // 2, (whole - picture.height) // 2))
    left, top, right, bottom = canvas.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox()  # type: ignore[operator]
    middle = whole / 2
    half = max(INNER / 2, middle - left, middle - top, right - middle, bottom - middle)
    box = (middle - half, middle - half, middle + half, middle + half)
    return canvas.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)  # premultiplied by Pillow


def encode(picture: Image.Image) -> bytes:
    """Lossless WebP of 7-bit colours (black stays 0, white 255) and of the alpha as it is.

    Method 6 would save 2 % more in twenty times the time.
    """
    seven_bits = [x >> 1 << 1 | x >> 7 for x in range(256)]
    *colours, alpha = picture.split()
    picture = Image.merge("RGBA", [*(band.point(seven_bits) for band in colours), alpha])
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=100, method=4, exact=False)
    return buffer.getvalue()


def pack(files: dict[str, bytes]) -> bytes:
    """A zip with sorted names, fixed times and no compression (pictures are): the same bytes always."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(2024, 1, 1, 0, 0, 0))
            info.external_attr, info.create_system = 0o100644 << 16, 3
            archive.writestr(info, files[name])
    return buffer.getvalue()


def sheet(pairs: list[tuple[Image.Image, Image.Image]], columns: int = 8) -> Image.Image:
    """Pairs side by side on white, for a person to look at."""
    cell = 2 * SIDE + 12
    page = Image.new("RGB", (columns * cell, -(-len(pairs) // columns) * (SIDE + 8)), "white")
    for i, (flat, solid) in enumerate(pairs):
        x, y = (i % columns) * cell + 4, (i // columns) * (SIDE + 8) + 4
        page.paste(flat, (x, y), flat)
        page.paste(solid, (x + SIDE + 2, y), solid)
    return page


def build(twemoji: Path, fluent: Path, sheet_path: Path | None) -> None:
    glyphs = join(members(twemoji), members(fluent))
    parts = split(glyphs)
    files: dict[str, bytes] = {}
    pairs: list[tuple[Image.Image, Image.Image]] = []
    for glyph in glyphs:
        part, name = parts[glyph["name"]], f"{glyph['name']}.webp"
        flat, solid = flat_picture(glyph["flat"]), solid_picture(glyph["solid"])
        if part in ("test", "trainA"):
            files[f"{part.removesuffix('A')}A/{name}"] = encode(flat)
        if part in ("test", "trainB"):
            files[f"{part.removesuffix('B')}B/{name}"] = encode(solid)
        pairs.append((flat, solid))
    archive = pack(files)
    if len(archive) > LIMIT:
        raise SystemExit(f"The archive has {len(archive):,} bytes, more than {LIMIT:,}.")
    (DEMO / "emoji.zip").write_bytes(archive)
    (DEMO / "emoji.sha256").write_text(hashlib.sha256(archive).hexdigest() + "\n")
    for folder in SPLITS:
        sizes = [len(data) for name, data in files.items() if name.startswith(f"{folder}/")]
        print(f"{folder}: {len(sizes)} pictures, {sum(sizes):,} bytes")
    print(f"{len(glyphs)} glyphs, {len(archive):,} bytes")
    if sheet_path is not None:
        sheet(pairs[:: max(1, len(pairs) // 48)][:48]).save(sheet_path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", type=Path, metavar="PACKAGE.tgz", help="Twemoji, then Fluent")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet of pairs")
    arguments = parser.parse_args()
    if len(arguments.packages) == 2:
        build(*arguments.packages, arguments.sheet)
    elif not arguments.packages:
        with tempfile.TemporaryDirectory() as folder:
            names = [
                subprocess.run(
                    ["npm", "pack", "--silent", package],
                    cwd=folder,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.strip()
                for package in PACKAGES
            ]
            build(Path(folder, names[0]), Path(folder, names[1]), arguments.sheet)
    else:
        parser.error("give both packages or none")


if __name__ == "__main__":
    main()
