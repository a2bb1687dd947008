"""The data sets of the CycleGAN, pix2pix and CUT papers: where their authors publish them, how large, under what terms.

Addresses are those of the authors' own download scripts. Bytes and SHA-256 are those that TensorFlow Datasets recorded
(`cycle_gan`), where it has them; of the others the checksum is recorded at the first download.
"""

from __future__ import annotations

from dataclasses import dataclass

_CYCLEGAN = "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets"
_PIX2PIX = "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets"

CITE_CYCLEGAN = "Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation …, ICCV 2017, arXiv:1703.10593"
CITE_PIX2PIX = "Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional …, CVPR 2017, arXiv:1611.07004"
CITE_CUT = "Park, Efros, Zhang, Zhu: Contrastive Learning for Unpaired …, ECCV 2020, arXiv:2007.15651"

_NO_LICENCE = "none stated: for research; the pictures belong to their authors"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A data set that can be named."""

    address: str | None
    """None: it comes with the package."""
    holds: str
    """What its domains are, with the pictures to train on as its authors count them."""
    licence: str = _NO_LICENCE + " (Flickr)"
    cite: str = CITE_CYCLEGAN
    bytes: int | None = None
    """Of the archive; None where nobody recorded it, and the server is asked."""
    sha256: str | None = None
    """Of the archive."""
    layout: str = "folders"
    """As --layout of `unpaired train` takes it."""


def _cyclegan(name: str, holds: str, bytes: int | None = None, sha256: str | None = None, **more: str) -> Named:
    return Named(address=f"{_CYCLEGAN}/{name}.zip", holds=holds, bytes=bytes, sha256=sha256, **more)


def _pix2pix(name: str, holds: str, licence: str, cite: str = CITE_PIX2PIX) -> Named:
    return Named(address=f"{_PIX2PIX}/{name}.tar.gz", holds=holds, licence=licence, cite=cite, layout="side-by-side")


_IMAGENET = "ImageNet's terms: non-commercial research and education (image-net.org)"
_MAPS = "Google Maps' terms: for research only"
_ART = _NO_LICENCE + " (WikiArt, Flickr)"
_FACADES = "CMP Facades' terms: for research; cite the data set"
_CITE_FACADES = f"Tyleček, Šára: Spatial Pattern Templates …, GCPR 2013; {CITE_PIX2PIX}"

CATALOG: dict[str, Named] = {
    "emoji": Named(
        address=None, bytes=5660472,
        holds="644 flat emoji, 641 in 3D, 322 pairs to measure with: the pictures of `unpaired demo`",
        licence="CC-BY 4.0 (flat, Twemoji), MIT (3D, Fluent Emoji)",
        cite="Twemoji © Twitter, Inc and other contributors; Fluent Emoji © Microsoft Corporation"),
    "horse2zebra": _cyclegan(
        "horse2zebra", "939 horses, 1,177 zebras", 116867962,
        "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1", licence=_IMAGENET),
    "apple2orange": _cyclegan(
        "apple2orange", "996 apples, 1,020 oranges", 78456409,
        "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8", licence=_IMAGENET),
    "summer2winter_yosemite": _cyclegan(
        "summer2winter_yosemite", "1,273 photos of Yosemite in summer, 854 in winter", 132640856,
        "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9"),
    "monet2photo": _cyclegan(
        "monet2photo", "1,074 paintings, 6,853 photos of landscapes", 305231073,
        "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04", licence=_ART),
    "cezanne2photo": _cyclegan(
        "cezanne2photo", "584 paintings, 6,853 photos of landscapes", 279885071,
        "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff", licence=_ART),
    "ukiyoe2photo": _cyclegan(
        "ukiyoe2photo", "1,433 prints, 6,853 photos of landscapes", 292946532,
        "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08", licence=_ART),
    "vangogh2photo": _cyclegan(
        "vangogh2photo", "401 paintings, 6,853 photos of landscapes", 306590349,
        "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff", licence=_ART),
    "iphone2dslr_flower": _cyclegan(
        "iphone2dslr_flower", "1,813 photos of flowers by iPhones, 3,316 by DSLR cameras", 339964458,
        "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113"),
    "maps": _cyclegan(
        "maps", "1,096 aerial photos, 1,096 maps: pairs by name", 1476754427,
        "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e", licence=_MAPS),
    "facades": _cyclegan(
        "facades", "400 photos of facades, 400 label maps: pairs by name", 35135868,
        "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0", licence=_FACADES, cite=_CITE_FACADES),
    "ae_photos": _cyclegan("ae_photos", "photos, for painting with a trained translator"),
    "mini": _cyclegan("mini", "a few horses and zebras, for a first try", licence=_IMAGENET),
    "mini_colorization": _cyclegan("mini_colorization", "a few photos to colour, for a first try"),
    "mini_pix2pix": _cyclegan("mini_pix2pix", "a few pairs side by side, for a first try", layout="side-by-side",
                              licence=_FACADES, cite=_CITE_FACADES),
    "grumpifycat": _cyclegan(
        "grumpifycat", "214 faces of Grumpy Cat, 88 of Russian Blue cats", cite=CITE_CUT,
        licence="Oxford-IIIT Pet: CC-BY-SA 4.0 (Russian Blue); " + _NO_LICENCE + " (Grumpy Cat)"),
    "pix2pix/facades": _pix2pix("facades", "400 pairs of photo and label map", _FACADES, _CITE_FACADES),
    "pix2pix/maps": _pix2pix("maps", "1,096 pairs of aerial photo and map", _MAPS),
    "pix2pix/edges2shoes": _pix2pix(
        "edges2shoes", "about 50,000 pairs of edges and shoe", "UT Zappos50K's terms: academic, non-commercial use",
        f"Yu, Grauman: Fine-Grained Visual Comparisons …, CVPR 2014; {CITE_PIX2PIX}"),
    "pix2pix/edges2handbags": _pix2pix(
        "edges2handbags", "about 137,000 pairs of edges and handbag", _NO_LICENCE + " (Amazon)",
        f"Zhu, Krähenbühl, Shechtman, Efros: Generative Visual Manipulation …, ECCV 2016; {CITE_PIX2PIX}"),
    "pix2pix/night2day": _pix2pix(
        "night2day", "about 20,000 pairs of one scene at two times", _NO_LICENCE + " (Transient Attributes)",
        f"Laffont et al.: Transient Attributes …, SIGGRAPH 2014; {CITE_PIX2PIX}"),
}  # fmt: skip
"""By name. Those of pix2pix are side by side in one file each."""

ELSEWHERE = {
    "cityscapes": (
        "Cityscapes may not be passed on: register at cityscapes-dataset.com, get gtFine_trainvaltest.zip and "
        "leftImg8bit_trainvaltest.zip, and put label maps into trainA and photos into trainB."
    ),
}
"""Sets of the papers that their authors may not publish, and what to do."""
