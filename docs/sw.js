// Keeps pages, search and the calculator's runtime for reading without a network. Registered once the calculator has run,
// never before, so that a reader who only reads downloads nothing for it. `calculator/web/publish.py` fills in the next line.
const RELEASE = {"version": "", "shell": [], "pages": [], "runtime": []};

// Other projects share this origin: only our own caches, named by our path, are touched.
const SCOPE = new URL(self.registration.scope);
const OURS = `calculator ${SCOPE.pathname} `;
const PAGES = `${OURS}pages ${RELEASE.version}`;
const RUNTIME = `${OURS}runtime`;
const NAMED_BY_CONTENT = /[.-][0-9a-f]{8,}\./;
const VERSIONED = /^\?v=[0-9a-f]{12}$/;
const DIGEST = /-([0-9a-f]{16})\.\w+$/;

self.addEventListener("install", (event) => {
  event.waitUntil(
    Promise.all([
      caches.open(PAGES).then((cache) => cache.addAll([...RELEASE.shell, ...RELEASE.pages].map(address))),
      caches.open(RUNTIME).then((cache) => keepRuntime(cache)),
    ]),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(forgetOldReleases()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== SCOPE.origin || !url.pathname.startsWith(SCOPE.pathname)) return;
  const neverChanges = NAMED_BY_CONTENT.test(url.pathname) || VERSIONED.test(url.search);
  event.respondWith(neverChanges ? cacheFirst(event) : networkFirst(event));
});

function address(name) {
  return new URL(name, SCOPE).href;
}

// What is kept for good must be what its name says. A file that came damaged fails the installation, which the browser
// tries again on the next visit.
async function keepRuntime(cache) {
  for (const name of RELEASE.runtime) {
    if (await cache.match(address(name))) continue;
    const response = await fetch(address(name));
    if (!response.ok || !(await isIntact(name, response.clone()))) throw new Error(`${name} did not come whole`);
    await cache.put(address(name), response);
  }
}

async function isIntact(name, response) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return found.startsWith(DIGEST.exec(name)[1]);
}

async function forgetOldReleases() {
  for (const name of await caches.keys()) {
    if (name.startsWith(OURS) && name !== PAGES && name !== RUNTIME) await caches.delete(name);
  }
  const cache = await caches.open(RUNTIME);
  const kept = new Set(RELEASE.runtime.map(address));
  for (const request of await cache.keys()) {
    if (!kept.has(request.url)) await cache.delete(request);
  }
}

// A file named by its content never changes under its name.
async function cacheFirst(event) {
  return (await kept(event.request)) ?? networkFirst(event);
}

async function networkFirst(event) {
  const { request } = event;
  try {
    const response = await fetch(request);
    if (response.ok) event.waitUntil(keep(request, response.clone()));
    return response;
  } catch (error) {
    // A script of another release under the name that this page asks for would be worse than none.
    const found = await kept(request, { ignoreSearch: !VERSIONED.test(new URL(request.url).search) });
    if (found) return found;
    if (request.mode === "navigate") return (await kept(address("404.html"))) ?? Response.error();
    throw error;
  }
}

// A browser that blocks storage refuses the question itself.
async function kept(request, options) {
  try {
    return await caches.match(request, options);
  } catch {
    return undefined;
  }
}

// A link's query holds a reader's numbers: the page is kept without it. So is another copy of a file that came damaged.
// A full disk is no reason to fail.
async function keep(request, response) {
  const url = new URL(request.url);
  if (!VERSIONED.test(url.search)) url.search = "";
  try {
    const cache = await caches.open(PAGES);
    await cache.put(url.href, response);
  } catch {
    return;
  }
}
