// Makes the memory snapshot of a Pyodide that has imported and tried out the package. Run by the build, under Node:
//   node snapshot.mjs '{"runtime": folder, "library": zip, "warmUp": python file, "out": folder}'
// Writes out/heap, the memory; out/fresh, the start of the memory of a runtime that has its pointers in place and has
// run nothing yet; and out/seen.json, the rest.
//
// The same inputs give the same bytes: hash seed, clock, entropy, environment and program name are fixed below.
// Tried: Node 20, 22 and 24, other folders, homes, time zones and languages.
import nodeCrypto from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const { runtime, library, warmUp, out } = JSON.parse(process.argv[2]);

let now = 0;
Date.now = () => 0;
performance.now = () => (now += 1 / 1024);
Math.random = () => 0.5;
crypto.getRandomValues = (view) => view.fill(1);
nodeCrypto.randomFillSync = (view) => view.fill(1);
syncBuiltinESMExports();

// What a newer Node can do besides must not show either: without stack switching, and without the test for garbage
// collection that Pyodide spares an iPhone, the table of functions and the names in memory are the same everywhere.
delete WebAssembly.Suspending;
Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'iPhone' } });

// The first 4 MiB hold the initial data of the runtime's wasm file: what is equal there need not be downloaded again.
const FRESH_BYTES = 1 << 22;
const HEADER_BYTES = 48; // of Pyodide's own snapshot format, before its JSON
const LINK_BYTES = 8; // before each object that may be garbage: where those of the next one stand, and of the last
const FLAGS = 3; // in the lowest bits of both
const RELOCATE = '__wasm_apply_data_relocs';
let fresh;
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (source, imports) => {
  const result = await instantiate(source, imports);
  if (!imports?.env?.memory) return result;
  const exports = { ...result.instance.exports };
  exports[RELOCATE] = () => {
    result.instance.exports[RELOCATE]();
    fresh = new Uint8Array(imports.env.memory.buffer.slice(0, FRESH_BYTES));
  };
  return { module: result.module, instance: { exports } };
};

function end(words) {
  let last = words.length;
  while (words[last - 1] === 0) last--;
  return last;
}

// A text in the memory, from where the count of its references stands: then its type, length, hash and state, and its letters
// with a 0 behind them. Only short ones of ASCII letters alone, which are nearly all.
const TEXT = { type: 1, length: 2, hash: 3, state: 4, letters: 5 };
const ASCII = [0xfc, 0x64]; // of the state's first byte: what tells, and what it tells
const LONGEST = 490; // Longer ones have no place of a multiple of eight bytes.
const NO_HASH = 0xffffffff; // of a text that was not asked for it

function* texts(words, type) {
  const bytes = new Uint8Array(words.buffer);
  const named = new Uint8Array(words.length / 2 + 1);
  for (const word of words) if (word % 8 === 0 && word < bytes.length) named[word / 8] = 1;
  for (let at = FRESH_BYTES / 4; at + TEXT.letters < words.length; at += 2) {
    const length = words[at + TEXT.length];
    if (words[at + TEXT.type] !== type || !words[at] || !named[at / 2] || length > LONGEST) continue;
    if ((words[at + TEXT.state] & ASCII[0]) !== ASCII[1]) continue;
    const start = 4 * (at + TEXT.letters);
    const letters = bytes.subarray(start, start + length);
    if (letters.every((byte) => byte && byte < 128) && !bytes[start + length]) yield { at, letters, end: start + length };
  }
}

// Python's own allocator gives places of a multiple of eight bytes. One that C's has given ends with the number in front of
// the next, which says how large that is and, in its lowest bits, that both are in use.
function isFromC(words, at) {
  const next = at - 1 + (words[at - 1] >>> 3) * 2;
  return (words[at - 1] & 2) !== 0 && next > at && next < words.length && (words[next] & 1) !== 0;
}

