"use strict";
// The map: the arrow keys walk through it, and what a cell says stands below it.
for (const section of document.querySelectorAll(".maps")) {
  const said = section.querySelector(".pointed");
  const cellAt = (event) => event.target.closest("[role=gridcell]");
  const say = (cell) => { said.textContent = cell.title; };
  section.addEventListener("pointerover", (event) => { const cell = cellAt(event); if (cell) say(cell); });
  section.addEventListener("focusin", (event) => { const cell = cellAt(event); if (cell) say(cell); });
  section.addEventListener("keydown", (event) => {
    const cell = cellAt(event);
    if (!cell) return;
    const rows = [...cell.closest("[role=grid]").querySelectorAll("[role=row]")];
    const row = rows.indexOf(cell.closest("[role=row]"));
    const cells = (r) => [...rows[r].querySelectorAll("[role=gridcell]")];
    const at = cells(row).indexOf(cell);
    let next;
    switch (event.key) {
      case "ArrowRight": next = cells(row)[at + 1]; break;
      case "ArrowLeft": next = cells(row)[at - 1]; break;
      case "ArrowDown": if (rows[row + 1]) next = cells(row + 1)[at]; break;
      case "ArrowUp": if (rows[row - 1]) next = cells(row - 1)[at]; break;
      case "Home": next = cells(row)[0]; break;
      case "End": next = cells(row).at(-1); break;
      default: return;
    }
    event.preventDefault();
    if (next) { cell.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  });
}
// On paper nothing can be unfolded.
addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });
// While an array runs: the page is written again and again; whoever looks decides whether it is loaded again.
const button = document.querySelector("#reload");
if (button) {
  const key = "spikebin-reload", seconds = Number(button.dataset.seconds);
  let timer;
  const show = () => {
    const on = sessionStorage.getItem(key) === "on";
    button.setAttribute("aria-pressed", String(on));
    clearInterval(timer);
    if (on) timer = setInterval(() => location.reload(), 1000 * seconds);
  };
  button.addEventListener("click", () => {
    sessionStorage.setItem(key, sessionStorage.getItem(key) === "on" ? "off" : "on");
    show();
  });
  show();
}
