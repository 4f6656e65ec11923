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
const tracked = pyodide.runPython('id(sys.modules)', { globals: namespace }) - LINK_BYTES;
pyodide.runPython(`wipe(${end(pyodide._module.HEAPU32) * 4})`, { globals: namespace });
namespace.destroy();

const snapshot = pyodide.makeMemorySnapshot();
const [, start, length] = new Uint32Array(snapshot.buffer, 0, 3);
const state = JSON.parse(new TextDecoder().decode(snapshot.subarray(HEADER_BYTES, HEADER_BYTES + length)));
const heap = new Uint32Array(snapshot.buffer.slice(start));
sortRing(heap, tracked);
writeFileSync(join(out, 'heap'), new Uint8Array(heap.buffer, 0, end(heap) * 4));
writeFileSync(join(out, 'fresh'), fresh);
const built = { state, heapBytes: heap.byteLength, freshBytes: FRESH_BYTES };
writeFileSync(join(out, 'seen.json'), JSON.stringify({ ...seen, built }));
process.exit(0);
