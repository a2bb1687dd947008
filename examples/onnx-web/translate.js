// Translates a picture in the browser with model.onnx, which `unpaired export RUN --onnx model.onnx` wrote.
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";

const MULTIPLE = 16; // or what `unpaired export` said: height and width are multiples of it
const session = await ort.InferenceSession.create("model.onnx");

export async function translate(image, canvas) {
  const [width, height] = [image.naturalWidth, image.naturalHeight].map((n) => Math.floor(n / MULTIPLE) * MULTIPLE);
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height), area = width * height;
  const x = new Float32Array(3 * area); // (1, 3, H, W) in [-1, 1]
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) x[c * area + i] = pixels.data[4 * i + c] / 127.5 - 1;
  const picture = new ort.Tensor("float32", x, [1, 3, height, width]);
  const y = (await session.run({ picture })).translation.data;
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = Math.round((y[c * area + i] + 1) * 127.5);
  context.putImageData(pixels, 0, 0);
}
