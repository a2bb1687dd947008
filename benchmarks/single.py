"""One picture of each domain: a drawn landscape is to be painted as another one is, and it is known how.

    python benchmarks/single.py --out OUT [--rows gatys sincut] [--images 12000] [--seeds 0]

The painting is made by a rule, of short strokes in the colours below them, warmer and of more contrast, so that the
photo's true counterpart is known: the photo, painted by the same rule. `sincut` sees so many crops of the two
pictures. Typed again, the command goes on; OUT/table.md is the table and OUT/single.png shows photo, painting, what
each row makes of the photo, and the truth.
"""

from __future__ import annotations

import json

import numpy as np
from PIL import Image, ImageDraw

from background.landscapes import landscape
from seeds import Picture, command, found_before, tell, trained, translated
from unpaired.data.grid import preview_grid
from unpaired.evaluation.distances import kid
from unpaired.evaluation.features import LiteExtractor
from unpaired.presets import sincut
from unpaired.style.transfer import stylise

SIDE, CROP, STEP = 256, 64, 16
PHOTO, PAINTING = 7, 1
"""Numbers of two landscapes of like colours."""


def main() -> None:
    parser = command(__doc__, ["gatys", "sincut"])
    parser.add_argument("--images", type=int, default=12_000, help="crops of each picture seen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    photo, truth, painting = landscape(PHOTO, SIDE), painted(landscape(PHOTO, SIDE)), painted(landscape(PAINTING, SIDE))
    for name, picture in (("photo", photo), ("painting", painting)):
        Image.fromarray(picture).save(options.out / f"{name}.png")
    judge = Judge(truth)
    path = options.out / "results.json"
    results = found_before(path)
    results["do nothing"] = {"": judge(photo)}
    columns = {"photo": photo, "painting": painting}
    for row in options.rows:
        for seed in options.seeds if row == "sincut" else [0]:
            if row == "sincut":
                run = options.out / "runs" / f"{row}-{seed}"
                files = (options.out / "photo.png", options.out / "painting.png")
                trained(sincut(), *files, run, images=options.images, seed=seed)
                [made] = translated(run, "a2b", [photo])
            else:
                made = stylise(photo, [painting])
            results.setdefault(row, {})[str(seed)] = judge(made)
            columns.setdefault(row, made)
            path.write_text(json.dumps(results, indent=1))
    columns["truth"] = truth
    preview_grid([[picture] for picture in columns.values()], list(columns)).save(options.out / "single.png")
    tell(results, options.out)


def painted(picture: Picture) -> Picture:
    """(SIDE, SIDE, 3) in strokes of 4 to 9 px, always the same for the same picture."""
    rng = np.random.default_rng(0)
    large = Image.new("RGB", (2 * SIDE, 2 * SIDE), tuple(int(v) for v in picture.reshape(-1, 3).mean(0)))
    canvas = ImageDraw.Draw(large)
    for _ in range(SIDE * SIDE // 6):
        (x, y), angle, length = rng.uniform(0, SIDE, 2), rng.normal(0.6, 0.25), rng.uniform(4, 9)
        colour = ((picture[int(y), int(x)] - 128.0) * 1.3 + 110).clip(0, 255) * (1.1, 0.95, 0.75) + rng.normal(0, 14)
        dx, dy = length * np.cos(angle), length * np.sin(angle)
        ends = (2 * x - dx, 2 * y - dy, 2 * x + dx, 2 * y + dy)
        canvas.line(ends, tuple(int(v) for v in colour.clip(0, 255)), width=4)
    return np.array(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


class Judge:
    """How far a picture is from the true counterpart: in what its crops look like, and in its coarse colours."""

    def __init__(self, truth: Picture) -> None:
        self.truth, self.extractor = truth, LiteExtractor()
        self.reals = self.extractor(crops(truth))

    def __call__(self, made: Picture) -> dict[str, float]:
        apart = coarse(made) - coarse(self.truth)
        return {"KID of crops": kid(self.extractor(crops(made)), self.reals), "coarse L1": float(np.abs(apart).mean())}


def crops(picture: Picture) -> list[Picture]:
    """All of (CROP, CROP) at every STEP px."""
    places = range(0, SIDE - CROP + 1, STEP)
    return [picture[y : y + CROP, x : x + CROP] for y in places for x in places]


def coarse(picture: Picture) -> np.ndarray:
    """Means of 16×16 px."""
    return picture.reshape(SIDE // 16, 16, SIDE // 16, 16, 3).mean((1, 3))


if __name__ == "__main__":
    main()
