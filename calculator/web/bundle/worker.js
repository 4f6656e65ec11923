// The module worker in which the calculators' Python runs. The build puts the names of its files into BUILT below, the
// module that is imported in the import's place, and names the result by its content: start it as `new Worker(url,
// {type: 'module'})` with the name that the build's manifest gives, and once for all pages.
//
// Messages to it:    {id, request, key}   request: JSON text for calculator.faces.browser.answer; key: which calculator asks
//                    {id, cancel: true}   what is left of that request is not wanted any more
//                    {tool, ...}          the address of a script: its `work` gets Python and the message, and answers itself
// Messages from it:  {state: 'starting' | 'ready' | 'failed', path: 'snapshot' | 'ordinary', detail, marks, keeps}
//                    {id, response}       JSON text; while its `more` is not null, another one follows
//                    {id, superseded: true}  a newer request with the same key took its place, or it was cancelled
//                    {id, error}          Python raised; the worker goes on
//                    {kept: true}         after a `ready` that keeps: the browser's cache has what the smaller files held
//                    {loading: true, share}  how much of the download is here, from 0 to 1; said as it grows and every
//                                         few seconds until it is ready: whoever hears nothing may end it
//
// There are two ways to start. `snapshot` restores the memory of a Python that has everything imported. `ordinary` starts
// Python and imports the package, which is more work, and follows in the same worker when the first way fails.
// The worker's name forces it: `new Worker(url, {type: 'module', name: 'ordinary'})`.
// The two large files of `snapshot` come in two forms. What the browser itself unpacks and compiles is ready sooner; on a
// slow line the smaller ones are, which take a script to unpack. They are asked for when the line is known to be slow or to
// save data, when it turns out to be slow, or when the others fail. The name `small` asks for them at once.
// A loop without end inside Python cannot be seen from here: the page must end a worker that stays silent.
// A query in the worker's address is passed on to every file, so that another query asks for another copy of each.

import { unpack } from './unpack.mjs';
const BUILT = {};
const DOWNLOAD_LIMIT_S = 180;
const START_LIMIT_S = 30;
const BEAT_S = 5;
const STEP = 0.02;
// What the page shows of each costs the processor that Python's start needs.
const LEAST_PAUSE_MS = 100;
// A Chromium that has measured nothing yet was seen to say 1.3 Mbit/s; what is below that was measured.
const SLOW_MBIT_PER_S = 1.2;
// So long after the heap's first bytes the line is judged, by how long the rest would take. Judged later, more of what is
// given up is already here; a line of 150 ms and 4 Mbit/s is told from one of 10 by then.
const LOOK_AFTER_MS = 200;
const TOO_LONG_S = 6;
const SMALL = { heap: 'smallheap', leanwasm: 'smallwasm' };
const LOOK_FOR_COPY_MS = 50;
const KEEP_AFTER_MS = 1000;
const WASM = 'application/wasm';
const NO_HASH = 0xffffffff;
const WORDS_BEFORE_HASH = 3; // in a text, see snapshot.mjs
const NOTHING_ZIPPED = Promise.resolve(Uint8Array.of(80, 75, 5, 6, ...Array(18).fill(0)));
const PACKED = 'X-Packed'; // says of a kept heap that nothing need be inflated

const marks = {};
const mark = (name) => (marks[name] = Math.round(performance.now()));
const place = (kind) => new URL(BUILT.files[kind].name, import.meta.url).href;
const address = (kind) => place(kind) + self.location.search;

const download = globalThis.fetch.bind(globalThis);
async function get(kind, signal) {
  const kept = kind in SMALL && slow ? await keptCopy(kind) : undefined;
  if (kept) return kept;
  const asked = new AbortController();
  signal?.addEventListener('abort', () => asked.abort());
  const sent = download(address(kind), { signal: asked.signal });
  sent.catch(() => {});
  const copy = kind in SMALL ? await copyBefore(kind, sent) : undefined;
  if (copy) asked.abort();
  const response = copy ?? (await sent);
  if (!response.ok) throw new Error(`${BUILT.files[kind].name}: the server answered ${response.status}`);
  return response;
}

// What an earlier visit has unpacked, or the service worker keeps. Another copy is not that one.
async function keptCopy(kind) {
  return self.location.search ? undefined : globalThis.caches?.match(place(kind)).catch(() => {});
}

// The same where the file that was `sent` for is long in coming, or does not come. To look for a copy at once would cost what
// comes from near some milliseconds. By the clock: a busy processor may hear of an answer before it hears of the pause's end.
async function copyBefore(kind, sent) {
  const asked = performance.now();
  const pause = new Promise((resolve) => setTimeout(resolve, LOOK_FOR_COPY_MS));
  const begun = await Promise.race([sent.then(Boolean, () => false), pause]);
  return begun && performance.now() - asked < LOOK_FOR_COPY_MS ? undefined : keptCopy(kind);
}

