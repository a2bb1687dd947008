"""A training's whole state, into a checkpoint and out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unpaired.errors import UserError
from unpaired.run import checkpoint
from unpaired.training.engine import Engine


def save(run: Path, engine: Engine, manifest: checkpoint.Manifest) -> Path:
    """Write networks, averages, optimisers and history pools; all ranks call it. Returns the checkpoint's folder."""
    weights: dict[str, Any] = {}
    states: dict[str, Any] = {
        f"rank-{engine.ranks.rank}": {name: pool.state_dict() for name, pool in engine.method.pools().items()}
    }
    if engine.ranks.first:
        weights = {name: network.state_dict() for name, network in engine.method.networks().items()}
        weights |= {f"{name}.ema": average.module.state_dict() for name, average in engine.averaged.items()}
        states["state"] = engine.state_dict()
    return checkpoint.write(run, manifest, weights, states, rank=engine.ranks.rank, together=engine.ranks.together)


def restore(engine: Engine, saved: checkpoint.Checkpoint) -> None:
    """Give `engine` the state that `save` wrote. Raises `UserError` where it is damaged or another network's."""
    try:
        for name, network in engine.method.networks().items():
            network.load_state_dict(saved.weights(name))
        for name, average in engine.averaged.items():
            average.module.load_state_dict(saved.weights(name, averaged=True))
    except RuntimeError as e:
        raise UserError(f"{saved.folder} holds the weights of another network: it can't go on with this run.") from e
    for average in engine.averaged.values():
        average.n_averaged.fill_(1)  # not the first: an average goes on, it does not start with a copy
    engine.load_state_dict(saved.state("state"))
    rank = engine.ranks.rank
    pools = saved.state(f"rank-{rank if rank < saved.manifest.world else 0}")
    for name, pool in engine.method.pools().items():
        pool.load_state_dict(pools[name])
