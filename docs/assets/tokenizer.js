// Puts a box for a pasted text before the field that its count fills. The counting is done in a worker on the reader's
// device; Python goes on to compute. The encoding, about a megabyte, is fetched when the first text is pasted.

const COUNTING = new URL("./counting.js", import.meta.url);
const LONGEST_TEXT = 500_000;
const SHORT_TEXT = 10_000;
const PAUSE = 300;
const LONGEST_SILENCE = 15_000;
const LONGEST_REST = 60_000;
const TYPE_IT = "Type the number below instead.";

// One worker for all boxes: a newer text takes the place of an older one. It ends after a minute without work.

let worker;
let wanted = 0;
let timer;

function stop() {
  clearTimeout(timer);
  worker?.terminate();
  worker = undefined;
}

function watch(limit, act) {
  clearTimeout(timer);
  timer = setTimeout(act, limit);
}

// Calls `hear` with {done}, {found} or {problem}, until one of the last two came or another text is asked for.
function ask(text, hear) {
  const id = ++wanted;
  const fail = (problem) => {
    stop();
    if (id === wanted) hear({ problem });
  };
  if (!text && !worker) return;
  try {
    worker ??= new Worker(COUNTING, { type: "module" });
    worker.onmessage = ({ data }) => {
      if (data.id !== wanted) return;
      if (data.problem) return fail(data.problem);
      if (data.found) watch(LONGEST_REST, stop);
      else watch(LONGEST_SILENCE, () => fail("it took too long"));
      hear(data);
    };
    worker.onmessageerror = () => fail("its answer could not be read");
    worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message || "this browser has no module workers");
    };
    worker.postMessage({ id, text });
    watch(text ? LONGEST_SILENCE : LONGEST_REST, text ? () => fail("it took too long") : stop);
  } catch (error) {
    fail(error.message);
  }
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

// The text itself is no field: no link and no storage holds it.
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
  const before = status.textContent;
  let pause;
  area.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => count(section, area.value, status, before), PAUSE);
  });
}

function count(section, text, status, before) {
  const sample = text.slice(0, LONGEST_TEXT);
  if (!sample.trim()) {
    ask("", () => {});
    status.textContent = before;
    return;
  }
  status.textContent = "Counting …";
  let told = performance.now();
  ask(sample, ({ done, found, problem }) => {
    if (!section.isConnected) ask("", () => {});
    else if (problem === "load") status.textContent = `The tokenizer could not be loaded. ${TYPE_IT}`;
    else if (problem) status.textContent = `The text could not be counted: ${problem}. ${TYPE_IT}`;
    else if (found) show(section, found, text.length, status);
    else if (performance.now() > told + 1000) {
      told = performance.now();
      status.textContent = `Counting … ${Math.floor(100 * done)}%`;
    }
  });
}

function show(section, found, length, status) {
  if (!found.words) {
    status.textContent = "There are no words in this text.";
    return;
  }
  status.textContent = say(found, length);
  fill(section, "domain_tokens_per_word", (found.tokens / found.words).toFixed(2));
  fill(section, "split_words_share", `${(100 * found.cut).toFixed(1)}%`);
}