// What is streamed through here is counted as it comes. Of the quick start's wasm file, which is smaller than its heap,
// nothing is counted: a browser keeps what it compiled only of a file that comes to it straight from the network.
const arrived = {};
let shared = 0;
let sharedAt = 0;
let awaited = [];

function share() {
  const sum = (sizes) => sizes.reduce((total, bytes) => total + bytes, 0);
  return sum(awaited.map((kind) => arrived[kind] ?? 0)) / sum(awaited.map((kind) => BUILT.files[kind].bytes));
}

function count(kind, bytes) {
  arrived[kind] = (arrived[kind] ?? 0) + bytes;
  const now = share();
  const at = performance.now();
  if ((now - shared < STEP || at - sharedAt < LEAST_PAUSE_MS) && now < 1) return;
  shared = now;
  sharedAt = at;
  self.postMessage({ loading: true, share: now });
}

const counting = (kind) =>
  new TransformStream({
    transform(chunk, controller) {
      if (kind === 'heap' && !arrived.heap && !slow) setTimeout(lookAtLine, LOOK_AFTER_MS, performance.now());
      count(kind, chunk.byteLength);
      controller.enqueue(chunk);
    },
    flush() {
      if (arrived[kind] < BUILT.files[kind].bytes) throw new Error(`${BUILT.files[kind].name} was cut off`);
    },
  });

const { saveData, downlink } = navigator.connection ?? {};
let slow = self.name === 'small' || saveData || downlink < SLOW_MBIT_PER_S;
const large = new AbortController(); // of the two large files in the form that a slow line gives up

function lookAtLine(begun) {
  const left = BUILT.files.heap.bytes / arrived.heap - 1;
  slow = (left * (performance.now() - begun)) / 1000 > TOO_LONG_S;
  if (slow) large.abort();
}

// A form that was given up is asked for again when there is no other: a browser that is busy, or without a network, may
// take long over what it has.
async function inSomeForm(plain, load) {
  const small = SMALL[plain];
  const [first, second] = slow && !(await keptCopy(plain)) ? [small, plain] : [plain, small];
  const loaded = load(first, first === plain ? large.signal : undefined).catch(async () => {
    const other = large.signal.aborted && (await keptCopy(plain)) ? plain : second;
    awaited = [...awaited.filter((kind) => kind !== first), other];
    return load(other);
  });
  return loaded.catch((error) => {
    if (large.signal.aborted) return load(plain);
    throw error;
  });
}

async function unzipped(body, kind) {
  const counted = body.pipeThrough(counting(kind));
  if (!Object.values(SMALL).includes(kind)) return counted.pipeThrough(new DecompressionStream('gzip'));
  const { XzReadableStream } = await import(address('xz'));
  return new XzReadableStream(counted);
}

// Both ways to pack carry length and checksum: a file that was cut off or damaged is an error here. One of another release is
// told by its hash, where the browser has one to offer.
async function inflate(kind, signal) {
  const response = await get(kind, signal);
  const kept = response.headers.has(PACKED);
  const checked = check(response.clone(), kept ? BUILT.packed : BUILT.files[kind].sha256);
  checked.catch(() => {});
  const body = kept ? response.body : await unzipped(response.body, kind);
  const inflated = new Response(body).arrayBuffer();
  inflated.catch(() => {});
  await checked; // first: what cannot be unpacked a browser calls no more than "Failed to fetch"
  const bytes = await inflated;
  if (keeps && kind === SMALL.heap) unpackedOnce.heap = new Response(bytes, { headers: { [PACKED]: 'yes' } });
  mark(kind);
  return bytes;
}

async function check(response, expected) {
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== expected) throw new Error(`${response.url} is not of this release`);
}

function needWebAssembly() {
  if (!globalThis.WebAssembly) throw new Error('this browser has WebAssembly switched off');
}

async function compile(kind, signal) {
  needWebAssembly();
  let response = await get(kind, signal);
  let { headers } = response;
  if (kind === SMALL.leanwasm) {
    headers = { 'Content-Type': WASM };
    response = new Response(await unzipped(response.body, kind), { headers });
    if (keeps) unpackedOnce.leanwasm = response.clone();
  } else if (awaited.includes(kind)) {
    response = new Response(response.body.pipeThrough(counting(kind)), { headers });
  }
  const streams = response.headers.get('Content-Type')?.startsWith(WASM);
  const module = await (streams && WebAssembly.compileStreaming
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer()));
  mark('wasm');
  return module;
}

