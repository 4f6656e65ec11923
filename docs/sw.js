// Keeps pages, search and the calculator's runtime for reading without a network. Registered once the calculator has run,
// never before, so that a reader who only reads downloads nothing for it. `calculator/web/publish.py` fills in the next line:
// files by name and digest, `pages` to be kept at once, `later` when they are asked for, `runtime` named by its content.
const RELEASE = {"version": "", "pages": {}, "later": {}, "runtime": []};

// Other projects share this origin: only our own caches, named by our path, are touched.
const SCOPE = new URL(self.registration.scope);
const OURS = `calculator ${SCOPE.pathname} `;
const PAGES = `${OURS}pages ${RELEASE.version}`;
const RUNTIME = `${OURS}runtime`;
const NAMED_BY_CONTENT = /[.-][0-9a-f]{8,}\./;
const VERSIONED = /^\?v=[0-9a-f]{12}$/;
const DIGEST = /-([0-9a-f]{16})\.\w+$/;
const LONGEST_SILENCE_MS = 3000;

const DIGESTS = new Map([
  ...Object.entries(RELEASE.pages),
  ...Object.entries(RELEASE.later),
  ...RELEASE.runtime.map((name) => [name, DIGEST.exec(name)[1]]),
]);
const cacheOf = (name) => (RELEASE.runtime.includes(name) ? RUNTIME : PAGES);

self.addEventListener("install", (event) => event.waitUntil(keepRelease()));

self.addEventListener("activate", (event) => event.waitUntil(forgetOldReleases()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== SCOPE.origin || !url.pathname.startsWith(SCOPE.pathname)) return;
  const name = nameOf(url);
  // At the root of an origin any path may be another project's.
  if (SCOPE.pathname === "/" && !DIGESTS.has(name)) return;
  const asNamed = url.search === "" || VERSIONED.test(url.search);
  const neverChanges = asNamed && (NAMED_BY_CONTENT.test(url.pathname) || VERSIONED.test(url.search));
  event.respondWith(neverChanges ? cacheFirst(event, name) : networkFirst(event, name));
});

function address(name) {
  return new URL(name, SCOPE).href;
}

// A link's query holds a reader's numbers and is no part of the name; a release's number for a script or style is.
function nameOf(url) {
  const path = url.pathname.slice(SCOPE.pathname.length).replace(/(^|\/)index\.html$/, "$1");
  return path + (VERSIONED.test(url.search) ? url.search : "");
}

// What is kept is of this release and whole, or the installation fails, and the browser tries again on the next visit.
async function keepRelease() {
  await Promise.all([...Object.keys(RELEASE.pages), ...RELEASE.runtime].map(keepAtOnce));
}

// The browser's own cache may hold the release before: what is not right is asked for past it.
async function keepAtOnce(name) {
  const cache = await caches.open(cacheOf(name));
  if (cacheOf(name) === RUNTIME && (await cache.match(address(name)))) return;
  for (const mode of ["default", "reload"]) {
    const response = await fetch(address(name), { cache: mode, redirect: "error" });
    if (!response.ok || !(await isIntact(name, response.clone()))) continue;
    await cache.put(address(name), response);
    return;
  }
  throw new Error(`${name} is not of this release`);
}

async function isIntact(name, response) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return found.startsWith(DIGESTS.get(name));
}

async function forgetOldReleases() {
  for (const name of await caches.keys()) {
    if (name.startsWith(OURS) && name !== PAGES && name !== RUNTIME) await caches.delete(name);
  }
  const cache = await caches.open(RUNTIME);
  const wanted = new Set(RELEASE.runtime.map(address));
  for (const request of await cache.keys()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
}

// A file named by its content never changes under its name.
async function cacheFirst(event, name) {
  return (await kept(name)) ?? networkFirst(event, name);
}

// The network's own word stands, unless it has none, or stays silent, and there is a kept page to show.
async function networkFirst(event, name) {
  const { request } = event;
  const arriving = fetch(request);
  event.waitUntil(arriving.then((response) => keep(name, response.clone())).catch(() => {}));
  const found = await kept(name);
  try {
    const response = await (found ? Promise.race([arriving, silence()]) : arriving);
    // A redirection is followed by the browser itself.
    return response.ok || response.type === "opaqueredirect" || !found ? response : found;
  } catch (error) {
    if (found) return found;
    if (request.mode === "navigate") return (await kept("404.html")) ?? Response.error();
    throw error;
  }
}

function silence() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), LONGEST_SILENCE_MS));
}

// A browser that blocks storage refuses the question itself.
async function kept(name) {
  if (!DIGESTS.has(name)) return undefined;
  try {
    return await (await caches.open(cacheOf(name))).match(address(name));
  } catch {
    return undefined;
  }
}

// Another project's file, the sign-in page of a network or a newer release's page may come under any name: only what is of
// this release is kept. A full disk is no reason to fail.
async function keep(name, response) {
  if (!response.ok || !DIGESTS.has(name) || !(await isIntact(name, response.clone()))) return;
  await (await caches.open(cacheOf(name))).put(address(name), response);
}
