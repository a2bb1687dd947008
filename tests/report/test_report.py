"""Reports of whole, half-finished, odd and hostile runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_up import make_run
from PIL import Image

from unpaired.data.grid import spread
from unpaired.errors import UserError
from unpaired.report import page as page_module
from unpaired.report.curves import number, smoothed, ticks
from unpaired.report.page import write_report

VOID = {"meta", "link", "img", "input", "br", "path", "line"}


class Outline(HTMLParser):
    """Tags in their order; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report(run: Path) -> tuple[str, Outline]:
    text = write_report(run).read_text(encoding="utf-8")
    return text, Outline(text)


def bare_run(run: Path, **facts: object) -> Path:
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"format": 1, **facts}))
    return run


def test_a_whole_run_says_everything(tmp_path: Path) -> None:
    text, outline = report(make_run(tmp_path / "run"))
    told = " ".join(outline.text)
    for expected in (
        "Flat ↔ 3D emoji", "12,000", "741", "KID (EfficientNet-Lite0)", "There and back", "Twemoji",
        "2.13.0+cpu",
        "unpaired train --resume", "unpaired translate", "unpaired evaluate", "unpaired demo --minutes 5",
        '"lambda_a": 10.0', "the planned time is over", "0.036", "test flat",
        "Is it getting better?", "do nothing", "Best against last", "Best and worst", "Usual and unusual", "From 99 on",
        "Light stays light", "kWh",
    ):  # fmt: skip
        assert expected in told, expected
    images = outline.named("img")
    assert all(i["alt"] and (i["src"] or "").startswith("data:image/webp;base64,") for i in images)
    gallery, compared = 2 * 6 * 3 + 2 * 6 * 2, 2
    assert len(images) == 2 + compared * 2 + gallery + 2 * 10
    assert sum("hidden" not in i for i in images) == 2 + compared * 2 + gallery + 2
    assert len(outline.named("h1")) == 1
    assert len(text.encode()) < page_module.LARGEST
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_signs_of_a_single_evaluation_are_a_table(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    events = (run / "events.jsonl").read_text().splitlines()
    last = [line for line in events if '"signs"' in line][-1]
    (run / "events.jsonl").write_text("\n".join(line for line in events if '"signs"' not in line or line is last))
    _, outline = report(run)
    told = " ".join(" ".join(outline.text).split())
    assert "Light stays light" in told
    assert "below -0.3" in told
    assert "Is it getting better?" not in told


def test_commands_can_be_typed_as_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path / "my run's")
    _, outline = report(run)
    told = "".join(outline.text)
    assert shlex.quote(str(run)) in told
    assert "'/data/emoji/test flat' /data/emoji/test3d" in told


def test_what_is_finished_goes_on_for_longer(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    _, outline = report(run)
    assert f"unpaired train --resume {run} --images 24000" in "".join(outline.text)
    _, outline = report(make_run(tmp_path / "other", ended=False))
    assert "--images" not in "".join(outline.text)


@pytest.mark.parametrize(
    ("nothing", "told"), [(0.045, "better"), (0.035, "worse"), (0.0415, "no different"), (0.0385, "no different")]
)
def test_what_noise_can_explain_is_neither_better_nor_worse(tmp_path: Path, nothing: float, told: str) -> None:
    run = bare_run(tmp_path / "run")
    score = {"translator": 0.04, "do_nothing": nothing, "floor": 0.0, "spread": 0.002, "better": "lower"}
    result = {"directions": {"a2b": {"measures": {"KID": score}}}}
    event = {"kind": "evaluation", "images": 8, "seconds": 1, "result": result}
    (run / "events.jsonl").write_text(json.dumps(event) + "\n")
    _, outline = report(run)
    (row,) = [words for words in outline.text if words.strip().endswith(("better", "worse", "no different"))]
    assert row.strip().endswith(told)


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path) -> None:
    _, outline = report(bare_run(tmp_path / "run"))
    told = " ".join(outline.text)
    assert "has not told anything yet" in told
    assert "--resume" in told
    assert outline.named("img") == []
    assert outline.named("svg") == []


def test_a_cut_off_line_is_left_out_and_told(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ended=False)
    with (run / "events.jsonl").open("ab") as f:
        f.write(b'{"kind": "progress", "images": 12080, "te\xff')
    _, outline = report(run)
    told = " ".join(outline.text)
    assert "1 line of events.jsonl could not be read" in told
    assert "under way, or was cut off: 100% of the plan" in told


