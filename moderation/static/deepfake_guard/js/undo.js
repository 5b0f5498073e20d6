/* The undo bar: seconds left, and a word to the server while it is hovered or focused. */
const HOLD_EVERY = 3000;
const bar = document.getElementById("undo");

if (bar) {
  let due = performance.now() + Number(bar.dataset.seconds) * 1000;
  let held = false;
  let asked = 0;
  const seconds = bar.querySelector("[data-left]");
  const line = () =>
    bar.getAnimations({ subtree: true }).find((animation) => animation.animationName === "run-out");

  const set = (left) => {
    due = performance.now() + left * 1000;
    const running = line();
    if (running) running.currentTime = Math.max(0, 10_000 - left * 1000);
  };

  const hold = async () => {
    asked = performance.now();
    const answer = await fetch(bar.dataset.hold, {
      method: "POST",
      headers: { "X-CSRFToken": bar.querySelector("[name=csrfmiddlewaretoken]").value },
    });
    if (answer.ok) set((await answer.json()).seconds);
  };

  const isHeld = () => bar.matches(":hover") || bar.contains(document.activeElement);

  const tick = () => {
    const left = Math.max(0, Math.ceil((due - performance.now()) / 1000));
    held = isHeld();
    if (held && left > 0 && performance.now() - asked > HOLD_EVERY) hold();
    seconds.textContent = `${left} s`;
    if (left > 0) return;
    clearInterval(timer);
    if (bar.contains(document.activeElement)) document.getElementById("main")?.focus();
    bar.remove();
  };

  set(Number(bar.dataset.seconds));
  const timer = setInterval(tick, 500);
  for (const kind of ["pointerenter", "focusin"]) bar.addEventListener(kind, tick);
}