// What took a script to unpack need not be unpacked on the next visit. It lies where the service worker keeps and looks for
// the larger form, which the page registers once it hears of it.
const unpackedOnce = {};
const keeps = globalThis.caches && !saveData;

async function keepUnpacked() {
  const cache = await caches.open(`calculator ${new URL('../../', import.meta.url).pathname} runtime`);
  const names = Object.keys(unpackedOnce);
  await Promise.all(names.map((kind) => cache.put(place(kind), unpackedOnce[kind])));
  for (const kind of names) delete unpackedOnce[kind];
  self.postMessage({ kept: true });
}

async function evaluate(kind) {
  needWebAssembly();
  const [{ loadPyodide }] = await Promise.all([import(address('loader')), import(address(kind))]);
  mark('glue');
  return { loadPyodide, createModule: globalThis._createPyodideModule };
}

function within(seconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Everything is asked for at once, in the worker's first turn.
let path = self.name === 'ordinary' ? 'ordinary' : 'snapshot';

async function begin(detail = '') {
  self.postMessage({ state: 'starting', path, detail });
  const quick = path === 'snapshot';
  awaited = quick ? (slow ? Object.values(SMALL) : ['heap']) : ['wasm', 'library'];
  const wasm = quick ? inSomeForm('leanwasm', compile) : compile('wasm');
  const code = evaluate(quick ? 'leanglue' : 'glue');
  const library = quick ? NOTHING_ZIPPED : inflate('library');
  whole = !quick;
  const heap = quick ? inSomeForm('heap', inflate).then(unpacked) : undefined;
  const downloads = Promise.all([code, wasm, library, heap]);
  const started = start(code, wasm, library, heap);
  started.catch(() => {});
  await within(DOWNLOAD_LIMIT_S, downloads, 'The download');
  const pyodide = await within(START_LIMIT_S, started, 'The start of Python');
  mark('python');
  python = pyodide;
  const answer = pyodide.pyimport('calculator.faces.browser').answer;
  JSON.parse(answer('{}'));
  mark('ready');
  return answer;
}

// `begin` tells of a file that did not arrive. Here nothing is told: Pyodide leaves promises behind that nobody hears.
const arrival = (download) => new Promise((resolve) => download.then(resolve, () => {}));

async function start(code, wasm, library, heap) {
  const { loadPyodide, createModule } = await code;
  let fresh;
  let initTrampoline;
  let hash;
  // Pyodide asks for its files by itself: it is given those that are on their way.
  globalThis.fetch = async (wanted) => new Response(/\.wasm$/.test(wanted) ? null : await arrival(library));
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const module = await arrival(wasm);
    const instance = await WebAssembly.instantiate(module, imports);
    if (heap) fresh = new Uint32Array(imports.env.memory.buffer.slice(0, BUILT.freshBytes));
    initTrampoline = imports.env._PyEM_InitTrampoline_js;
    hash = instance.exports.PyObject_Hash;
    mark('instantiated');
    return { module, instance };
  };
  globalThis._createPyodideModule = async (settings) => {
    const [module, difference] = await Promise.all([createModule(settings), heap && arrival(heap)]);
    mark('module');
    settings.API.restoreSnapshot = () => {
      restore(module, difference, fresh, hash);
      release(difference.buffer, fresh.buffer);
      initTrampoline(); // a faster way to call C functions that this browser may have and the build had not
      return BUILT.state;
    };
    return module;
  };
  return loadPyodide({
    _loadSnapshot: heap && new Uint8Array(BUILT.heapBytes),
    env: { PYTHONHASHSEED: '0', LANG: 'C.UTF-8' },
    indexURL: new URL('.', import.meta.url).href,
    lockFileContents: { info: BUILT.info, packages: {} },
    packageBaseUrl: new URL('.', import.meta.url).href,
    stdLibURL: address('library'),
  });
}

// Some 30 MB in all, which would wait for a collection where few are needed.
const release = (...buffers) => buffers.forEach((buffer) => buffer.transfer?.(0));

function unpacked(packed) {
  const words = unpack(new Uint8Array(packed));
  release(packed);
  return words;
}

// The heap file holds the difference to the memory of a fresh instance, `fresh`, which the wasm file has filled.
// Texts in it have no hash: each is asked for its own.
function restore(module, difference, fresh, hash) {
  const heap = new Uint32Array(module.HEAP8.buffer);
  if (heap.byteLength !== BUILT.heapBytes) throw new Error(`the heap has ${heap.byteLength} bytes`);
  let sum = 0;
  for (let i = 0; i < fresh.length; i++) {
    heap[i] = difference[i] ^ fresh[i];
    sum = (sum + fresh[i]) | 0;
  }
  if (sum !== BUILT.freshSum) throw new Error('the fresh memory is not the one that the snapshot was made from');
  heap.set(difference.subarray(fresh.length), fresh.length);
  heap.fill(0, difference.length);
  for (let at = heap.indexOf(BUILT.unhashed, fresh.length); at >= 0; at = heap.indexOf(BUILT.unhashed, at + 1)) {
    heap[at] = NO_HASH;
    hash((at - WORDS_BEFORE_HASH) * heap.BYTES_PER_ELEMENT);
  }
  mark('restored');
}

