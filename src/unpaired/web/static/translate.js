"use strict";
import { drawMap } from "./changed.js";
import { translate } from "./client.js";
import { dropped } from "./dropped.js";
import { translateFilm } from "./film.js";
import { play } from "./live.js";
import { unzip, zip } from "./zip.js";

const UNUSUAL = 99; // percent of the training pictures that are less unusual
const AT_ONCE = 4; // requests under way
const bench = document.getElementById("bench");

if (bench) {
  const place = (id) => document.getElementById(id);
  const status = place("status");
  const films = bench.dataset.films.split(" ");
  const isFilm = (name) => films.some((ending) => name.toLowerCase().endsWith(ending));
  const made = []; // [name, Blob] of all that is shown
  let queue = [], busy = 0, counted = 0, finished = 0, failed = 0, playing = null;
  let asking = Promise.resolve(); // one after the other

  const say = (text) => { status.textContent = text; };

  function wish() {
    return { run: bench.run.value, direction: bench.elements.direction.value, format: bench.elements.format.value };
  }

  function showDirections() {
    const { directions, a, b } = bench.run.selectedOptions[0].dataset;
    const before = bench.elements.direction?.value;
    const known = directions.split(" ");
    place("directions").replaceChildren(...known.map((way) => {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "direction", value: way });
      input.checked = way === (known.includes(before) ? before : known[0]);
      label.append(input, way === "a2b" ? `${a} → ${b}` : `${b} → ${a}`);
      return label;
    }));
    bench.back.closest("label").hidden = known.length < 2;
  }

  function add(files) {
    const archives = files.filter((f) => /\.zip$/i.test(f.name));
    const found = files.filter((f) => !archives.includes(f) && !f.name.startsWith("."));
    for (const archive of archives) unzip(archive).then(add, (error) => say(error.message));
    counted += found.length;
    queue.push(...found.map((file) => ({ file, wish: wish(), back: bench.back.checked })));
    pump();
  }

  function pump() {
    while (busy < AT_ONCE && queue.length) {
      busy++;
      one(queue.shift()).finally(() => { busy--; finished++; tell(); pump(); });
    }
    tell();
  }

  function tell() {
    if (counted) say(finished < counted ? `${finished} of ${counted} translated …` : `${counted === 1 ? "1 file is" : `${counted} files are`} done${failed ? `, ${failed} of them could not be translated` : ""}.`);
  }

  async function one({ file, wish: wanted, back }) {
    const item = place("result").content.firstElementChild.cloneNode(true);
    place("results").hidden = false;
    place("list").prepend(item);
    const told = item.querySelector(".told");
    told.textContent = `${file.name} …`;
    try {
      if (file.size > Number(bench.dataset.upload)) throw new Error("This file is too large.");
      if (isFilm(file.name)) { await film(item, file, wanted); return; }
      const result = await translate(file, { ...wanted, trust: true });
      const name = named(file.name, wanted.direction, result.suffix);
      made.push([name, result]);
      await show(item, file, result, name);
      warn(item, result.unusual);
      if (result.unusual === "later") asking = asking.then(() => askAgain(item, file, wanted));
      if (back && !item.querySelector(".compare").hidden) await addBack(item, result, wanted);
    } catch (error) {
      failed++;
      item.querySelector(".compare").hidden = item.querySelector(".views").hidden = true;
      told.textContent = `${file.name}: ${error.message}`;
      told.classList.add("bad");
    }
  }

  function warn(item, unusual) {
    item.querySelector(".unusual").hidden = !(Number(unusual ?? NaN) >= UNUSUAL);
  }

  /** The server looks at a run's training pictures the first time that somebody asks: ask until it has. */
  async function askAgain(item, file, wanted) {
    try {
      let unusual = "later";
      while (unusual === "later" && item.isConnected) ({ unusual } = await translate(file, { ...wanted, trust: true }));
      warn(item, unusual);
    } catch { /* it is translated, only nothing more can be said of it */ }
  }

  function named(name, direction, suffix) {
    return `${name.replace(/(\.nii)?\.[^.]*$/, "")}-${direction}.${suffix}`;
  }

  function offer(item, blob, name) {
    Object.assign(item.querySelector(".download"), { href: URL.createObjectURL(blob), download: name });
  }

  async function film(item, file, wanted) {
    const [compare, progress, told] = [".compare", "progress", ".told"].map((s) => item.querySelector(s));
    item.querySelector(".views").hidden = true;
    compare.hidden = true;
    progress.hidden = false;
    progress.setAttribute("aria-label", `How much of ${file.name} is translated`);
    try {
      const result = await translateFilm(file, wanted, ({ state, frames, total }) => {
        if (state === "working" && total) Object.assign(progress, { max: total, value: frames });
        told.textContent = `${file.name} · ${{ sending: "on its way …", waiting: "waits for another film …" }[state] ?? `${frames}${total ? ` of ${total}` : ""} frames`}`;
      });
      const name = named(file.name, wanted.direction, result.suffix);
      made.push([name, result]);
      offer(item, result, name);
      const films = item.querySelector(".films");
      for (const [video, blob, label] of [[".film", file, "as it is"], [".translation", result, "translated"]]) Object.assign(films.querySelector(video), { src: URL.createObjectURL(blob), ariaLabel: `${file.name} ${label}` });
      const [before, after] = [films.querySelector(".film"), films.querySelector(".translation")];
      after.addEventListener("play", () => before.play());
      after.addEventListener("pause", () => before.pause());
      for (const kind of ["play", "pause", "seeked"]) after.addEventListener(kind, () => { before.currentTime = after.currentTime; });
      films.hidden = item.querySelector(".views").hidden = false;
      for (const button of item.querySelectorAll("[data-view]")) button.hidden = true;
      told.textContent = result.said ? `${name} · ${result.said}` : name;
    } finally {
      progress.hidden = true;
    }
  }

  async function load(image, blob) {
    image.src = URL.createObjectURL(blob);
    await image.decode();
  }

  async function show(item, file, result, name) {
    const [before, after, slider, told] = [".before", ".after", "input", ".told"].map((s) => item.querySelector(s));
    offer(item, result, name);
    told.textContent = name;
    try {
      await Promise.all([load(before, file), load(after, result)]);
    } catch {
      item.querySelector(".compare").hidden = true;
      for (const button of item.querySelectorAll("[data-view]")) button.hidden = true;
      told.textContent = `${name} · translated; a browser can't show its format, so download it`;
      return;
    }
    before.alt = `${file.name} as it is`;
    after.alt = `${file.name} translated`;
    slider.setAttribute("aria-label", `How much of ${file.name} is shown as it is, in percent`);
    slider.addEventListener("input", () => item.querySelector(".compare").style.setProperty("--at", `${slider.value}%`));
    const share = drawMap(item.querySelector(".map"), before, after);
    told.textContent = `${name} · ${after.naturalWidth} × ${after.naturalHeight} px · ${Math.round(100 * share)} % of the pixels changed visibly`;
    for (const button of item.querySelectorAll("[data-view]")) button.addEventListener("click", () => view(item, button));
  }

  function view(item, button) {
    const compare = item.querySelector(".compare"), kind = button.dataset.view;
    for (const other of item.querySelectorAll("[data-view]")) other.setAttribute("aria-pressed", String(other === button));
    compare.classList.toggle("plainview", kind === "map");
    compare.classList.toggle("mapview", kind === "map");
    item.querySelector(".map").hidden = kind !== "map";
    const after = item.querySelector(".after");
    if (after.dataset.back) after.src = kind === "back" ? after.dataset.back : item.querySelector(".download").href;
  }

  async function addBack(item, result, wanted) {
    const returned = await translate(result, { ...wanted, direction: wanted.direction === "a2b" ? "b2a" : "a2b" });
    item.querySelector(".after").dataset.back = URL.createObjectURL(returned);
    item.querySelector("[data-view=back]").hidden = false;
  }

  async function startLive(source) {
    stopLive();
    place("live").hidden = false;
    playing = play(source, wish, { video: place("video"), canvas: place("made"), told: (text) => { place("speed").textContent = text; } });
    playing.done.catch((error) => { say(error.message); stopLive(); });
    place("live").scrollIntoView({ block: "nearest" });
  }

  function stopLive() {
    playing?.stop();
    playing = null;
    place("live").hidden = true;
  }

  const zone = place("dropzone");
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (e) => { e.preventDefault(); zone.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (e) => { e.preventDefault(); add(await dropped(e.dataTransfer)); });
  window.addEventListener("paste", (e) => add([...e.clipboardData.files]));
  for (const id of ["files", "folder"]) place(id).addEventListener("change", (e) => { add([...e.target.files]); e.target.value = ""; });
  place("camera").addEventListener("click", async () => {
    try {
      startLive(await navigator.mediaDevices.getUserMedia({ video: { width: 640 } }));
    } catch (error) {
      say(`The camera can't be used: ${error.message}.`);
    }
  });
  place("stop").addEventListener("click", stopLive);
  place("clear").addEventListener("click", () => { place("list").replaceChildren(); place("results").hidden = true; made.length = counted = finished = failed = 0; say(""); });
  place("all").addEventListener("click", async () => {
    const seen = new Map(); // names that came twice get a number
    const files = made.map(([name, blob]) => {
      const n = (seen.get(name) ?? 0) + 1;
      seen.set(name, n);
      return [n > 1 ? name.replace(/(\.[^.]*)$/, `-${n}$1`) : name, blob];
    });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await zip(files)), download: "translations.zip" });
    link.click();
  });
  bench.addEventListener("submit", (e) => e.preventDefault());
  bench.run.addEventListener("change", showDirections);
  showDirections();
}
