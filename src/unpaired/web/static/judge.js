"use strict";
// The form shows what its question needs; while pictures are made, the page follows.
const form = document.getElementById("study");
function show() {
  const preference = form.elements.kind.value === "preference";
  document.getElementById("other").hidden = !preference;
  document.getElementById("practice").hidden = preference;
}
if (form) {
  form.addEventListener("change", show);
  show();
}
const staging = document.getElementById("staging");
if (staging) {
  const timer = setInterval(async () => {
    const state = await (await fetch("/judge/staging")).json();
    Object.assign(staging.querySelector("progress"), { max: state.total || 1, value: state.done });
    if (!state.busy) { clearInterval(timer); location.reload(); }
  }, 700);
}
