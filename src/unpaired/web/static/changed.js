"use strict";
// The map of what a translation changed.

/** How far each pixel moved, dark to bright; returns the share that moved by more than a tenth of the range. */
export function drawMap(canvas, before, after) {
  const [width, height] = [after.naturalWidth, after.naturalHeight];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = (image) => {
    context.clearRect(0, 0, width, height);
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };
  const [one, two] = [pixels(before), pixels(after)];
  const map = context.createImageData(width, height);
  let moved = 0;
  for (let i = 0; i < one.length; i += 4) {
    const d = Math.max(Math.abs(one[i] - two[i]), Math.abs(one[i + 1] - two[i + 1]), Math.abs(one[i + 2] - two[i + 2])) / 255;
    moved += d > 0.1;
    const t = Math.sqrt(d); // ink, violet, orange, cream
    map.data.set([255 * Math.min(1, 0.08 + 1.7 * t), 255 * Math.max(0.06, 1.6 * t - 0.6), 255 * (t < 0.5 ? 0.14 + 0.9 * t : 0.59 - 0.9 * (t - 0.5) + 0.9 * Math.max(0, t - 0.75)), 255], i);
  }
  context.putImageData(map, 0, 0);
  canvas.setAttribute("aria-label", `Where it changed: ${Math.round((400 * moved) / one.length)} % of the pixels visibly`);
  return (4 * moved) / one.length;
}
