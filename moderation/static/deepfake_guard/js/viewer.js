/* The picture: fit, 1:1 and on to single pixels by wheel, keys, buttons and pinch; moved by dragging; other views of it.
   Without this file the picture is shown fitted. Scale: screen pixels for one pixel of the picture. */
const NEAREST = 32;
const STEPS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32];
const WHEEL_STEP = 1.0015; // to the power of the wheel's pixels
let shownAgain = () => {}; // of the picture that is on the page now

const start = () => {
  const stage = document.querySelector(".viewer__stage");
  if (!stage) return;
  const viewer = stage.closest(".viewer");
  const frame = stage.querySelector(".viewer__frame");
  const picture = frame.querySelector(".viewer__picture");
  const said = viewer.querySelector("[data-zoom-said]");
  const width = Number(viewer.dataset.width);
  const height = Number(viewer.dataset.height);
  const shown = { picture: picture.src };
  let scale = 0; // 0: fitted
  let view = "picture";

  const pixel = () => 1 / window.devicePixelRatio; // of the screen, in CSS pixels
  const fitted = () => Math.min(stage.clientWidth / width, stage.clientHeight / height) / pixel();
  const source = (name) => viewer.querySelector(`#views [data-view="${name}"]`)?.dataset.src;
  const lossless = () => viewer.querySelector("#views")?.dataset.inspect;

  const say = () => {
    const parts = [scale ? `${Math.round(scale * 100)} %` : said.dataset.fit];
    if (scale && view === "picture") parts.push(picture.src === shown.inspect ? said.dataset.lossless : said.dataset.preview);
    said.textContent = parts.join(", ");
  };

  /* a picture is exchanged only when it is there, so that nothing flickers */
  const show = (address, name) => {
    if (!address || picture.src === new URL(address, location).href) return;
    const next = new Image();
    next.addEventListener("load", () => {
      if (view !== name) return;
      if (address === lossless()) shown.inspect = next.src;
      picture.src = next.src;
      say();
    });
    next.src = address;
  };

  const refresh = () => {
    if (view !== "picture") show(source(view), view);
    else if (scale && lossless()) show(lossless(), "picture");
    else if (!shown.inspect) show(shown.picture, "picture");
    else show(shown.inspect, "picture");
    say();
  };

  /* zoom so that the point of the picture under (x, y), in CSS pixels of the stage, stays there */
  const zoom = (wanted, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const least = Math.min(fitted(), 1); // a small picture is fitted larger than 1:1, and still shown 1:1
    const before = frame.getBoundingClientRect();
    const corner = stage.getBoundingClientRect();
    const inside = scale
      ? { x: before.left, y: before.top, w: before.width, h: before.height }
      : fittedBox(before, fitted());
    const share = {
      x: (corner.left + x - inside.x) / inside.w,
      y: (corner.top + y - inside.y) / inside.h,
    };
    scale = wanted < least * 0.999 ? 0 : Math.min(NEAREST, wanted);
    viewer.dataset.zoom = scale ? "on" : "off";
    viewer.dataset.pixels = scale >= 2 ? "on" : "off";
    frame.style.width = scale ? `${width * scale * pixel()}px` : "";
    frame.style.height = scale ? `${height * scale * pixel()}px` : "";
    if (scale) {
      const after = frame.getBoundingClientRect();
      stage.scrollLeft += after.left + share.x * after.width - corner.left - x;
      stage.scrollTop += after.top + share.y * after.height - corner.top - y;
    }
    refresh();
  };

  const fittedBox = (box, at) => {
    const w = width * at * pixel();
    const h = height * at * pixel();
    return { x: box.left + (box.width - w) / 2, y: box.top + (box.height - h) / 2, w, h };
  };

  const step = (way) => {
    const now = scale || fitted();
    const least = Math.min(fitted(), 1) * 0.999;
    const further = STEPS.filter((one) => (way > 0 ? one > now * 1.01 : one < now * 0.99 && one >= least));
    zoom(further.length ? (way > 0 ? further[0] : further.at(-1)) : way > 0 ? now : 0);
  };

  const choose = (name) => {
    if (name !== "picture" && !source(name)) return;
    view = name;
    for (const button of viewer.querySelectorAll("#views [data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === name));
    }
    refresh();
  };

  viewer.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.zoom === "in") step(1);
    if (button.dataset.zoom === "out") step(-1);
    if (button.dataset.zoom === "fit") zoom(scale ? 0 : 1);
    if (button.dataset.view) choose(button.dataset.view);
    if ("nextView" in button.dataset) {
      const names = [...viewer.querySelectorAll("#views [data-view]:not([disabled])")].map((one) => one.dataset.view);
      choose(names[(names.indexOf(view) + 1) % names.length]);
    }
  });

  const at = (event) => {
    const corner = stage.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  };

  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      zoom((scale || fitted()) * WHEEL_STEP ** -(event.ctrlKey ? pixels * 4 : pixels), ...at(event)); // ctrl: a pinch
    },
    { passive: false },
  );
  stage.addEventListener("dblclick", (event) => zoom(scale ? 0 : 1, ...at(event)));

  const move = (from, to) => {
    stage.scrollLeft += from[0] - to[0];
    stage.scrollTop += from[1] - to[1];
  };

  /* dragging moves; two fingers pinch, and what lay between them stays between them */
  const fingers = new Map();
  let last = null;
  const pinch = () => {
    const [one, other] = [...fingers.values()].map(at);
    const middle = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
    return { middle, spread: Math.hypot(one[0] - other[0], one[1] - other[1]) };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, event);
    if (scale || fingers.size === 2) stage.setPointerCapture(event.pointerId);
    if (fingers.size === 2) last = pinch();
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const now = pinch();
      zoom(((scale || fitted()) * now.spread) / last.spread, ...last.middle);
      move(last.middle, now.middle);
      last = now;
    } else if (scale) move(at(before), at(event));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => fingers.delete(event.pointerId));
  }

  shownAgain = refresh;
  say();
};

start();
document.addEventListener("guard:opened", start);
document.addEventListener("htmx:afterSwap", () => shownAgain()); // the close views have come
