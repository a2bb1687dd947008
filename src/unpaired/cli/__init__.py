"""The command line. Every command is a typed function in a module of its own; its options are made from its
signature by tyro, and those of `train` from the configuration itself. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import io
import keyword
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from unpaired.compute.heap import one_heap
from unpaired.errors import Interrupted, UserError
from unpaired.text import perhaps

SUMMARIES = {
    "demo": "Train a translator between flat and 3D emoji in five minutes, and look at it.",
    "train": "Train on two folders of pictures, or go on with a training.",
    "bakeoff": "Train several methods on the same pictures for the same time, and say which to go on with.",
    "translate": "Translate pictures with a trained run.",
    "datasets": "List and get the data sets of the papers, and say what is wrong with one.",
    "style": "Paint a picture as others are painted (neural style transfer).",
    "evaluate": "Measure a run on held-out pictures, beside doing nothing and the best that is possible.",
    "studio": "Watch trainings, use them and judge them, in a browser.",
    "serve": "Serve a run's translators over HTTP.",
    "report": "Write a run's report, one HTML file.",
    "compare": "Put runs side by side: cost, measures, the same pictures; a table and one HTML file.",
    "export": "Write a run's generator for other programs: ONNX, torch.export, safetensors, .pth.",
    "import": "Bring in networks that other projects trained.",
    "inspect": "Say what is in a run or a checkpoint.",
    "doctor": "Say what this machine can do: device, precision, memory, versions, speed of a step.",
}


def main(argv: list[str] | None = None) -> None:
    """Run one command. A user's mistake ends with one sentence and status 1, a wrong option with status 2."""
    # GNU OpenMP's threads wait for each other by spinning for milliseconds, which on a busy machine takes the processor
    # from whoever has work (a step took 20 times as long), while not spinning at all leaves an idle one waiting (1.5
    # times). A short spin was fastest on both. Read when torch is first imported; who set a policy knows better.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    one_heap()
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text in any encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if argv is None else argv
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(_overview())
        return
    if name == "--version":
        from importlib.metadata import version

        print(version("unpaired"))
        return
    if name not in SUMMARIES:
        _fail(f"There is no command {name!r}{perhaps(name, SUMMARIES) or '; see unpaired --help'}.", 2)
    try:
        _run(name, arguments[1:])
    except UserError as e:
        _fail(str(e), 130 if isinstance(e, Interrupted) else 1)
    except KeyboardInterrupt:
        _fail("Interrupted.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _overview() -> str:
    width = max(map(len, SUMMARIES))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in SUMMARIES.items())
    return (
        "usage: unpaired COMMAND …\n\n"
        "Unpaired image-to-image translation: two folders of pictures in, a translator in both directions out.\n\n"
        f"{commands}\n\n"
        "Start with `unpaired demo`. `unpaired COMMAND --help` explains a command and its options."
    )


def speaks() -> bool:
    """Whether this process talks to people: of several that torchrun started only the first does."""
    return os.environ.get("RANK", "0") == "0"


def _fail(sentence: str, status: int) -> NoReturn:
    if speaks():
        print(sentence, file=sys.stderr)
    sys.exit(status)


def _run(name: str, arguments: list[str]) -> None:
    command(name).main(arguments)


def command(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"unpaired.cli.{name}_" if keyword.iskeyword(name) else f"unpaired.cli.{name}")
