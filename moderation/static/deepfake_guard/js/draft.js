/* What is filled in on a case outlives a page that goes before it is sent: a session that ends, a reload, a slip of the
   Back key. The tab keeps it, for the same person and case, until it is sent. */
const form = () => document.querySelector("form[data-draft]");
const name = () => `guard-draft ${form().dataset.draft}`;
const fields = () => [...form().elements].filter((field) => field.matches("[name=reason], [name=note], [name=effect]"));

let sent = false;
let untouched = "";

const filledIn = () =>
  JSON.stringify(fields().map((field) => [field.name, field.type === "checkbox" ? field.checked && field.value : field.value]));

const restore = () => {
  sent = false;
  if (!form()) return;
  untouched = filledIn();
  const kept = sessionStorage.getItem(name());
  sessionStorage.removeItem(name());
  if (!kept) return;
  const values = JSON.parse(kept);
  for (const field of fields()) {
    const has = (value) => values.some(([of, is]) => of === field.name && is === value);
    if (field.type === "checkbox") field.checked = has(field.value);
    else field.value = values.find(([of]) => of === field.name)?.[1] ?? "";
    field.dispatchEvent(new Event("input", { bubbles: true })); // what goes with the decision is said beside it
  }
};

addEventListener("pagehide", () => {
  if (form() && !sent && filledIn() !== untouched) sessionStorage.setItem(name(), filledIn());
});
addEventListener("pageshow", (event) => {
  if (event.persisted) restore();
});
/* on the window, as in next.js: what somebody stopped was not sent */
addEventListener("submit", (event) => {
  if (event.target === form() && !event.defaultPrevented) sent = true;
});
document.addEventListener("guard:sent", () => (sent = true));
document.addEventListener("guard:unsent", () => (sent = false));
document.addEventListener("guard:opened", restore);

restore();
