// Packs the difference of two memories for the download. Run by the build, under Node:
//   node pack.mjs '{"from": file, "to": file}'
//
// A memory of Python is words: addresses, types, counts. Gzip looks at bytes, 32 KiB back; told in words, any distance
// back, the same memory is a quarter smaller once gzip has gone over it. `unpack.mjs` has the format and the way back,
// which takes about as long as gzip does. What to say a word as is chosen by what it costs on average, in bytes: PRICE.
import { readFileSync, writeFileSync } from 'node:fs';
import { KIND, LONG, STREAMS, unpack } from './unpack.mjs';

process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const PRICE = {
  zeros: 0.5, common: 0.7, near: 1.4, middle: 2.4, far: 3, step: 1.4, leap: 2.6, address: 3.2, short: 2.4, text: 2.1,
  raw: 2.9,
};
const COMMON = KIND.zeros;
const TRIES = 100; // earlier places that are looked at for a copy
const KEPT = 4; // of them, those that are weighed
const LONGEST = 1 << 10; // words of one copy
const ADDRESSES = [1 << 22, 1 << 26]; // of what was allocated; lower ones are few and the same all over

const { from, to } = JSON.parse(process.argv[2]);
const content = readFileSync(from);
const words = new Uint32Array(content.buffer.slice(content.byteOffset, content.byteOffset + content.length));

function commonest(places) {
  const times = new Map();
  for (const at of places) if (words[at]) times.set(words[at], (times.get(words[at]) ?? 0) + 1);
  const ordered = [...times].sort(([one, often], [other, times]) => times - often || one - other);
  return new Map(ordered.slice(0, COMMON).map(([word], place) => [word, place]));
}

const isAddress = (word) => word >= ADDRESSES[0] && word < ADDRESSES[1] && word % 4 === 0;
const fits = (steps, bits) => Number.isInteger(steps) && steps >= -(2 ** (bits - 1)) && steps < 2 ** (bits - 1);

function isText(word) {
  const bytes = [0, 8, 16, 24].map((shift) => (word >>> shift) & 255);
  const ends = bytes.indexOf(0);
  return bytes.every((byte, place) => (ends > 0 && place >= ends ? !byte : (byte >= 32 && byte < 127) || byte === 10));
}

function kindOf(word, last) {
  if (isAddress(word)) {
    const steps = (word - last) / 8;
    return fits(steps, 8) ? 'step' : fits(steps, 16) ? 'leap' : 'address';
  }
  return isText(word) ? 'text' : word < 1 << 16 ? 'short' : 'raw';
}

// For each word that is not 0: where the same words stood before, as far back as [distance, words, ...].
function copies() {
  const found = Array(words.length);
  const latest = new Map();
  const before = new Int32Array(words.length).fill(-1);
  const single = new Map();
  for (let at = 0; at + 1 < words.length; at++) {
    if (!words[at]) continue;
    const kept = [];
    const near = at - single.get(words[at]);
    if (near < 256) kept.push(near, 1);
    single.set(words[at], at);
    const pair = words[at] * 2 ** 21 + (words[at + 1] % 2 ** 21);
    const first = latest.get(pair) ?? -1;
    let longest = 1;
    for (let place = first, left = TRIES; place >= 0 && left && longest < LONGEST; place = before[place], left--) {
      let count = 0;
      while (count < LONGEST && at + count < words.length && words[place + count] === words[at + count]) count++;
      if (count <= longest) continue;
      longest = count;
      if (kept.length === 2 * KEPT) kept.length -= 2;
      kept.push(at - place, count);
    }
    before[at] = first;
    latest.set(pair, at);
    if (kept.length) found[at] = kept;
  }
  return found;
}

