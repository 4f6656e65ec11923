// Counts the texts on standard input, a JSON list, with the encoding and the module that the page uses. A text may be given
// as [piece, times], and with the encoding's own count where that is known. `ofFiles` is the count that a reader's own file
// gets. `whole` is what the encoding itself says of the text in one go, of those short enough for it.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { counter, counting, wordsOf } from "../../docs/assets/counting.js";

const encoding = createRequire(import.meta.url)("gpt-tokenizer/encoding/o200k_base").default;
const countTokens = encoding.countTokens.bind(encoding);
const countOfFiles = counter(encoding);
const WHOLE = 100_000;

function measure(given) {
  const [run, times, known] = Array.isArray(given) ? given : [given, 1];
  const text = run.repeat(times);
  let longest = 0;
  let calls = 0;
  const watched = (piece, options) => {
    longest = Math.max(longest, piece.length);
    calls += 1;
    return countTokens(piece, options);
  };
  const work = counting(text, watched);
  let step = work.next();
  while (!step.done) step = work.next();
  const short = text.length < WHOLE;
  return {
    ...step.value,
    ofFiles: short ? countOfFiles(text) : null,
    longest,
    calls,
    list: short ? wordsOf(text) : [],
    whole: known ?? (short ? countTokens(text, { disallowedSpecial: new Set() }) : null),
  };
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(measure)));
