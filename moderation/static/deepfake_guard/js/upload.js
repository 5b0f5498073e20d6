/* One request a file, so that each has its own progress and its own answer; the form works without this. */
const form = document.querySelector("[data-upload]");
const list = document.getElementById("file-rows");
const TRIES = 3; // a line that is there and still breaks off: too large for a proxy, say
const AT_ONCE = 1; // in order; two at once would race for the session that remembers them

if (form && list) {
  const drop = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  const template = document.getElementById("file-row");
  const waiting = [];
  let running = 0;
  let broken = false;

  const said = document.getElementById("files-said");
  const words = list.dataset; // in the language of the page; [name] and the like are filled in here

  const count = () => {
    const done = list.querySelectorAll(":scope > [data-final]").length;
    said.textContent = words.finished.replace("[done]", done).replace("[all]", list.children.length);
  };

  const megabytes = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

  const finish = (row, html) => {
    const made = document.createElement("template");
    made.innerHTML = html.trim();
    const fresh = made.content.firstElementChild;
    row.replaceWith(fresh);
    window.htmx.process(fresh);
  };

  const fail = (row, why) => {
    row.querySelector(".sub").textContent = why;
    row.querySelector("progress").remove();
    row.querySelector("[data-cancel]").remove();
    row.classList.replace("is-plain", "is-failed");
    row.dataset.final = "";
    count();
  };

  const send = ({ file, row, tries = 1 }) => {
    if (!row.isConnected) return next();
    running += 1;
    const request = new XMLHttpRequest();
    const body = new FormData(form);
    body.delete("files");
    body.append("files", file, file.name);
    request.open("POST", form.action);
    request.setRequestHeader("X-Upload", "one");
    request.upload.addEventListener("progress", (event) => {
      const bar = row.querySelector("progress");
      bar.max = event.total;
      bar.value = event.loaded;
      row.querySelector(".sub").textContent =
        event.loaded < event.total
          ? words.uploading.replace("[sent]", megabytes(event.loaded)).replace("[size]", megabytes(event.total))
          : words.uploaded;
    });
    request.addEventListener("load", () => {
      if (request.status === 200) finish(row, request.responseText);
      else fail(row, words.refused.replace("[status]", request.status));
    });
    request.addEventListener("error", () => {
      if (tries === TRIES) return fail(row, words.broken);
      broken = true;
      row.querySelector(".sub").textContent = words.again;
      waiting.unshift({ file, row, tries: tries + 1 });
      return document.dispatchEvent(new Event("guard:broken"));
    });
    request.addEventListener("abort", () => row.remove());
    request.addEventListener("loadend", () => {
      running -= 1;
      next();
    });
    row.querySelector("[data-cancel]").addEventListener("click", () => request.abort());
    request.send(body);
    return undefined;
  };

  const next = () => {
    while (!broken && running < AT_ONCE && waiting.length) send(waiting.shift());
  };

  const take = (files) => {
    document.getElementById("files-card").hidden = false;
    for (const file of files) {
      const row = template.content.firstElementChild.cloneNode(true);
      row.querySelector("strong").textContent = file.name;
      row.querySelector(".sub").textContent = words.waiting.replace("[size]", megabytes(file.size));
      row.querySelector("progress").setAttribute("aria-label", words.progress.replace("[name]", () => file.name));
      row.querySelector("[data-cancel]").addEventListener("click", () => row.remove());
      row.querySelector("[data-cancel-name]").textContent = words.cancel.replace("[name]", () => file.name);
      list.prepend(row);
      waiting.push({ file, row });
    }
    next();
  };

  document.addEventListener("guard:back", () => {
    broken = false;
    next();
  });

  new MutationObserver(count).observe(list, { childList: true });
  if (list.children.length) count();

  form.querySelector("[data-without-script]").hidden = true;
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.dataset.over = "";
    });
  }
  drop.addEventListener("dragleave", () => delete drop.dataset.over);
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    delete drop.dataset.over;
    take([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take([...event.clipboardData.files]);
  });
}
