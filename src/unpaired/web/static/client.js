"use strict";
// One picture to the server and its translation back; patient with a busy server.
const PATIENCE = 30;

/** Resolves to the translation; `unusual` on it is how unusual the picture is for the run: in percent, "later" or null. */
export async function translate(blob, { run, direction, format, quality, trust }, patience = PATIENCE) {
  const query = new URLSearchParams({ run, direction });
  if (format) query.set("format", format);
  if (quality) query.set("quality", quality);
  if (trust) query.set("trust", "true");
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`/v1/translate?${query}`, { method: "POST", body: blob, headers: { "content-type": "application/octet-stream" } });
    if (answer.ok) {
      const suffix = /\.(\w+)$/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
      return Object.assign(await answer.blob(), { suffix, unusual: answer.headers.get("x-unpaired-unusual") });
    }
    if (answer.status === 429 && attempt < patience) {
      await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
      continue;
    }
    throw await mistake(answer);
  }
}

/** What the server says of a request that it refused. */
export async function mistake(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Error(told.error ?? `The server answered ${answer.status}.`);
}