// What stood before where a text stands now: in the rest of its state, and behind it.
function clean(words, type) {
  const bytes = new Uint8Array(words.buffer);
  for (const { at, end } of texts(words, type)) {
    words[at + TEXT.state] &= 0xff;
    const step = isFromC(words, at) ? 4 : 8;
    bytes.fill(0, end, (Math.floor(end / step) + 1) * step);
  }
}

// Nothing packs a hash, and Python finds it from the text again. The worker is told which by a number in its place that
// stands nowhere else. Only what Python itself finds to be the hash of that text is left out.
function leaveOutHashes(words, type, hashesOf) {
  const hashed = [...texts(words, type)].filter(({ at }) => words[at + TEXT.hash] !== NO_HASH);
  const found = hashesOf(hashed.map(({ letters }) => new TextDecoder().decode(letters)));
  let unhashed = NO_HASH - 1;
  while (words.includes(unhashed)) unhashed--;
  hashed.forEach(({ at }, place) => {
    if (words[at + TEXT.hash] === found[place]) words[at + TEXT.hash] = unhashed;
  });
  return unhashed;
}

// The collector's list of objects is a ring, in no order that matters. In that of the memory its links pack well.
function sortRing(words, start) {
  const places = [];
  for (let place = start; places.length === 0 || place !== start; place = words[place / 4] & ~FLAGS) places.push(place);
  places.sort((one, other) => one - other);
  places.forEach((place, rank) => {
    const neighbours = [places[(rank + 1) % places.length], places.at(rank - 1)];
    neighbours.forEach((other, side) => (words[place / 4 + side] = other | (words[place / 4 + side] & FLAGS)));
  });
}

const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')));
const lock = JSON.parse(readFileSync(join(runtime, 'pyodide-lock.json')));
const pyodide = await loadPyodide({
  indexURL: runtime,
  _makeSnapshot: true,
  _sysExecutable: './this.program',
  env: { PYTHONHASHSEED: '0', LANG: 'C.UTF-8' },
  lockFileContents: { info: lock.info, packages: {} },
  packageBaseUrl: '/',
  stdLibURL: library,
});
const run = (code) => pyodide.runPython(code);
const namespace = run('{}');
pyodide.runPython(readFileSync(warmUp, 'utf8'), { globals: namespace, filename: 'warm_up.py' });
const seen = JSON.parse(pyodide.runPython(`
import importlib.util
json.dumps({
    "read": warm_up(),
    "modules": sorted(sys.modules),
    "frozen": frozen_modules(),
    "magic": importlib.util.MAGIC_NUMBER.hex(),
})`,
{ globals: namespace }));
pyodide.runPython('forget()', { globals: namespace });
const text = pyodide.runPython('id(str)');
const tracked = pyodide.runPython('id(sys.modules)', { globals: namespace }) - LINK_BYTES;
pyodide.runPython(`wipe(${end(pyodide._module.HEAPU32) * 4})`, { globals: namespace });
namespace.destroy();

const snapshot = pyodide.makeMemorySnapshot();
const [, start, length] = new Uint32Array(snapshot.buffer, 0, 3);
const state = JSON.parse(new TextDecoder().decode(snapshot.subarray(HEADER_BYTES, HEADER_BYTES + length)));
const heap = new Uint32Array(snapshot.buffer.slice(start));
sortRing(heap, tracked);
clean(heap, text);
const unhashed = leaveOutHashes(heap, text, (said) => {
  const globals = pyodide.toPy({ said: JSON.stringify(said) });
  return JSON.parse(
    pyodide.runPython('import json; json.dumps([hash(text) & 0xFFFFFFFF for text in json.loads(said)])', { globals }),
  );
});
writeFileSync(join(out, 'heap'), new Uint8Array(heap.buffer, 0, end(heap) * 4));
writeFileSync(join(out, 'fresh'), fresh);
const built = { state, heapBytes: heap.byteLength, freshBytes: FRESH_BYTES, unhashed };
writeFileSync(join(out, 'seen.json'), JSON.stringify({ ...seen, built }));
process.exit(0);
