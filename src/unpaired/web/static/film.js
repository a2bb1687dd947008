"use strict";
// A whole film to the server and its translation back: sent, watched while it is made, shown beside the film.
import { mistake } from "./client.js";

const LOOK = 500; // ms between looks at how far it is

/** Resolves to the translation, a Blob with `suffix` and, where something is to be said of it, `said`. */
export async function translateFilm(file, { run, direction }, told) {
  const query = new URLSearchParams({ run, direction, name: file.name });
  told({ state: "sending" });
  const begun = await fetch(`/films?${query}`, { method: "POST", body: file, headers: { "content-type": "application/octet-stream" } });
  if (!begun.ok) throw await mistake(begun);
  const place = `/films/${(await begun.json()).film}`;
  const leave = () => fetch(place, { method: "DELETE", keepalive: true });
  addEventListener("pagehide", leave);
  try {
    for (;;) {
      const answer = await fetch(place);
      if (!answer.ok) throw await mistake(answer);
      const film = await answer.json();
      told(film);
      if (film.state === "failed") throw new Error(film.said);
      if (film.state === "done") {
        const made = await fetch(`${place}/translation`);
        if (!made.ok) throw await mistake(made);
        const suffix = /\.(\w+)"?$/.exec(made.headers.get("content-disposition") ?? "")?.[1];
        return Object.assign(await made.blob(), { suffix, said: film.said });
      }
      await new Promise((done) => setTimeout(done, LOOK));
    }
  } finally {
    removeEventListener("pagehide", leave);
    leave(); // the server keeps none
  }
}
