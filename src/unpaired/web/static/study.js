"use strict";
// Takes a judge through the pairs. Which picture is which, only the server knows.
const page = document.getElementById("trial");
const { study, judge, kind } = page.dataset;
const place = (id) => document.getElementById(id);
const choose = { left: place("choose-left"), right: place("choose-right") };
const pictures = { left: place("left"), right: place("right") };
let trial = null, asked = 0;

async function get(address, options) {
  const answer = await fetch(address, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function load(image, address) {
  return new Promise((done, failed) => {
    image.onload = done;
    image.onerror = () => failed(new Error("A picture could not be loaded: reload the page."));
    image.src = address;
  });
}

async function present() {
  place("go").hidden = true;
  place("feedback").textContent = "";
  if (trial.done) { location.href = `/judge/${study}/results`; return; }
  place("count").textContent = `${trial.practice ? "Practice, pair" : "Pair"} ${trial.n + 1} of ${trial.total}`;
  place("progress").value = trial.n;
  await Promise.all([load(pictures.left, trial.left), load(pictures.right, trial.right)]); // both appear at once
  if (trial.source) {
    place("source").querySelector("img").src = trial.source;
    place("source").hidden = false;
  }
  pictures.left.hidden = pictures.right.hidden = false;
  place("question").textContent = kind === "real-or-fake" ? "Look …" : "Which is better?";
  if (kind === "real-or-fake") {
    await new Promise((done) => setTimeout(done, Number(page.dataset.milliseconds)));
    pictures.left.hidden = pictures.right.hidden = true;
    place("question").textContent = "Which was real?";
  }
  asked = performance.now();
  choose.left.disabled = choose.right.disabled = false;
  choose.left.focus();
}

async function answer(choice) {
  if (choose.left.disabled) return;
  choose.left.disabled = choose.right.disabled = true;
  pictures.left.hidden = pictures.right.hidden = true;
  const body = JSON.stringify({ judge, n: trial.n, choice, milliseconds: Math.round(performance.now() - asked) });
  trial = await get(`/judge/${study}/answer`, { method: "POST", body, headers: { "content-type": "application/json" } });
  if (trial.correct === undefined) { await present(); return; }
  place("feedback").textContent = trial.correct ? "Right." : "No, that was the other one.";
  place("go").textContent = "Next pair";
  place("go").hidden = false;
  place("go").focus();
}

function trouble(error) { place("question").textContent = error.message; }
choose.left.addEventListener("click", () => answer("left").catch(trouble));
choose.right.addEventListener("click", () => answer("right").catch(trouble));
document.addEventListener("keydown", (event) => {
  const side = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
  if (side) { event.preventDefault(); answer(side).catch(trouble); }
});
place("go").addEventListener("click", () => present().catch(trouble));
get(`/judge/${study}/next?judge=${encodeURIComponent(judge)}`).then((told) => {
  trial = told;
  place("go").disabled = false;
  if (told.n > 0) place("go").textContent = "Go on";
  if (told.done) present();
}).catch(trouble);