// The cheapest way to tell all words, from the last to the first: how many are copied at each place, and from where.
function cheapest() {
  const found = copies();
  const common = commonest(words.keys());
  const alone = new Float64Array(words.length);
  for (let at = 0, last = 0; at < words.length; at++) {
    const word = words[at];
    if (!word) alone[at] = at && !words[at - 1] ? 0 : PRICE.zeros;
    else alone[at] = common.has(word) ? PRICE.common : PRICE[kindOf(word, last)];
    if (isAddress(word) && !common.has(word)) last = word;
  }
  const total = new Float64Array(words.length + 1);
  const count = new Int32Array(words.length);
  const distance = new Int32Array(words.length);
  for (let at = words.length - 1; at >= 0; at--) {
    total[at] = alone[at] + total[at + 1];
    const kept = found[at] ?? [];
    for (let k = 0; k < kept.length; k += 2) {
      const price = kept[k] < 1 << 8 ? PRICE.near : kept[k] < 1 << 16 ? PRICE.middle : PRICE.far;
      const least = Math.min(2, kept[k + 1]);
      for (let most = kept[k + 1]; most >= least; most = most > 2 * LONG ? most >> 1 : most - 1) {
        const sum = price + (most > LONG) + total[at + most];
        if (sum < total[at]) [total[at], count[at], distance[at]] = [sum, most, kept[k]];
      }
    }
  }
  return { count, distance };
}

function pack() {
  const { count, distance } = cheapest();
  const told = [];
  for (let at = 0; at < words.length; at += count[at] || 1) if (!count[at]) told.push(at);
  const common = commonest(told);
  const streams = Array.from({ length: STREAMS }, () => []);
  const [tokens, lengths, d0, d1, d2, d3, d4, d5, s0, s1, s2, a0, a1, a2, n0, n1, text, raw] = streams;
  const say = (number, ...into) => into.forEach((bytes, place) => bytes.push((number >> (8 * place)) & 255));
  const many = (kind, more) => {
    tokens.push(kind + Math.min(more, LONG));
    for (let rest = more - LONG; rest >= 0; rest = rest > 127 ? rest >>> 7 : -1) {
      lengths.push((rest & 127) | (rest > 127 ? 128 : 0));
    }
  };
  for (let at = 0, last = 0, before = 0; at < words.length; ) {
    const word = words[at];
    if (count[at]) {
      const back = distance[at];
      const kind = back === before ? 'again' : back < 1 << 8 ? 'near' : back < 1 << 16 ? 'middle' : 'far';
      many(KIND[kind], count[at] - 1);
      if (kind === 'near') say(back, d0);
      else if (kind === 'middle') say(back, d1, d2);
      else if (kind === 'far') say(back, d3, d4, d5);
      before = back;
      at += count[at];
    } else if (!word) {
      let zeros = 1;
      while (at + zeros < words.length && !words[at + zeros]) zeros++;
      many(KIND.zeros, zeros - 1);
      at += zeros;
    } else if (common.has(word)) {
      tokens.push(common.get(word));
      at++;
    } else {
      const kind = kindOf(word, last);
      tokens.push(KIND[kind]);
      if (kind === 'step') say((word - last) / 8, s0);
      else if (kind === 'leap') say((word - last) / 8, s1, s2);
      else if (kind === 'address') say(word / 4, a0, a1, a2);
      else if (kind === 'short') say(word, n0, n1);
      else for (let shift = 0; shift < 32; shift += 8) (kind === 'text' ? text : raw).push((word >>> shift) & 255);
      if (isAddress(word)) last = word;
      at++;
    }
  }
  const most = [...common.keys(), ...Array(COMMON - common.size).fill(0)];
  const head = Uint32Array.of(words.length, ...streams.map((bytes) => bytes.length), ...most);
  return Buffer.concat([Buffer.from(head.buffer), ...streams.map((bytes) => Buffer.from(bytes))]);
}

const packed = pack();
const again = unpack(new Uint8Array(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.length)));
const same = again.length === words.length && words.every((word, at) => again[at] === word);
if (!same) throw new Error('the memory came back changed');
writeFileSync(to, packed);
