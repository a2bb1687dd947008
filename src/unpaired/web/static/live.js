"use strict";
// The camera, translated as fast as the server can: one picture under way at a time, none queued.
import { translate } from "./client.js";

const SIDE = 256;

/** Shows `source`, a MediaStream, and its translation until `stop` is called. */
export function play(source, wish, { video, canvas, told }) {
  let going = true;
  const work = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  video.srcObject = source;

  async function loop() {
    let speed = 0;
    while (going) {
      const began = performance.now();
      const scale = SIDE / Math.max(video.videoWidth, video.videoHeight, 1);
      work.width = Math.max(16, Math.round(video.videoWidth * scale));
      work.height = Math.max(16, Math.round(video.videoHeight * scale));
      work.getContext("2d").drawImage(video, 0, 0, work.width, work.height);
      const frame = await new Promise((done) => work.toBlob(done, "image/jpeg", 0.9));
      const made = await createImageBitmap(await translate(frame, { ...wish(), format: "jpeg", quality: 90 }));
      if (!going) break;
      canvas.width = made.width;
      canvas.height = made.height;
      canvas.getContext("2d").drawImage(made, 0, 0);
      const now = 1000 / (performance.now() - began);
      speed = speed ? 0.8 * speed + 0.2 * now : now;
      told(`${speed.toFixed(1)} pictures a second`);
    }
  }

  function stop() {
    going = false;
    video.pause();
    for (const track of source.getTracks()) track.stop();
    video.srcObject = null;
  }

  const done = video.play().then(loop).catch((error) => { stop(); throw error; });
  return { stop, done };
}
