/* The hold on a case: a ring that empties, renewed by input, announced at 60 s and 15 s. */
const RENEW_EVERY = 20_000;
const ANNOUNCED = [60, 15];

let due = 0;
let renewed = 0;
let announced = new Set();

const holder = () => document.querySelector("#lease[data-seconds]");
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const read = () => {
  const lease = holder();
  if (!lease) return;
  due = performance.now() + Number(lease.dataset.seconds) * 1000;
  renewed = performance.now();
  announced = new Set();
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
      document.querySelector("#lease-said").textContent = `This case stays yours for ${left} seconds. Any key keeps it.`;
    }
  }
};

const renew = () => {
  if (!holder() || performance.now() - renewed < RENEW_EVERY) return;
  renewed = performance.now();
  holder().dispatchEvent(new CustomEvent("guard:renew", { bubbles: true }));
};

for (const kind of ["keydown", "pointerdown", "input"]) document.addEventListener(kind, renew, { passive: true });
document.addEventListener("htmx:afterSwap", read);
read();
tick();
setInterval(tick, 1000);
