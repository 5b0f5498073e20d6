/* Run in a page by geometry.py: a list of what is out of place. */
() => {
  const told = new Set();
  const root = document.documentElement;
  const words = (el) => (el.innerText || el.value || el.getAttribute("aria-label") || "").trim().slice(0, 40);
  const name = (el) => `${el.tagName.toLowerCase()}${el.id ? `#${el.id}` : ""}.${[...el.classList].join(".")} “${words(el)}”`;
  const up = (el) => (el ? [el, ...up(el.parentElement)] : []); // the element and all that hold it
  const style = (el) => getComputedStyle(el);
  const seen = (el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const silent = (el) => el.closest("[aria-hidden=true]") || up(el).some((one) => style(one).clipPath === "inset(50%)");

  if (root.scrollWidth > root.clientWidth) told.add(`the page scrolls sideways: ${root.scrollWidth} px`);

  /* whether a box, of text or of a control, shows whole: what hides its overflow cuts it, what scrolls brings it */
  const cut = (box, el) => {
    const free = { X: true, Y: true };
    for (const holder of up(el)) {
      if (holder === document.body) break;
      const edge = holder.getBoundingClientRect();
      const look = style(holder);
      for (const [axis, out] of [
        ["X", box.right > edge.right + 1 || box.left < edge.left - 1],
        ["Y", box.bottom > edge.bottom + 1 || box.top < edge.top - 1],
      ]) {
        const way = look[`overflow${axis}`];
        if (["auto", "scroll"].includes(way)) free[axis] = false;
        else if (free[axis] && out && way !== "visible") return true;
      }
      if (look.position === "fixed") break;
    }
    return free.X && (box.right > root.clientWidth + 1 || box.left < -1);
  };

  const BOXES = "button, .button, .chip, .choice, .segment > *, .navlink, .face, .figure, th, td";
  const runsOut = (box, edge) =>
    box.right > edge.right + 1 || box.left < edge.left - 1 || box.bottom > edge.bottom + 2 || box.top < edge.top - 2;

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || el.closest("template, script, option, svg") || !seen(el) || silent(el)) continue;
    if (up(el).some((one) => style(one).textOverflow === "ellipsis")) continue; // shortened on purpose, and says so
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const holder = el.closest(BOXES);
    for (const box of range.getClientRects()) {
      if (box.width < 1) continue;
      if (cut(box, el)) told.add(`text is cut off: ${name(el)}`);
      else if (holder && runsOut(box, holder.getBoundingClientRect())) told.add(`text runs out of its box: ${name(el)}`);
    }
  }

  /* each control is brought to the middle and must then be what a click there meets */
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  for (const el of document.querySelectorAll(CONTROLS)) {
    if (el.closest(".skip-link, [popover]:not(:popover-open)") || !seen(el) || silent(el)) continue;
    el.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const boxes = [...el.getClientRects()].filter((one) => one.width > 0 && one.height > 0);
    if (!boxes.length) continue;
    const box = boxes[0];
    if (boxes.length === 1 && cut(box, el)) {
      told.add(`a control is cut off: ${name(el)}`);
      continue;
    }
    const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2; // of what is in sight
    const x = middle(box.left, box.right, root.clientWidth - 1);
    const y = middle(box.top, box.bottom, root.clientHeight - 1);
    const met = document.elementFromPoint(x, y);
    const label = el.closest("label") ?? (el.id ? document.querySelector(`label[for="${el.id}"]`) : null);
    if (!met) told.add(`a control cannot be reached: ${name(el)}`);
    else if (!el.contains(met) && !met.contains(el) && !label?.contains(met)) told.add(`covered by ${name(met)}: ${name(el)}`);
  }
  scrollTo(0, 0);
  return [...told];
}
