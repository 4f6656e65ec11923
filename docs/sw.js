// Keeps pages, search and the calculator's runtime for reading without a network. Registered once the calculator has run,
// never before, so that a reader who only reads downloads nothing for it. `calculator/publish.py` fills in the next line.
const RELEASE = {"version": "", "shell": [], "pages": [], "runtime": []};

// Other projects share this origin: only our own caches, named by our path, are touched.
const SCOPE = new URL(self.registration.scope);
const OURS = `calculator ${SCOPE.pathname} `;
const PAGES = `${OURS}pages ${RELEASE.version}`;
const RUNTIME = `${OURS}runtime`;
const NAMED_BY_CONTENT = /[.-][0-9a-f]{8,}\.|[?&]v=[0-9a-f]+/;

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
  event.respondWith(NAMED_BY_CONTENT.test(url.href) ? cacheFirst(request) : networkFirst(request));
});

function address(name) {
  return new URL(name, SCOPE).href;
}

async function keepRuntime(cache) {
  for (const name of RELEASE.runtime) {
    if (!(await cache.match(address(name)))) await cache.add(address(name));
  }
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
async function cacheFirst(request) {
  const found = await caches.match(request);
  if (found) return found;
  return networkFirst(request);
}

async function networkFirst(request) {
  try {
    const response = await fetch(request);
    if (response.ok) await keep(request, response.clone());
    return response;
  } catch (error) {
    const found = await caches.match(request, { ignoreSearch: true });
    if (found) return found;
    if (request.mode === "navigate") return (await caches.match(address("404.html"))) ?? Response.error();
    throw error;
  }
}

// A link's query holds a reader's numbers: the page is kept without it. A full disk is no reason to fail.
async function keep(request, response) {
  const url = new URL(request.url);
  if (!NAMED_BY_CONTENT.test(url.href)) url.search = "";
  try {
    const cache = await caches.open(PAGES);
    await cache.put(url.href, response);
  } catch {
    return;
  }
}
