"""A generator as an ONNX file, for onnxruntime in any language and in browsers.

Opset 18: the oldest in which every operation of these networks is a node of its own, so that the widest choice of
runtimes reads it, onnxruntime-web among them, and the one that torch's exporter writes without converting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from unpaired.config import Direction
from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.interop.program import difference, exported, facts, quiet
from unpaired.translation.translator import Translator

OPSET = 18


def write_onnx(translator: Translator, direction: Direction, path: Path) -> float:
    """Write the generator of a translator on the CPU in float32, whole or not at all, and facts as metadata.

    Input `picture`, output `translation`; batch, height and width are dynamic. Returns the largest difference between
    onnxruntime's translations and the translator's. Raises `UserError` where that is above `program.TOLERANCE`, or
    where the extra `[onnx]` is not installed.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  # pyright: ignore[reportUnusedImport]  (torch's exporter needs it)
    except ImportError as e:
        raise UserError(f"This needs the package {e.name}, which is missing: pip install 'unpaired[onnx]'.") from e
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            exported(translator, direction), dynamo=True, opset_version=OPSET, external_data=False, verbose=False,
            input_names=["picture"], output_names=["translation"],
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, facts(translator, direction))
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(cast(Any, session.run(None, {"picture": x.numpy()})[0]))

    apart = difference(translator, direction, run)
    with replacing(path) as file:
        file.write(content)
    return apart