def test_numbers_that_are_none_break_nothing(tmp_path: Path) -> None:
    run = bare_run(tmp_path / "run", config=None, folders=[], counts="many", provenance=3, preset=7)
    events = [
        {"kind": "progress", "images": 0, "seconds": 0, "terms": {"gan_ab": float("nan"), "new": 1.0}},
        {"kind": "progress", "images": 10, "terms": {"gan_ab": 2.0, "new": float("inf")}, "rate": None},
        {"kind": "progress", "images": "ten"},
        {"kind": "preview", "images": 10, "files": {"a2b": "gone.png", "b2a": "../secret.png"}},
        {
            "kind": "evaluation",
            "images": 10,
            "result": {"directions": {"a2b": {"measures": {"x": {"translator": None}}}}},
        },
        {"kind": "end", "images": 10, "reason": "boredom"},
        ["no event"],
    ]
    (run / "events.jsonl").write_text("\n".join(json.dumps(e) for e in events))
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    text, outline = report(run)
    assert "ended (boredom)" in " ".join(outline.text)
    assert "NaN" not in text
    assert "nan" not in "".join(a["d"] or "" for a in outline.named("path"))
    assert outline.named("img") == []  # nothing from outside the run
    assert {"new"} <= {t.strip() for t in outline.text}  # an unknown term is drawn all the same


def test_names_are_escaped(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>&\'"'
    run = make_run(tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    facts |= {"title": evil, "preset": evil, "credits": evil, "folders": {"a": evil, "b": "/b" + evil}}
    facts["provenance"] = {evil: evil}
    facts["config"] = {evil: evil}
    (run / "run.json").write_text(json.dumps(facts))
    with (run / "events.jsonl").open("a") as f:
        for event in (
            {"kind": "warning", "text": evil},
            {"kind": "progress", "terms": {evil: 1.0}},
            {
                "kind": "evaluation",
                "result": {"directions": {evil: {"measures": {evil: {"translator": 1.0}}, "left_out": [evil]}}},
            },
            {"kind": "end", "reason": evil},
            {"kind": "checkpoint", "folder": evil},
        ):
            f.write(json.dumps({"images": 13_000, "seconds": 1, **event}) + "\n")
    text, outline = report(run)
    assert len(outline.named("script")) == 1
    assert 'alert("x")' not in text


def test_damaged_previews_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for file in sorted((run / "previews").iterdir())[:-2]:
        file.write_bytes(file.read_bytes()[:100])
    _, outline = report(run)
    assert len(outline.named("img")) == 2 + 2 + 2 + 2 * 6 * 3 + 2 * 6 * 2


def test_a_heavy_run_still_makes_a_light_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run")
    heavy = len(write_report(run).read_bytes())
    monkeypatch.setattr(page_module, "LARGEST", heavy // 2)
    text, outline = report(run)
    assert len(text.encode()) <= heavy // 2
    assert outline.named("img")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a run"), ("{", "damaged"), ("[]", "not written by unpaired"),
        ("{}", "not written by unpaired"),
        ('{"format": 99}', "newer version"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=sentence):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_smoothing_keeps_a_level_and_follows_a_change() -> None:
    assert np.allclose(smoothed(np.full(300, 2.5)), 2.5)
    noise = np.random.default_rng(0).normal(1, 0.3, 400)
    assert smoothed(noise)[100:].std() < noise.std() / 3
    step = smoothed(np.r_[np.zeros(200), np.ones(200)])
    assert step[199] == 0
    assert step[-1] > 0.99


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 12_000), (-3, 0.2), (0, 4e-4), (0, 1e-12), (5, 5.1)])
def test_ticks_are_few_round_and_even(low: float, high: float) -> None:
    found = ticks(low, high, 4)
    assert 2 <= len(found) <= 6
    assert found[0] <= low
    assert np.allclose(np.diff(found), found[1] - found[0])


def test_numbers_and_moments() -> None:
    assert [number(v) for v in (0, 0.0004, 0.0361, 12.345, 123456)] == ["0", "4e-4", "0.0361", "12.3", "1e+5"]
    assert spread([*range(5)], 10) == [0, 1, 2, 3, 4]
    assert spread([*range(100)], 4) == [0, 33, 66, 99]


CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look at the report with")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_in_a_browser(tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the screen, nothing fails, nothing is fetched; the slider works."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = write_report(make_run(tmp_path / "run", rows=3))
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        trouble: list[str] = []
        requests: list[str] = []
        page.on("console", lambda m: trouble.append(m.text))
        page.on("pageerror", lambda e: trouble.append(str(e)))
        page.on("request", lambda r: requests.append(r.url))
        page.goto(path.as_uri())
        page.locator("details summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(i => i.hidden || i.naturalWidth > 0)")
        shown = ".film figure img:not([hidden])"
        last = page.locator(shown).first.get_attribute("src")
        wipe = page.locator(".wipe img + img").first
        page.locator(".wipes input").first.fill("80")
        assert wipe.evaluate("i => getComputedStyle(i).clipPath") == "inset(0px 0px 0px 80%)"
        page.locator(".film input").fill("0")
        assert page.locator(shown).count() == 2
        assert page.locator(shown).first.get_attribute("src") != last
        assert page.locator(".film output").inner_text().startswith("1,200 images")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 150) == (scheme == "dark")
        browser.close()
    assert trouble == []
    assert [r for r in requests if not r.startswith(("file:", "data:"))] == []
    assert [r for r in requests if r.startswith("file:")] == [path.as_uri()]
