"""Which layers are computed together, from the top of the picture to its bottom, and what is kept in between.

A norm over the whole picture can be applied only when its whole input has been seen. So a network is computed in
passes: each ends at the inputs of some norms, whose statistics it gathers, and begins at what earlier passes kept, or
at the picture itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from unpaired.translation.layers import Layer

CHEAP = 100.0
"""Multiplications for an element up to which computing it again is faster than keeping it."""
FAR = 64
"""Rows of the picture that bands may overlap by before a result is kept: more rows would be computed twice."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Layers that are computed together for one band of rows after the other."""

    layers: list[Layer]
    """In order, beginning with what is read: the picture, and results that earlier passes kept."""
    measured: set[Layer]
    """Results whose statistics are gathered."""
    kept: set[Layer]
    """Results that later passes read."""
    last: set[Layer]
    """Results of earlier passes that no later pass reads."""

    @property
    def rows(self) -> int:
        """A band has a multiple of so many rows of the picture."""
        return max(layer.scale for layer in self.layers)


def plan(layers: list[Layer]) -> list[Pass]:
    """The passes that compute the last of `layers`, each result in the first pass that can.

    A layer of kind `whole` is a pass of its own.
    """
    stage, sealed = _stages(layers)
    kept = _kept(layers, stage, sealed)
    passes: list[tuple[list[Layer], set[Layer], set[Layer]]] = []
    for number in range(max(stage.values()) + 1):
        here = [layer for layer in layers if stage[layer] == number]
        measured = {layer for layer in here if any(user.kind == "norm" for user in layer.users)}
        stored = {layer for layer in here if layer in kept and layer.kind != "whole"}
        wanted = measured | stored | {layer for layer in here if not layer.users and layer.kind != "whole"}
        if wanted:
            passes.append((_closure(layers, wanted, {k for k in kept if stage[k] < number}), measured, stored))
        alone = [layer for layer in here if layer.kind == "whole"]
        passes += [([*layer.inputs, layer], {layer} & measured, {layer} & kept) for layer in alone]
    result: list[Pass] = []
    for number, (used, measured, stored) in enumerate(passes):
        later = {layer for others, _, _ in passes[number + 1 :] for layer in others}
        result.append(Pass(used, measured, stored, {k for k in used if k in kept and k not in later}))
    return result


def _stages(layers: list[Layer]) -> tuple[dict[Layer, int], set[Layer]]:
    """In which pass each layer can first be computed; and results kept because bands would overlap too much."""
    stage: dict[Layer, int] = {}
    overlap: dict[Layer, int] = {}
    sealed: set[Layer] = set()
    for layer in layers:
        waits = layer.kind in ("norm", "whole")
        stage[layer] = max((stage[i] + (waits or i in sealed) for i in layer.inputs), default=0)
        own = max(-layer.reach.low, layer.reach.high) * layer.scale // layer.reach.down
        before = 0 if waits else max((overlap[i] for i in layer.inputs if i not in sealed), default=0)
        overlap[layer] = before + own
        if layer.users and (layer.kind == "whole" or overlap[layer] > FAR):
            sealed.add(layer)
    return stage, sealed


def _kept(layers: list[Layer], stage: dict[Layer, int], sealed: set[Layer]) -> set[Layer]:
    """The results that are read by later passes: sealed ones, those too dear to be computed again, and those that come
    from several kept ones (or a chain of sums would keep all of its terms)."""
    kept: set[Layer] = set()
    cost: dict[Layer, float] = {}
    sources: dict[Layer, set[Layer]] = {}
    for layer in layers:
        ratio = {i: i.channels * layer.scale**2 / (layer.channels * i.scale**2) for i in layer.inputs}
        cost[layer] = layer.multiplications + sum(cost[i] * ratio[i] for i in layer.inputs)
        sources[layer] = {s for i in layer.inputs for s in sources[i]} or {layer}
        later = any(stage[user] > stage[layer] for user in layer.users)
        whole = any(user.kind == "whole" for user in layer.users)
        if layer.kind == "picture":
            cost[layer] = 0.0
        elif layer in sealed or whole or (later and (cost[layer] > CHEAP or len(sources[layer]) > 1)):
            kept.add(layer)
            cost[layer], sources[layer] = 0.0, {layer}
    return kept


def _closure(layers: list[Layer], wanted: set[Layer], ready: set[Layer]) -> list[Layer]:
    """`wanted` and all that they are computed from, back to `ready` results and the picture."""
    needed: set[Layer] = set()
    queue = list(wanted)
    while queue:
        layer = queue.pop()
        if layer not in needed:
            needed.add(layer)
            queue += [] if layer in ready else layer.inputs
    return [layer for layer in layers if layer in needed]
