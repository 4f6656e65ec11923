// Runs the service worker against a made-up server and made-up caches, and prints what it did: standard input is JSON with
// `scope`, `release`, `caches` {name: {address: body}} and `steps`, each [event, ...]:
//   ["serve", {path: body or {body, status, silent, browser}}]   what the server has from now on; `browser` is what the
//                                                                browser's own cache still holds under that path
//   ["install"] ["activate"] ["fetch", path, mode]

import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const given = JSON.parse(readFileSync(0, "utf8"));
const ORIGIN = "https://example.test";
const stores = new Map(Object.entries(given.caches ?? {}).map(([name, files]) => [name, new Map(Object.entries(files))]));
const listeners = {};
let served = {};

function cache(name) {
  if (!stores.has(name)) stores.set(name, new Map());
  const files = stores.get(name);
  const body = (key) => (files.has(key) ? new Response(files.get(key)) : undefined);
  return {
    match: async (key) => body(key),
    put: async (key, response) => files.set(key, await response.text()),
    delete: async ({ url }) => files.delete(url),
    keys: async () => [...files.keys()].map((url) => ({ url })),
  };
}

async function serve(asked, { cache: mode } = {}) {
  const { pathname } = new URL(asked.url ?? asked);
  const file = served[pathname];
  if (file === undefined) return new Response("not found", { status: 404 });
  if (file === null) throw new TypeError("no network");
  if (file.silent) return new Promise(() => {});
  const body = typeof file === "string" ? file : mode !== "reload" && file.browser !== undefined ? file.browser : file.body;
  return new Response(body, { status: file.status ?? 200 });
}

const worker = {
  registration: { scope: ORIGIN + given.scope },
  addEventListener: (kind, act) => (listeners[kind] = act),
};
runInNewContext(
  readFileSync(new URL("../../docs/sw.js", import.meta.url), "utf8").replace(
    /^const RELEASE = .*;$/m,
    `const RELEASE = ${JSON.stringify(given.release)};`,
  ),
  {
    self: worker,
    caches: {
      open: async (name) => cache(name),
      keys: async () => [...stores.keys()],
      delete: async (name) => stores.delete(name),
    },
    fetch: serve,
    crypto,
    URL,
    Response,
    // A silence of seconds is over at once: nothing else here waits.
    setTimeout: (act, ms) => setTimeout(act, ms / 100),
  },
);

async function happen(kind, path, mode) {
  const waits = [];
  let answer;
  const request = { url: ORIGIN + path, method: "GET", mode: mode ?? "no-cors" };
  const event = { request, waitUntil: (wait) => waits.push(wait), respondWith: (promise) => (answer = promise) };
  try {
    listeners[kind](event);
    const response = await answer;
    if (kind !== "fetch") await Promise.all(waits);
    else if (!served[new URL(request.url).pathname]?.silent) await Promise.all(waits);
    if (kind !== "fetch") return "done";
    return response ? `${response.status} ${await response.text()}` : "left to the browser";
  } catch (error) {
    return `failed: ${error.message}`;
  }
}

const told = [];
for (const [kind, ...rest] of given.steps) {
  if (kind === "serve") [served] = rest;
  else told.push(await happen(kind, ...rest));
}
console.log(JSON.stringify({ told, caches: Object.fromEntries([...stores].map(([n, f]) => [n, Object.fromEntries(f)])) }));
