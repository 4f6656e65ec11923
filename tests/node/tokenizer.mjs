// Counts the texts on standard input, a JSON list, with the encoding and the module that the page uses.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { measure, wordsOf } from "../../docs/assets/tokenizer.js";

const { countTokens } = createRequire(import.meta.url)("gpt-tokenizer/encoding/o200k_base");
const texts = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => ({ ...measure(text, countTokens), list: wordsOf(text) }))));
