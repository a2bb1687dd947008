"""Translate a picture with a file that `unpaired export RUN --onnx FILE` wrote; no torch, no unpaired.

pip install onnxruntime numpy pillow
python onnx_translate.py zebra.onnx horse.jpg zebra.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image

model, source, target = sys.argv[1:4]
session = onnxruntime.InferenceSession(model)
facts = session.get_modelmeta().custom_metadata_map
multiple, mode = int(facts["multiple"]), "L" if facts["channels_in"] == "1" else "RGB"

with Image.open(source) as image:
    picture = np.atleast_3d(np.asarray(image.convert(mode), np.float32)) / 127.5 - 1  # (H, W, C) in [-1, 1]
height, width = picture.shape[:2]
padding = ((0, -height % multiple), (0, -width % multiple), (0, 0))
x = np.pad(picture, padding, mode="reflect").transpose(2, 0, 1)[None]  # (1, C, H, W)
y = session.run(None, {"picture": x})[0][0, :, :height, :width]
made = ((y + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0)
Image.fromarray(made.squeeze()).save(target)
