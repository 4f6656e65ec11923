// Counts tokens and words of a text, in a worker of its own: a long text must not hold up the page, and a newer one takes
// its place at once. Every step costs no more than the text is long, whatever stands in it.
//
// Messages to it:    {id, text}           an empty text ends what is being counted
// Messages from it:  {id, done}           share that is counted; also every few seconds while the encoding is fetched
//                    {id, found}          tokens, words, cut: the share of words in three pieces or more
//                    {id, problem}        "load" when the encoding could not be had, or what went wrong
// A message {port} says where the texts of a file will come from. There, for each
//                    {texts}              a list of texts as JSON, in bytes of ASCII
// comes, in the same order,
//                    {counts}             their tokens as JSON, or {problem}

const ENCODING = new URL("tokenizer/o200k_base.js", import.meta.url);
const PIECES = 3;
const PIECE = 4000;
// The encoding's work grows with the square of a run without a break. No word is as long; in a pasted text a longer run is
// cut, as its tokens are only held against its words.
const LONGEST_RUN = 200;
const LONG_RUN = new RegExp(`[\\p{L}\\p{M}]{${LONGEST_RUN}}|[^\\s\\p{L}\\p{N}]{${LONGEST_RUN}}|\\s{${LONGEST_RUN}}`, "gu");
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/gu;
const IN_WORD = /[\p{L}\p{N}]/u;
// Words come again and again. Kept are the short ones, and when there are too many, they are found anew.
const LONGEST_KEPT = 40;
const MOST_KEPT = 100_000;
const BYTES = new TextEncoder();
const ASCII = new TextDecoder();
// Nobody writes a longer run: what has one is cut, so that no line holds up the count for minutes.
const LONGEST_JOINED = 100_000;
// More than so many characters have bytes: a rank and a place make one number.
const SPAN = 2 ** 20;
// What a model takes for the end of a text is here part of it.
const AS_TEXT = { disallowedSpecial: new Set() };
const TURN_MS = 40;
const BEAT_MS = 2000;

// Before a space the encoding's own cuts are the same with and without this one.
function* piecesOf(text) {
  for (let from = 0; from < text.length; ) {
    let to = from + PIECE;
    if (to < text.length) {
      const space = text.lastIndexOf(" ", to);
      if (space > from + PIECE / 2) to = space;
      else if (/[\ud800-\udbff]/.test(text[to - 1])) to -= 1;
    }
    yield text.slice(from, to);
    from = to;
  }
}

function tokensIn(piece, countTokens) {
  let tokens = 0;
  let from = 0;
  for (const run of piece.matchAll(LONG_RUN)) {
    const to = run.index + run[0].length;
    tokens += countTokens(piece.slice(from, to), AS_TEXT);
    from = to;
  }
  return tokens + countTokens(piece.slice(from), AS_TEXT);
}

// Tokens of a long piece: of all neighbours the two with the lowest rank are joined, the first of them, again and again, as
// the encoding does it. The encoding looks through all pairs each time; here they wait in a heap.
function joined(core, piece) {
  const bytes = BYTES.encode(piece);
  const { length } = bytes;
  const ends = Int32Array.from(bytes, (_, at) => at + 1);
  const before = Int32Array.from(bytes, (_, at) => at - 1);
  const due = new Float64Array(length);
  const heap = [];
  const offer = (start) => {
    const middle = ends[start];
    due[start] = -1;
    if (middle === length) return;
    const rank = core.getBpeRankFromBytes(bytes.subarray(start, ends[middle]));
    if (rank !== undefined) push(heap, (due[start] = rank * SPAN + start));
  };
  for (let start = 0; start < length; start += 1) offer(start);
  let parts = length;
  while (heap.length) {
    const first = pop(heap);
    const start = first % SPAN;
    if (due[start] !== first) continue;
    const middle = ends[start];
    due[middle] = -1;
    ends[start] = ends[middle];
    if (ends[start] < length) before[ends[start]] = start;
    parts -= 1;
    offer(start);
    if (start) offer(before[start]);
  }
  return parts;
}

function push(heap, value) {
  let at = heap.length;
  for (let up; at && heap[(up = (at - 1) >> 1)] > value; at = up) heap[at] = heap[up];
  heap[at] = value;
}

