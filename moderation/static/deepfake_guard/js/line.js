/* The line to the server. While it is gone what was filled in stays, and what was asked for waits and is sent once.
   Whether it is gone the server itself is asked: a browser also calls a machine offline that serves its own desk. */
const AGAIN_EVERY = 3_000;
const PATIENCE = 4_000;
const SILENT = 30_000; // after so long without an answer a form asks first whether anybody is there
const RECENT = 1_000; // the same where the browser calls itself offline
const SLOW = 300; // what takes less shows no skeleton
const LOCKED_FOR = 15_000;

const notice = document.getElementById("line");
const failed = new Map(); // element → verb and path of what only reads and found nobody
const slow = new WeakMap();
let out = false;
let leaving = false;
let asking = null;
let next = 0;
let heard = performance.now(); // this page is an answer
let waiting = null; // the one form that is to be sent, with the button that was pressed
let sent = null;

/* ---------------------------------------------------------- what is said */
const say = (kind) => {
  notice.replaceChildren(...(kind ? [document.getElementById(`line-${kind}`).content.cloneNode(true)] : []));
  if (!waiting || kind !== "off") return;
  const words = (waiting.button ?? waiting.form.querySelector("button")).cloneNode(true);
  for (const part of words.querySelectorAll("kbd, .waits")) part.remove();
  notice.querySelector("[data-what]").textContent = words.textContent.trim();
  for (const part of notice.querySelectorAll("[data-waits]")) part.hidden = false;
};

const hold = (form, button) => {
  free();
  waiting = { form, button };
  if (!button) return;
  button.setAttribute("aria-disabled", "true");
  button.append(document.getElementById("line-waits").content.cloneNode(true));
};

const free = () => {
  waiting?.button?.removeAttribute("aria-disabled");
  waiting?.button?.querySelector(".waits")?.remove();
  waiting = null;
};

/* -------------------------------------------------------- gone, and back */
const answers = async () => {
  try {
    return (await fetch(notice.dataset.probe, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) })).ok;
  } catch {
    return false;
  }
};

const look = async () => {
  const there = await answers();
  asking = null;
  if (leaving) return;
  if (there) back();
  else lost();
};
const check = () => (asking ??= look());

const lost = () => {
  if (!out) say("off"); // said once: a region that speaks would else repeat it every three seconds
  out = true;
  clearTimeout(next);
  next = setTimeout(check, AGAIN_EVERY);
};

const back = () => {
  heard = performance.now();
  if (out) say("");
  out = false;
  const { form, button } = waiting ?? {};
  free();
  if (form?.isConnected) form.requestSubmit(button);
  else again();
};

const again = () => {
  say("");
  const missed = [...failed];
  failed.clear();
  for (const [element, [verb, path]] of missed) {
    if (element.isConnected) window.htmx.ajax(verb, path, { source: element });
  }
  document.dispatchEvent(new Event("guard:back"));
};

for (const kind of ["offline", "online"]) addEventListener(kind, check);
document.addEventListener("guard:broken", check);
document.addEventListener("guard:unsent", () => (sent = null)); // by next.js, as is the other
document.addEventListener("guard:opened", () => (heard = performance.now()));
addEventListener("pagehide", () => (leaving = true));
addEventListener("pageshow", () => {
  leaving = false;
  sent = null;
});
if (!navigator.onLine) check();

/* --------------------------------------------------- forms, links, buttons */
/* on the window: after all who may still refuse the form */
addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target === sent) return event.preventDefault(); // it is on its way: nothing goes twice
  if (!out && performance.now() - heard < (navigator.onLine ? SILENT : RECENT)) {
    if (event.target.method === "post") {
      sent = event.target;
      setTimeout(() => (sent = null), LOCKED_FOR);
    }
    return;
  }
  event.preventDefault();
  hold(event.target, event.submitter);
  if (out) say("off");
  check();
});

addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (button?.matches("[data-unsend]")) {
    free();
    say("off");
  }
  if (button?.matches("[data-again]")) again();
  const link = event.target.closest?.("a[href]");
  if (!out || event.defaultPrevented || !link || link.target || link.getAttribute("href").startsWith("#")) return;
  event.preventDefault(); // the browser's own error page would take the place of what was filled in
  say("off");
});

/* ------------------------------------------------------ what htmx loads */
const remember = ({ elt, requestConfig, pathInfo }) => {
  const safe = requestConfig.verb === "get" || elt.matches("[data-safe]");
  if (safe) failed.set(elt, [requestConfig.verb, pathInfo.requestPath]);
};
const polls = (element) => element.getAttribute("hx-trigger")?.startsWith("every");

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const place = detail.target;
  if (!place.matches?.("[data-loads]") || polls(detail.elt)) return;
  place.setAttribute("aria-busy", "true");
  slow.set(place, setTimeout(() => (place.dataset.slow = ""), SLOW));
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.xhr?.status) heard = performance.now();
  clearTimeout(slow.get(detail.target));
  detail.target.removeAttribute?.("aria-busy");
  delete detail.target.dataset?.slow;
});

for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail }) => {
    remember(detail);
    check();
  });
}

document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status < 500 || out) return;
  remember(detail);
  say("fault");
});
