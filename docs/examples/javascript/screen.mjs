// Sends one file to the guard, waits for what the screen finds and prints it. Node ≥ 20, nothing to install:
//   GUARD_URL=https://guard.example.org GUARD_API_KEY=dg_… node screen.mjs photo.jpg post-4711
// The key belongs on a server, never into a page: a browser sends the file to you, and you send it here.

import { openAsBlob } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const TERMINAL = new Set(["done", "not_applicable", "quarantined", "failed"]);

class Problem extends Error {
  constructor(status, document) {
    super(`${status} ${document.code}: ${document.detail} (request ${document.request_id})`);
    Object.assign(this, { status, code: document.code, errors: document.errors ?? [] });
  }
}

async function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${process.env.GUARD_API_KEY}`, ...options.headers };
  const answer = await fetch(`${process.env.GUARD_URL}/api/v1/${path}`, { ...options, headers });
  if (!answer.ok) throw new Problem(answer.status, await answer.json());
  return { body: await answer.json(), retryAfter: Number(answer.headers.get("Retry-After") ?? 1) };
}

async function submit(file, externalId) {
  const form = new FormData();
  form.set("file", await openAsBlob(file), "upload");
  form.set("external_id", externalId);
  // Keep this key with the upload: sent again under the same key, after an answer was lost, it is the same request.
  const headers = { "Idempotency-Key": crypto.randomUUID(), Prefer: "wait=8" };
  return (await ask("items", { method: "POST", body: form, headers })).body;
}

async function ended(item) {
  while (!TERMINAL.has(item.status)) {
    const { body, retryAfter } = await ask(`items/${item.id}`);
    item = body;
    if (!TERMINAL.has(item.status)) await pause(1000 * retryAfter);
  }
  return item;
}

const [file, externalId] = process.argv.slice(2);
try {
  const { id, status, reasons, p_value, n, verdict } = await ended(await submit(file, externalId));
  console.log(JSON.stringify({ id, status, reasons, p_value, n, outcome: verdict?.outcome ?? null }));
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