function pop(heap) {
  const first = heap[0];
  const value = heap.pop();
  const { length } = heap;
  if (!length) return first;
  let at = 0;
  for (let down = 1; down < length; down = 2 * at + 1) {
    if (down + 1 < length && heap[down + 1] < heap[down]) down += 1;
    if (heap[down] >= value) break;
    heap[at] = heap[down];
    at = down;
  }
  heap[at] = value;
  return first;
}

// A count of tokens for many texts: each piece that the encoding cuts a text into is looked up. Twice as fast as the
// encoding itself, and the same number.
export function counter({ countTokens, bytePairEncodingCoreProcessor: core }) {
  const cuts = core.tokenSplitRegex;
  const kept = new Map();
  // The encoding keeps the tokens of each piece itself, in a hundred times the memory of their number.
  core.setMergeCacheSize(0);
  return (text) => {
    let tokens = 0;
    for (const piece of text.match(cuts) ?? []) {
      let found = kept.get(piece);
      if (found === undefined) {
        const long = piece.length > LONGEST_RUN && piece.length <= LONGEST_JOINED;
        found = long ? joined(core, piece) : tokensIn(piece, countTokens);
        if (kept.size > MOST_KEPT) kept.clear();
        if (piece.length <= LONGEST_KEPT) kept.set(piece, found);
      }
      tokens += found;
    }
    return tokens;
  };
}

// Words as a reader counts them: between spaces, or found by the browser where a script writes none.
function wordsIn(piece) {
  const unspaced = (piece.match(UNSPACED) ?? []).length;
  if (unspaced > 0.2 * piece.length && globalThis.Intl?.Segmenter) {
    const found = new Intl.Segmenter(undefined, { granularity: "word" }).segment(piece);
    return [...found].filter((part) => part.isWordLike).map((part) => part.segment);
  }
  return piece.split(/\s+/).map(withoutEdges).filter(Boolean);
}

function withoutEdges(word) {
  const marks = [...word];
  const first = marks.findIndex((mark) => IN_WORD.test(mark));
  return first < 0 ? "" : marks.slice(first, marks.findLastIndex((mark) => IN_WORD.test(mark)) + 1).join("");
}

export function wordsOf(text) {
  return [...piecesOf(text)].flatMap(wordsIn);
}

// Gives the share that is done again and again, and at last what was found.
export function* counting(text, countTokens) {
  let tokens = 0;
  let words = 0;
  let cut = 0;
  let done = 0;
  const cutWords = new Map();
  for (const piece of piecesOf(text)) {
    tokens += tokensIn(piece, countTokens);
    for (const word of wordsIn(piece)) {
      words += 1;
      if (!cutWords.has(word)) cutWords.set(word, tokensIn(` ${word}`, countTokens) >= PIECES);
      if (cutWords.get(word)) cut += 1;
    }
    done += piece.length;
    yield done / text.length;
  }
  return { tokens, words, cut: words ? cut / words : 0 };
}

let newest = 0;

async function answer(id, text) {
  newest = id;
  if (!text) return;
  const beat = setInterval(() => self.postMessage({ id, done: 0 }), BEAT_MS);
  try {
    await import(ENCODING.href);
  } catch {
    self.postMessage({ id, problem: "load" });
    return;
  } finally {
    clearInterval(beat);
  }
  const work = counting(text, globalThis.GPTTokenizer_o200k_base.countTokens);
  while (newest === id) {
    const turn = performance.now();
    let step;
    do step = work.next();
    while (!step.done && performance.now() < turn + TURN_MS);
    if (step.done) {
      self.postMessage({ id, found: step.value });
      return;
    }
    self.postMessage({ id, done: step.value });
    // A newer text is heard between two turns.
    await new Promise((resume) => setTimeout(resume));
  }
}

const says = (error) => String(error?.message ?? error);

function countFor(port) {
  const loaded = import(ENCODING.href).then(() => counter(globalThis.GPTTokenizer_o200k_base));
  loaded.catch(() => {});
  port.onmessage = async ({ data: { texts } }) => {
    try {
      const count = await loaded;
      port.postMessage({ counts: JSON.stringify(JSON.parse(ASCII.decode(texts)).map(count)) });
    } catch (error) {
      port.postMessage({ problem: says(error) });
    }
  };
}

if (globalThis.WorkerGlobalScope) {
  self.onmessage = ({ data: { id, text, port } }) => {
    if (port) countFor(port);
    else answer(id, text).catch((error) => self.postMessage({ id, problem: says(error) }));
  };
}
