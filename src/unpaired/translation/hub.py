"""Publishing a translator on the Hugging Face Hub, and getting one from there: one safetensors file and its card."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unpaired.errors import UserError
from unpaired.run.checkpoints import located
from unpaired.run.folder import read_record
from unpaired.translation.card import model_card
from unpaired.translation.single import WEIGHTS
from unpaired.translation.weights import write_safetensors

if TYPE_CHECKING:
    from unpaired.translation.translator import Translator


def save(translator: Translator, folder: Path, name: str, *, half: bool = False, licence: str = "") -> None:
    """Write what is published as `name` (owner/name) into `folder`: the weights and README.md, the card."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(translator, folder / WEIGHTS, half=half)
    record = None
    if translator.source is not None:
        run, _ = located(translator.source)
        record = read_record(run) if (run / "run.json").exists() else None
    card = model_card(
        name, translator.config, translator.directions, images=translator.images_seen, record=record, licence=licence
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def push(
    translator: Translator, name: str, *, half: bool = False, licence: str = "", private: bool = False,
    token: str | None = None, endpoint: str | None = None,
) -> str:  # fmt: skip
    """Publish as `name` (owner/name), made if it is not there, and return its address.

    Raises `UserError` where the extra `[hub]` is not installed, or the Hub refuses or can't be reached.
    """
    hub = _hub()
    api = hub.HfApi(endpoint=endpoint, token=token)
    with tempfile.TemporaryDirectory() as folder:
        save(translator, Path(folder), name, half=half, licence=licence)
        try:
            address = api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(folder_path=folder, repo_id=name, commit_message="A translator of unpaired")
        except Exception as e:  # whatever the client raises: names, rights, networks
            raise UserError(f"{name} could not be published ({_first(e)}): log in with `hf auth login`.") from e
    return str(address)


def fetched(
    name: str | Path, *, revision: str | None = None, token: str | None = None, endpoint: str | None = None
) -> Path:
    """The file of weights of `name`: a folder that is there, or a repository on the Hub, downloaded once.

    Raises `UserError` where there is none, or the Hub can't be reached.
    """
    if Path(name).is_dir():
        path = Path(name) / WEIGHTS
        if not path.exists():
            raise UserError(f"{name} holds no {WEIGHTS}: it is no published translator.")
        return path
    hub = _hub()
    try:
        return Path(hub.hf_hub_download(str(name), WEIGHTS, revision=revision, token=token, endpoint=endpoint))
    except Exception as e:  # whatever the client raises: names, rights, networks
        raise UserError(
            f"{name} is neither a folder here nor a translator on the Hub that can be had ({_first(e)})."
        ) from e


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as e:
        raise UserError("This needs the package huggingface_hub, which is missing: pip install 'unpaired[hub]'.") from e
    return huggingface_hub


def _first(error: Exception) -> str:
    """The first line of what a client says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
