/* Keys and toggles. Everything else is server-rendered: forms and links work without this file. */
const root = document.documentElement;

const inField = (element) => element.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
const click = (selector) => {
  const target = document.querySelector(selector);
  if (target && !target.disabled) target.click();
  return Boolean(target);
};

/* ------------------------------------------------------------- toggles */
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches("[data-blur-toggle]")) {
    root.dataset.blur = root.dataset.blur === "off" ? "on" : "off";
    button.setAttribute("aria-pressed", String(root.dataset.blur !== "off"));
  }
  const viewer = document.querySelector(".viewer");
  if (viewer && button.dataset.toggle) {
    const name = button.dataset.toggle;
    viewer.dataset[name] = viewer.dataset[name] === "on" ? "off" : "on";
    button.setAttribute("aria-pressed", String(viewer.dataset[name] === "on"));
  }
});

/* --------------------------------------------------------------- faces */
const faces = () => [...document.querySelectorAll(".face[data-face]")];

const choose = (link) => {
  for (const other of faces()) {
    if (other === link) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  for (const part of document.querySelectorAll("[data-finding]")) {
    part.hidden = part.dataset.finding !== link.dataset.face;
  }
  for (const box of document.querySelectorAll("[data-box]")) {
    box.classList.toggle("box--chosen", box.dataset.box === link.dataset.face && !box.matches(".box--skipped"));
  }
};

document.addEventListener("click", (event) => {
  const link = event.target.closest(".face[data-face]");
  if (!link) return;
  event.preventDefault();
  choose(link);
});

/* ------------------------------------------------------- moving with J K */
const move = (step) => {
  const cases = [...document.querySelectorAll("[data-open]")]; // of the queue, as rows or tiles
  const links = cases.length ? cases : faces();
  if (!links.length) return false;
  const now = links.findIndex((link) => link === document.activeElement || link.matches("[aria-current]"));
  const next = links[now < 0 ? (step > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, now + step))];
  next.focus();
  if (next.matches(".face")) choose(next);
  next.closest("tr")?.scrollIntoView({ block: "nearest" });
  return true;
};

/* ---------------------------------------------------------------- keys */
/* each person's own, from the server; single keys can be turned off (WCAG 2.1.4) */
const ACTIONS = {
  synthetic: () => click('.choice[value="synthetic"]'),
  altered: () => click('.choice[value="altered"]'),
  genuine: () => click('.choice[value="genuine"]'),
  cannot_tell: () => click('.choice[value="cannot_tell"]'),
  escalate: () => click("[data-escalate]"),
  skip: () => click("[data-skip]"),
  undo: () => click("[data-undo]"),
  next: () => click("[data-next]"),
  blur: () => click('[data-toggle="blur"], [data-blur-toggle]'),
  heat: () => click('[data-toggle="heat"]'),
  boxes: () => click('[data-toggle="boxes"]'),
  view: () => click("[data-next-view]"),
  zoom_in: () => click('[data-zoom="in"]'),
  zoom_out: () => click('[data-zoom="out"]'),
  fit: () => click('[data-zoom="fit"]'),
  hold: () => click("[data-hold]"),
  down: () => move(1),
  up: () => move(-1),
  help: () => click('.side [popovertarget="keys"]'),
  search: () => {
    const box = document.querySelector('input[type="search"]');
    box?.focus();
    return Boolean(box);
  },
};
const chosen = JSON.parse(document.body.dataset.keys || "{}");
const actionOf = Object.fromEntries(Object.entries(chosen).map(([action, key]) => [key, action]));
const keysAreOn = () => document.body.dataset.singleKeys !== "off";

const keysBox = document.querySelector("[data-keys-toggle]");
keysBox?.addEventListener("change", () => {
  document.body.dataset.singleKeys = keysBox.checked ? "on" : "off";
  fetch(keysBox.dataset.keysToggle, {
    method: "POST",
    headers: JSON.parse(document.body.getAttribute("hx-headers")),
    body: new URLSearchParams({ on: String(keysBox.checked) }),
  }).catch(() => document.dispatchEvent(new Event("guard:broken")));
});

const pressed = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (!keysAreOn() || inField(event.target)) return;
  const action = actionOf[event.key.toLowerCase()] ?? (event.key === "=" ? actionOf["+"] : undefined); // + without Shift
  if (document.querySelector("dialog:popover-open") && action !== "help") return;
  if (/^[1-9]$/.test(event.key)) {
    if (click(`.reason input[data-key="${event.key}"]`)) event.preventDefault();
    return;
  }
  if (action && ACTIONS[action]()) event.preventDefault();
};
document.addEventListener("keydown", pressed);
const early = window.guardEarlyKeys ?? []; // see theme.js; answered once all scripts of the page are there
window.guardEarlyKeys = null;
document.addEventListener("DOMContentLoaded", () => early.forEach(pressed));

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".banner").remove();
});

/* nothing on the desk makes a sound where a person, or the organisation, wants it quiet */
if (root.dataset.mute === "on") {
  document.addEventListener("play", (event) => (event.target.muted = true), true);
}

/* -------------------------------------------- a missing reason moves focus */
document.addEventListener("submit", (event) => {
  const form = event.target.closest(".decide");
  const wanted = event.submitter;
  if (!form || !wanted?.matches("[data-needs-reason]")) return;
  if (form.querySelector('.reason input:checked')) return;
  event.preventDefault();
  const said = form.querySelector("[data-reason-missing]");
  said.querySelector("span").textContent = said.dataset.reasonMissing.replace("[decision]", wanted.dataset.word);
  said.hidden = false;
  form.querySelector(".reason input").focus();
});

document.addEventListener("change", (event) => {
  if (!event.target.closest(".reason")) return;
  const said = document.querySelector("[data-reason-missing]");
  if (said && event.target.checked) said.hidden = true;
});

/* what is filled in behind “Note” is said beside the decisions, so that nothing goes along unseen */
const sayExtras = ({ target }) => {
  if (!target.matches("#note, #effect")) return;
  const note = document.getElementById("note");
  const effect = document.getElementById("effect");
  const said = document.querySelector("[data-extras]");
  const word = effect.value && effect.selectedOptions[0].textContent;
  const way = note.value.trim() ? (word ? "both" : "note") : "effect";
  said.textContent = said.dataset[way].replace("[effect]", word);
  said.hidden = !note.value.trim() && !word;
};
for (const kind of ["input", "change"]) document.addEventListener(kind, sayExtras);

/* the redirect after a decision names the next case's heading; a fragment alone moves no focus in every browser */
if (location.hash === "#case-title") document.getElementById("case-title")?.focus();
document.querySelector("[data-focus]")?.focus();
