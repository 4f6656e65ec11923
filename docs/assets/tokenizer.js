// Counts the tokens of a pasted text on the reader's device and fills the form's numeric fields with the result.
// Python goes on to compute. The encoding, about a megabyte, is fetched when the first text is pasted, never before.

const ENCODING = new URL("tokenizer/o200k_base.js", import.meta.url);
const LONGEST_TEXT = 500_000;
const SHORT_TEXT = 10_000;
const PIECES = 3;
const PAUSE = 300;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/gu;
const EDGES = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;

// Words as a reader counts them: between spaces, or found by the browser where a script writes none.
export function wordsOf(text) {
  const unspaced = (text.match(UNSPACED) ?? []).length;
  if (unspaced > 0.2 * text.length && globalThis.Intl?.Segmenter) {
    const found = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
    return [...found].filter((part) => part.isWordLike).map((part) => part.segment);
  }
  return text
    .split(/\s+/)
    .map((word) => word.replace(EDGES, ""))
    .filter(Boolean);
}

// Tokens, words, and the share of words cut into three pieces or more. A word stands after a space, as in a sentence.
export function measure(text, countTokens) {
  const words = wordsOf(text);
  const times = new Map();
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
  let cut = 0;
  for (const [word, count] of times) {
    if (countTokens(` ${word}`) >= PIECES) cut += count;
  }
  return { tokens: countTokens(text), words: words.length, cut: words.length ? cut / words.length : 0 };
}

let loading;

function load() {
  loading ??= import(ENCODING.href).then(() => globalThis.GPTTokenizer_o200k_base.countTokens);
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

function fill(section, name, text) {
  const control = section.querySelector(`[name="${name}"]`);
  if (!control || control.value === text) return;
  control.value = text;
  control.dispatchEvent(new Event("input", { bubbles: true }));
}

function say(found, length) {
  const count = (number) => number.toLocaleString("en");
  const short = length < SHORT_TEXT ? ` That is a short sample: paste ${count(SHORT_TEXT)} characters or more.` : "";
  const rest = length > LONGEST_TEXT ? ` Only the first ${count(LONGEST_TEXT)} characters were counted.` : "";
  return `${count(found.tokens)} tokens in ${count(found.words)} words, with the tokenizer o200k.${short}${rest}`;
}

// Puts the box for the text before the field it fills. The text itself is no field: no link and no storage holds it.
export function attach(section) {
  const target = section.querySelector('[name="domain_tokens_per_word"]')?.closest(".calc-field");
  if (!target || section.querySelector(".calc-sample")) return;
  const id = `${section.id}-sample`;
  const box = document.createElement("div");
  box.className = "calc-field calc-field-wide calc-sample";
  box.innerHTML =
    `<label for="${id}">Some text of your field</label>` +
    `<textarea id="${id}" rows="3" spellcheck="false" autocomplete="off" aria-describedby="${id}-said"></textarea>` +
    `<p class="calc-hint" id="${id}-said" role="status">Counted on this device; the text is not sent or kept.</p>`;
  target.before(box);
  const area = box.querySelector("textarea");
  const status = box.querySelector("p");
  let timer;
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => count(section, area.value, status), PAUSE);
  });
}

async function count(section, text, status) {
  if (!text.trim()) return;
  status.textContent = "Counting …";
  let countTokens;
  try {
    countTokens = await load();
  } catch {
    status.textContent = "The tokenizer could not be loaded. Type the number below instead.";
    return;
  }
  const found = measure(text.slice(0, LONGEST_TEXT), countTokens);
  if (!found.words) {
    status.textContent = "There are no words in this text.";
    return;
  }
  status.textContent = say(found, text.length);
  fill(section, "domain_tokens_per_word", (found.tokens / found.words).toFixed(2));
  fill(section, "split_words_share", `${(100 * found.cut).toFixed(1)}%`);
}
