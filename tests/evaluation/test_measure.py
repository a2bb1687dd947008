"""Measures with their yardsticks, on pictures where the right answer is known."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.evidence import LabelMaps, mean
from unpaired.evaluation.labels import CITYSCAPES
from unpaired.evaluation.measure import Translate
from unpaired.evaluation.measure import evaluate as measured
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.measures.cycle import ONE_WAY
from unpaired.evaluation.result import Evaluation
from unpaired.evaluation.shelf import Shelf
from unpaired.text import number

Pictures = list[NDArray[np.uint8]]


class Tiny:
    """Coarse pixels as features: an extractor that costs nothing."""

    name, network, dimension = "tiny", "tiny", 48

    def __call__(self, pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([p[::8, ::8].reshape(-1)[:48] / 64 for p in pictures], np.float32)


def evaluate(translate: dict[Direction, Translate], a: Pictures, b: Pictures, **options: Any) -> Evaluation:
    eyes = options.pop("extractor", Tiny())
    return measured(translate, Collection(a, eyes), Collection(b, eyes), **options)


def _domain(seed: int, count: int = 40, side: int = 32) -> Pictures:
    coarse = np.random.default_rng(seed).integers(0, 128, (count, side // 4, side // 4, 3))
    return list(coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8))


def _invert(pictures: Sequence[NDArray[np.uint8]]) -> Pictures:
    return [255 - p for p in pictures]


def _nothing(pictures: Sequence[NDArray[np.uint8]]) -> Pictures:
    return list(pictures)


@pytest.fixture(scope="module")
def perfect() -> Evaluation:
    """B is A inverted, other pictures of it: inverting is the perfect translation."""
    a, b = _domain(0), _invert(_domain(1))
    b[:10] = _invert(a[5:15])
    return evaluate({"a2b": _invert, "b2a": _invert}, a, b, pairs=[(i + 5, i) for i in range(10)])


def test_the_perfect_translator_is_at_the_floor(perfect: Evaluation) -> None:
    for scores in perfect.directions.values():
        for name in ("KID (tiny)", "Fréchet distance (tiny)", "sliced Wasserstein ×1000"):
            score = scores.measures[name]
            assert score.floor is not None
            assert score.do_nothing is not None
        kid = scores.measures["KID (tiny)"]
        assert abs(kid.translator) < 0.1 * (kid.do_nothing or 0)
        assert abs(kid.floor or 0) < 0.1 * (kid.do_nothing or 0)
        assert kid.spread is not None
        assert kid.spread > 0
        assert scores.measures["L1 to true pairs"].translator == 0
        assert scores.measures["PSNR to true pairs (dB)"].translator == 100
        assert scores.measures["SSIM to true pairs"].translator == pytest.approx(1)
        assert (scores.measures["SSIM to true pairs"].do_nothing or 0) < 0.5
        assert scores.measures["L1 there and back"].translator == 0
        assert (scores.inputs, scores.reals, scores.pairs) == (40, 40, 10)


def test_doing_nothing_scores_as_do_nothing() -> None:
    a, b = _domain(0), _invert(_domain(1))
    result = evaluate({"a2b": _nothing}, a, b, pairs=[(0, 0), (3, 4)])
    scores = result.directions["a2b"]
    for name, score in scores.measures.items():
        assert score.do_nothing is None or score.translator == pytest.approx(score.do_nothing), name
    assert "L1 there and back" not in scores.measures
    assert ONE_WAY in scores.left_out


def test_without_pairs_their_measures_are_left_out_with_the_reason() -> None:
    result = evaluate({"b2a": _invert}, _domain(0), _invert(_domain(1)))
    scores = result.directions["b2a"]
    assert not [name for name in scores.measures if "pairs" in name]
    assert any("no true pairs" in reason for reason in scores.left_out)
    assert f"Left out: {ONE_WAY}." in result.remarks()


def test_it_survives_json(perfect: Evaluation) -> None:
    again = Evaluation.from_dict(json.loads(json.dumps(perfect.to_dict(), allow_nan=False)))
    assert again == perfect


def _printed(result: Evaluation) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(result.table())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_names_the_eyes_and_never_a_bare_kid(perfect: Evaluation) -> None:
    text = _printed(perfect).split("Fréchet distance (tiny): biased")[0]
    assert any(line.startswith("Fréchet distance (tiny): biased upward: 40 pictures") for line in perfect.remarks())
    assert text.count("KID") == text.count("KID (tiny)") == 2
    assert text.count("Fréchet") == text.count("Fréchet distance (tiny)") == 2
    assert "FID" not in text, "that is the published network's alone"
    for word in ("a2b", "b2a", "do nothing", "floor", "translator", "nan"):
        assert (word in text) == (word != "nan")


def test_label_scores_beside_do_nothing() -> None:
    colours = np.array([*CITYSCAPES.values()], np.uint8)
    maps = list(colours[np.random.default_rng(0).integers(0, 19, (12, 16, 16))])
    photos = _domain(5, 12, 16)
    by_content = {photo.tobytes(): label for photo, label in zip(photos, maps, strict=True)}

    def know(pictures: Sequence[NDArray[np.uint8]]) -> Pictures:
        return [by_content.get(p.tobytes(), p) for p in pictures]

    result = evaluate(
        {"a2b": _nothing, "b2a": know},
        maps,
        photos,
        pairs=[(i, i) for i in range(12)],
        measures=["labels", "cycle"],
        labels=LabelMaps("a", Shelf.of(maps)),
    )
    scores = result.directions["b2a"].measures
    for name in ("per-pixel accuracy", "per-class accuracy", "class IoU"):
        assert scores[name].translator == 1
        assert (scores[name].do_nothing or 0) < 0.3
        assert name not in result.directions["a2b"].measures
    assert not any("are scored where" in remark for remark in result.remarks()), "they are: nothing to tell"


def test_that_labels_can_be_scored_in_the_other_direction_only_is_told_where_that_is_not_learnt() -> None:
    maps = [np.zeros((16, 16, 3), np.uint8)] * 12
    result = evaluate(
        {"a2b": _invert}, maps, _domain(5, 12, 16), pairs=[(0, 0)], labels=LabelMaps("a", Shelf.of(maps)),
        measures=["labels", "pairs"],
    )  # fmt: skip
    assert result.remarks() == ["Left out: labels are scored where label maps are made, not in a2b."]


def test_one_direction_may_have_nothing() -> None:
    maps = [np.full((16, 16, 3), (128, 64, 128), np.uint8)] * 12
    result = evaluate(
        {"a2b": _invert, "b2a": _nothing}, maps, _domain(5, 12, 16), pairs=[(0, 0)],
        labels=LabelMaps("a", Shelf.of(maps)), measures=["labels"],
    )  # fmt: skip
    assert not result.directions["a2b"].measures
    assert len(result.directions["b2a"].measures) == 3


def test_few_pictures_leave_distances_out() -> None:
    result = evaluate({"a2b": _invert}, _domain(0, 4), _domain(1, 40), pairs=[(0, 0)], measures=STANDARD)
    scores = result.directions["a2b"]
    assert set(scores.measures) == {"L1 to true pairs", "PSNR to true pairs (dB)", "SSIM to true pairs"}
    assert any("take at least 10 pictures" in reason and "has 4" in reason for reason in scores.left_out)


def test_a_floor_needs_two_halves() -> None:
    result = evaluate({"a2b": _invert}, _domain(0, 12), _domain(1, 12))
    assert result.directions["a2b"].measures["KID (tiny)"].floor is None


@pytest.mark.parametrize(
    ("translate", "count", "sentence"),
    [
        (_invert, 4, "Nothing can be measured: distances"),
        (_invert, 0, "pictures of both domains"),
        (lambda pictures: list(pictures)[1:], 12, "12 pictures became 11 translations"),
        (lambda pictures: [p[:16] for p in pictures], 12, "one size"),
    ],
)
def test_bad_input_is_told(translate: Translate, count: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        evaluate({"a2b": translate}, _domain(0, count), _domain(1, count), measures=["kid"])


def test_the_discriminators_eyes_are_refused() -> None:
    with pytest.raises(UserError, match="KID or FID through tiny would be flattered"):
        evaluate({"a2b": _invert}, _domain(0), _domain(1), networks_seen={"tiny"})


def test_non_finite_features_are_told() -> None:
    class Broken(Tiny):
        def __call__(self, pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().__call__(pictures) * np.float32(math.nan)

    with pytest.raises(UserError, match="not finite"):
        evaluate({"a2b": _invert}, _domain(0), _domain(1), extractor=Broken())


def test_means_over_pictures_have_their_error() -> None:
    found = mean(np.array([1.0, 2.0, 3.0]), better="higher")
    assert (found.translator, found.spread, found.better) == (2, pytest.approx(1 / 3**0.5), "higher")
    assert mean(np.array([1.0])).spread is None, "of one picture nobody knows"


def test_the_table_says_what_its_columns_are_and_repeats_nothing() -> None:
    result = evaluate({"a2b": _invert}, _domain(0, 4), _domain(1, 40), pairs=[(0, 0)])
    reasons = result.directions["a2b"].left_out
    assert len(set(reasons)) == len(reasons)
    assert sum("at least 10 pictures" in reason for reason in reasons) == 1
    told = _printed(result)
    for words in ("lower is better", "±", "Do nothing:", "Floor:", ": 4 pictures, beside 40 of the other domain"):
        assert words in told
    assert told.count("a2b") == 1


def test_a_spread_has_as_many_digits_as_its_number() -> None:
    assert number(11.94, 0.184) == "11.9 ± 0.2"
    assert number(0.159, 0.0071) == "0.159 ± 0.007"
    assert number(13.0, 0.04) == "13.0 ± 0.04"
    assert number(None, 0.1) == "–"
