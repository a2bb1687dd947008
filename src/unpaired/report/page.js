"use strict";
for (const film of document.querySelectorAll(".film")) {
  const slider = film.querySelector("input");
  const output = film.querySelector("output");
  const moments = JSON.parse(film.dataset.moments);
  const strips = [...film.querySelectorAll("figure")].map((f) => [...f.querySelectorAll("img")]);
  const show = () => {
    const n = Number(slider.value);
    output.textContent = moments[n];
    slider.setAttribute("aria-valuetext", moments[n]);
    for (const strip of strips) strip.forEach((img) => { img.hidden = Number(img.dataset.moment) !== n; });
  };
  slider.addEventListener("input", show);
  show();
}
for (const wipes of document.querySelectorAll(".wipes")) {
  const slider = wipes.querySelector("input");
  slider.addEventListener("input", () => wipes.style.setProperty("--at", `${slider.value}%`));
}
for (const command of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const code = command.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
  command.append(button);
}
