/* The undo bar: seconds left, and a word to the server while it is hovered or focused. */
let running = null;

const start = () => {
  const bar = document.getElementById("undo");
  if (!bar || bar === running) return;
  running = bar;
  const whole = Number(bar.dataset.whole); // seconds the bar runs when nobody holds it
  const holdEvery = (whole * 1000) / 3;
  let due = performance.now() + Number(bar.dataset.seconds) * 1000;
  let held = false;
  let asked = 0;
  const seconds = bar.querySelector("[data-left]");
  const line = () =>
    bar.getAnimations({ subtree: true }).find((animation) => animation.animationName === "run-out");

  const set = (left) => {
    due = performance.now() + left * 1000;
    const drawn = line();
    if (!drawn) return;
    drawn.playbackRate = 10 / whole; // the style sheet draws the line in ten seconds
    drawn.currentTime = Math.max(0, 10_000 * (1 - left / whole));
  };

  const hold = async () => {
    asked = performance.now();
    const answer = await fetch(bar.dataset.hold, {
      method: "POST",
      headers: { "X-CSRFToken": bar.querySelector("[name=csrfmiddlewaretoken]").value },
    }).catch(() => null);
    if (answer?.ok) set((await answer.json()).seconds);
    if (!answer) document.dispatchEvent(new Event("guard:broken"));
  };

  const isHeld = () => bar.matches(":hover") || bar.contains(document.activeElement);

  const tick = () => {
    if (!bar.isConnected) return clearInterval(timer); // the next case brought its own
    const left = Math.max(0, Math.ceil((due - performance.now()) / 1000));
    held = isHeld();
    if (held && left > 0 && performance.now() - asked > holdEvery) hold();
    seconds.textContent = seconds.dataset.left.replace("[seconds]", left);
    if (left > 0) return;
    clearInterval(timer);
    if (bar.contains(document.activeElement)) document.getElementById("main")?.focus();
    bar.remove();
  };

  set(Number(bar.dataset.seconds));
  const timer = setInterval(tick, 500);
  for (const kind of ["pointerenter", "focusin"]) bar.addEventListener(kind, tick);
};

start();
document.addEventListener("guard:opened", start);
