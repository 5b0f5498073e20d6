/* From case to case without a new page. The cases that come next are fetched while this one is looked at; when the server
   has recorded what was sent, and says that what was fetched still holds, it is put in place. Whatever stops a decision
   leaves what was filled in. Without this file the forms work as they are. */
const FORMS = "#decide, .undo form, #illegal-box form";
const SEEN_AFTER = 250; // ms; what is pressed sooner was meant for the case before: nobody judges a picture that fast
const LONGEST = 15_000; // ms
const SHOWN = [200, 409, 422];

const main = document.getElementById("main");
const ahead = new Map(); // number → part: fetched, shown to nobody
const fetching = new Set();
let sending = false;
let unseen = true;

const part = () => document.getElementById("case");

/* the new <main> of an answer, with its pictures loading; scripts do not run in it */
const read = (html) => {
  const holder = document.createElement("div");
  holder.innerHTML = html;
  return holder.querySelector("#main");
};

/* ------------------------------------------------------------ fetched ahead */
const fetchOne = async (address) => {
  const answer = await fetch(address, { headers: { "Guard-Ahead": "none" }, priority: "low", redirect: "manual" });
  if (!answer.ok) return null;
  const made = read(await answer.text());
  made.querySelector(".viewer__picture")?.decode().catch(() => {}); // ready to be painted
  return made;
};

const fetchAhead = async () => {
  const said = document.getElementById("ahead")?.dataset;
  if (said?.cases === undefined) return;
  const wanted = new Map(said.cases.split(" ").filter(Boolean).map((pair) => pair.split(":")));
  for (const [number, made] of ahead) {
    if (made.querySelector("#case").dataset.stamp !== wanted.get(number)) ahead.delete(number); // gone, or not as it was
  }
  for (const number of wanted.keys()) {
    if (ahead.has(number) || fetching.has(number)) continue;
    fetching.add(number);
    try {
      const made = await fetchOne(said.address.replace(/0(?=\/$)/, number));
      if (made) ahead.set(number, made);
    } catch {
      // no connection: the next beat tries again
    } finally {
      fetching.delete(number);
    }
  }
};
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "lease") fetchAhead();
});

/* ----------------------------------------------------------- put in place */
/* what has changed since it was fetched replaces its part; what was said meanwhile stands above */
const complete = (made, changed) => {
  for (const one of changed.querySelectorAll(":scope > [id]")) {
    const old = made.querySelector(`#${one.id}`);
    if (old) old.replaceWith(one);
    else made.append(one);
  }
  made.prepend(...changed.querySelectorAll(".banner--said"));
  return made;
};

const see = () => {
  unseen = true;
  setTimeout(() => {
    unseen = false;
    part()?.setAttribute("data-seen", "");
  }, SEEN_AFTER);
};

const open = (made) => {
  sending = false;
  const title = part().querySelector("h1").textContent;
  main.replaceChildren(...made.childNodes);
  const heading = main.querySelector("#case-title");
  document.title = document.title.replace(title, heading.textContent);
  const { address } = part().dataset;
  if (address !== location.pathname) history.pushState(null, "", address);
  scrollTo(0, 0);
  (main.querySelector("[data-focus]") ?? heading).focus();
  window.htmx.process(main);
  see();
  document.dispatchEvent(new Event("guard:opened"));
};

addEventListener("popstate", () => {
  if (part() && location.pathname !== part().dataset.address) location.reload();
});

/* ------------------------------------------------------------------- sent */
const unsent = () => {
  document.dispatchEvent(new Event("guard:unsent"));
  document.dispatchEvent(new Event("guard:broken")); // perhaps the line is gone: line.js asks
  const banner = document.getElementById("unsent").content.cloneNode(true).firstElementChild;
  document.querySelector("[data-unsent]")?.remove();
  main.prepend(banner);
};

const settle = async (answer, had) => {
  if (answer.type === "opaqueredirect") {
    document.dispatchEvent(new Event("guard:unsent")); // signed out, say: the page finds out, and the draft is kept
    return location.reload();
  }
  const away = answer.headers.get("Guard-Go");
  if (away) return location.assign(away);
  const changed = read(await answer.text());
  const number = answer.headers.get("Guard-Have");
  const made = had.get(number);
  ahead.delete(number); // its nodes go into the page
  open(made ? complete(made, changed) : changed);
};

const send = async (form, submitter) => {
  const had = new Map(ahead);
  const have = [...had].map(([number, made]) => `${number}:${made.querySelector("#case").dataset.stamp}`);
  sending = true;
  document.dispatchEvent(new Event("guard:sent"));
  try {
    const answer = await fetch(submitter?.getAttribute("formaction") ?? form.action, {
      method: "POST",
      body: new FormData(form, submitter),
      headers: { "Guard-Ahead": have.join(" ") || "none" },
      redirect: "manual",
      keepalive: true,
      signal: AbortSignal.timeout(LONGEST),
    });
    if (answer.type !== "opaqueredirect" && !SHOWN.includes(answer.status)) throw new Error(answer.status);
    await settle(answer, had);
  } catch {
    unsent();
  } finally {
    sending = false;
  }
};

/* on the window, after all who may stop it: desk.js without a reason, line.js while the line is gone */
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches(FORMS) || event.submitter?.matches("[data-plain]")) return;
  event.preventDefault();
  if (sending) return;
  if (unseen && form.matches("#decide")) document.dispatchEvent(new Event("guard:unsent"));
  else send(form, event.submitter);
});

if (part()) see();
