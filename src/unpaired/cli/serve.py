"""`unpaired serve`: one run as a web service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from unpaired.cli.options import parsed
from unpaired.errors import UserError
from unpaired.web.settings import Settings, checked


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Serve a run's translators: POST a picture to /v1/translate and get its translation.

    unpaired serve runs/zebra

    curl --data-binary @horse.jpg "http://127.0.0.1:8000/v1/translate?direction=a2b" > zebra.jpg
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The run whose best checkpoint, or latest, translates."""
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "serve")
    settings = checked(told.settings)
    require_web()
    from unpaired.web.app import application
    from unpaired.web.runs import Runs
    from unpaired.web.server import serve
    from unpaired.web.translators import newest

    runs = Runs.single(told.run)
    newest(runs.folder(runs.names()[0]))  # without a checkpoint there is nothing to serve
    app, service = application(runs, settings)
    serve(app, service, settings, f"Serving {told.run} at {{address}}/v1/translate (Ctrl-C stops).")


def require_web() -> None:
    """Raise `UserError` where the packages of the extra are missing."""
    from importlib.util import find_spec

    for name in ("fastapi", "uvicorn", "python_multipart", "jinja2", "prometheus_client"):
        if find_spec(name) is None:
            raise UserError(f"This needs the package {name}, which is missing: pip install 'unpaired[web]'.")