// Python's message is a whole traceback, whose last line says what it was.
const says = (error) => {
  const said = String(error?.message ?? error).trim();
  return (error?.name === 'PythonError' ? said.slice(said.lastIndexOf('\n') + 1) : said).slice(-500);
};

async function beginSomehow() {
  try {
    return await begin();
  } catch (error) {
    if (path !== 'snapshot') throw error;
    console.warn(`The snapshot could not be restored (${says(error)}); starting without it.`);
    path = 'ordinary';
    return begin();
  }
}

let python;
let answer;
let broken = '';
let whole;
let rest;

// What no first answer needs, such as the reading of a file, comes after it.
function bringRest() {
  if (whole) return Promise.resolve();
  rest ??= inflate('late').then(
    (bytes) => {
      python.FS.writeFile(`/lib/python${BUILT.info.python.split('.', 2).join('')}.zip`, new Uint8Array(bytes));
      python.pyimport('sys').path_importer_cache.clear();
      python.pyimport('zipimport')._zip_directory_cache.clear();
      whole = true;
    },
    (error) => {
      rest = undefined;
      throw error;
    },
  );
  return rest;
}

const beat = setInterval(() => self.postMessage({ loading: true, share: shared }), BEAT_S * 1000);
const begun = beginSomehow().finally(() => clearInterval(beat));
begun.then(
  (ready) => {
    answer = ready;
    const keepsNow = Object.keys(unpackedOnce).length > 0;
    self.postMessage({ state: 'ready', path, detail: '', marks, keeps: keepsNow });
    if (keepsNow) setTimeout(() => keepUnpacked().catch(() => {}), KEEP_AFTER_MS);
    work();
    bringRest().catch(() => {}); // it is asked for again when it is needed
  },
  (error) => fail(says(error)),
);

function fail(detail) {
  broken = detail;
  self.postMessage({ state: 'failed', path, detail });
  for (const { id } of tasks.splice(0)) self.postMessage({ id, error: detail });
}

// A task is a request, or a later stage of one. Requests go before stages, so that an edit is answered first.
const tasks = [];
const turn = new MessageChannel();
turn.port1.onmessage = () => {
  turn.waiting = false;
  work();
};

function yieldThenWork() {
  if (turn.waiting || tasks.length === 0) return;
  turn.waiting = true;
  turn.port2.postMessage(null);
}

function withdraw(unwanted) {
  for (let i = tasks.length - 1; i >= 0; i--) {
    if (unwanted(tasks[i])) self.postMessage({ id: tasks.splice(i, 1)[0].id, superseded: true });
  }
}

// What few visits need is a script of its own, fetched when it is asked for. A start that failed was told already.
async function use(message) {
  await begun;
  await bringRest();
  (await import(message.tool)).work(python, message);
}

self.onmessage = ({ data }) => {
  const { id, request, key = '', cancel } = data;
  if (data.tool) {
    use(data).catch((error) => broken || fail(says(error)));
  } else if (cancel) {
    withdraw((task) => task.id === id);
  } else if (broken) {
    self.postMessage({ id, error: broken });
  } else {
    withdraw((task) => task.key === key);
    tasks.push({ id, request, key, stage: 0 });
    yieldThenWork();
  }
};

function work() {
  if (!answer || tasks.length === 0) return;
  const next = Math.max(0, tasks.findIndex((task) => task.stage === 0));
  const [{ id, request, key, stage }] = tasks.splice(next, 1);
  try {
    const response = answer(stage ? JSON.stringify({ ...JSON.parse(request), stage }) : request);
    self.postMessage({ id, response });
    const { more } = JSON.parse(response);
    if (more) tasks.push({ id, request, key, stage: more });
  } catch (error) {
    if (error?.name !== 'PythonError') {
      // The page starts another worker the ordinary way, whose runtime is whole, and asks it again. The stack names the
      // function that the profile lacks.
      if (path === 'snapshot') console.error('An answer met what was left out of the quick runtime:', error?.stack ?? says(error));
      return fail(says(error));
    }
    if (!whole) {
      tasks.unshift({ id, request, key, stage });
      bringRest().then(work, (missing) => fail(says(missing)));
      return;
    }
    self.postMessage({ id, error: says(error) });
  }
  yieldThenWork();
}
