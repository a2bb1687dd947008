"""Which pictures of its folders a training sees, and which are held out, so that it can be measured on others."""

from __future__ import annotations

from dataclasses import replace

from unpaired.config import Config, Domain
from unpaired.data import split
from unpaired.data.discover import Discovery, discover
from unpaired.run.record import Folders


def unseen(folders: Folders, config: Config) -> dict[str, Discovery]:
    """By domain, pictures that a training on these folders does not see; all of them, where it sees all."""
    test_a, test_b = folders.test_a, folders.test_b
    if test_a and test_b:
        return {"a": discover(test_a), "b": discover(test_b)}
    found = {"a": discover(folders.a), "b": discover(folders.b)}
    return split.measured(found, config.training.held_out, split.SHARE)[0] or found


def trained_on(folders: Folders, config: Config, domain: Domain) -> Discovery:
    """The pictures of a domain that a training on these folders does see. How many were held out depends on both
    folders: without test folders, both have to be there."""
    found = discover(folders.a if domain == "a" else folders.b)
    if folders.test_a and folders.test_b:
        return found
    other = discover(folders.b if domain == "a" else folders.a)
    both = {"a": found, "b": other} if domain == "a" else {"a": other, "b": found}
    _, chosen = split.measured(both, config.training.held_out, split.SHARE)
    left_out = {*chosen[0 if domain == "a" else 1]}
    return replace(found, files=tuple(file for i, file in enumerate(found.files) if i not in left_out))
