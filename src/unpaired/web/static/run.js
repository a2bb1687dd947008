"use strict";
// A run as it learns: what the server tells replaces what the page shows.
const page = document.getElementById("run");
const base = `/runs/${encodeURIComponent(page.dataset.name)}`;
const film = document.getElementById("film");
const slider = document.getElementById("moment");
const CURVES_EVERY = 4000;
let moments = film ? JSON.parse(film.dataset.moments) : [];
let drawn = 0;

function showMoment() {
  const moment = moments[Number(slider.value)];
  if (!moment) return;
  document.getElementById("when").textContent = moment.label;
  slider.setAttribute("aria-valuetext", moment.label);
  for (const figure of film.querySelectorAll("figure")) {
    const file = moment.files[figure.dataset.direction];
    figure.hidden = !file;
    const address = `${base}/previews/${encodeURIComponent(file)}`;
    const image = figure.querySelector("img");
    if (file && image.getAttribute("src") !== address) image.src = address;
  }
}

function takeMoments(found) {
  const atEnd = Number(slider.value) >= moments.length - 1;
  const more = found.length !== moments.length;
  moments = found;
  film.hidden = !moments.length;
  document.getElementById("soon").hidden = moments.length > 0;
  slider.max = Math.max(0, moments.length - 1);
  if (more && atEnd) slider.value = slider.max; // who looks at the past stays there
  if (more) showMoment();
}

async function drawCurves() {
  drawn = Date.now();
  const answer = await fetch(`${base}/curves`);
  if (answer.ok) document.getElementById("curves").innerHTML = await answer.text();
}

function round(value) {
  return value === null ? "–" : Number(value.toPrecision(3)).toString();
}

function take(run) {
  if (page.dataset.unborn) {
    if (!run.unborn || !run.ours) location.reload();
    else Object.assign(document.getElementById("said"), { textContent: run.said, hidden: !run.said });
    return;
  }
  if (run.unborn || run.state !== page.dataset.state) { location.reload(); return; }
  const facts = { images: run.images.toLocaleString("en"), seconds: run.words.seconds, left: run.words.left, rate: round(run.rate), judged: round(run.judged) };
  for (const [name, value] of Object.entries(facts)) {
    const place = page.querySelector(`[data-fact=${name}]`);
    place.textContent = value ?? "";
    place.parentElement.hidden = value === null;
  }
  document.getElementById("done").value = run.done;
  document.getElementById("sentence").textContent = run.stopping ? "Writing its last checkpoint, then it stops." : run.sentence;
  const warnings = document.getElementById("warnings");
  warnings.hidden = !run.warnings.length;
  warnings.querySelector("ul").replaceChildren(...run.warnings.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  takeMoments(run.moments);
  if (String(run.images) !== page.dataset.images && Date.now() - drawn > CURVES_EVERY) {
    page.dataset.images = run.images;
    drawCurves();
  }
}

if (slider) {
  slider.addEventListener("input", showMoment);
  showMoment();
}
const events = new EventSource(`${base}/live`);
events.addEventListener("message", (event) => take(JSON.parse(event.data)));
events.addEventListener("gone", () => { events.close(); location.href = "/"; });
