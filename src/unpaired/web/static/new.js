"use strict";
// Shows what matters for what was chosen; without this script everything is simply there.
const form = document.getElementById("new");
const own = document.getElementById("own");
const notes = [...form.querySelectorAll("[data-preset]")];
function show() {
  own.hidden = form.demo.checked;
  for (const note of notes) note.hidden = note.dataset.preset !== form.preset.value;
}
form.demo.addEventListener("change", () => {
  if (form.demo.checked) {
    form.preset.value = "demo";
    form.minutes.value = "5";
    if (!form.name.value) form.elements.name.value = "emoji";
  }
  show();
});
form.preset.addEventListener("change", show);
show();
