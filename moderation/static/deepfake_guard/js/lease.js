/* The hold on a case: a ring that empties. The page says every 30 s that it lives and how long ago its last input was;
   only input keeps the case. Announced at 60 s and 15 s; given back when the page is left. The answer to a beat says
   what comes next (next.js fetches it). */
const BEAT_EVERY = 30_000;
const FIRST_BEATS = [0, 5_000]; // at once, and once more past whatever the page before had still to say
const RENEW_EVERY = 20_000;
const ANNOUNCED = [60, 15];

let due = 0;
let renewed = 0;
let input = performance.now(); // opening the page was one
let leaving = true;
let sending = false; // what has been sent settles whose the case is
let announced = new Set();

const holder = () => document.querySelector("#lease[data-seconds]");
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const read = () => {
  const lease = holder();
  if (!lease) return;
  const seconds = Number(lease.dataset.seconds);
  due = performance.now() + seconds * 1000;
  announced = new Set([...announced].filter((mark) => seconds <= mark));
};

const tick = () => {
  const lease = holder();
  if (!lease) return;
  const left = Math.max(0, Math.round((due - performance.now()) / 1000));
  const time = lease.querySelector("time");
  time.textContent = clock(left);
  time.setAttribute("datetime", `PT${left}S`);
  const share = Math.round((100 * left) / Number(lease.dataset.full));
  lease.querySelector(".ring circle + circle").setAttribute("stroke-dasharray", `${share} 100`);
  lease.classList.toggle("is-due", left <= 60);
  lease.classList.toggle("is-mine", left > 60);
  for (const mark of ANNOUNCED) {
    if (left <= mark && left > 0 && !announced.has(mark)) {
      announced.add(mark);
      document.querySelector("#lease-said").textContent = lease.dataset.warning.replace("[seconds]", left);
    }
  }
};

const beat = () => {
  const lease = holder();
  if (!lease || sending) return;
  renewed = performance.now();
  lease.querySelector("[name=idle]").value = Math.round((performance.now() - input) / 1000);
  lease.dispatchEvent(new CustomEvent("guard:beat", { bubbles: true }));
};

const touched = () => {
  input = performance.now();
  if (input - renewed > RENEW_EVERY) beat();
};

for (const kind of ["keydown", "pointerdown", "input", "wheel"]) document.addEventListener(kind, touched, { passive: true });
document.addEventListener("htmx:afterSwap", read);

/* what the page itself sends on leads to the next case; any other way out gives this one back */
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) leaving = false;
});
document.addEventListener("click", (event) => {
  leaving = !event.target.closest?.("[data-keeps-hold]");
});
addEventListener("pagehide", () => {
  const lease = holder();
  if (!lease || !leaving) return;
  const form = new FormData();
  form.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  form.append("token", lease.querySelector("[name=token]").value);
  form.append("leaving", "1");
  navigator.sendBeacon(lease.dataset.leave, form);
});
document.addEventListener("guard:back", beat); // whose the case is now, the server knows
addEventListener("pageshow", (event) => {
  if (event.persisted) touched();
});

document.addEventListener("guard:sent", () => (sending = true));
document.addEventListener("guard:unsent", () => {
  sending = false;
  leaving = true;
});
document.addEventListener("guard:opened", () => {
  sending = false;
  leaving = true;
  input = performance.now();
  announced = new Set();
  read();
  tick();
  setTimeout(beat); // after the paint: only now the case counts as viewed, and the one after the next is taken
});

read();
tick();
setInterval(tick, 1000);
setInterval(beat, BEAT_EVERY);
addEventListener("load", () => {
  for (const wait of FIRST_BEATS) setTimeout(beat, wait);
});
