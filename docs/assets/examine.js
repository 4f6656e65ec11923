// A reader's own file, on the page that decides: dropped, chosen or pasted, read on the device, shown, and put into the
// form. Fetched when a file comes near. The reading is done in a worker with a Python of its own, so that the page goes on
// to answer; it ends with the panel. Nothing of the file is sent or kept: only the numbers that the reader takes over are.

import { button, element } from "./elements.js";

const READING = new URL("./reading.js", import.meta.url).href;
const COUNTING = new URL("./counting.js", import.meta.url);
const STYLE = new URL("./examine.css", import.meta.url);
const LONGEST_SILENCE_MS = 60_000;
const SAID_EVERY_MS = 2000;
const MOST_FILES = 2;
const TEST_SET = /(^|[^a-z])(test|eval|valid|val|dev|held.?out)/i;
const USES = { data: "Use these numbers", results: "Use as evidence", run: "Calibrate on my run" };
const PROMISE = "Read on this device. Nothing of it is sent or kept.";
const DONE = "Read to the end, on this device. Nothing of it was sent or kept.";

// A worker with a Python of its own. `hear` gets what reading.js says, or {failed}. A quick start whose runtime turns out
// not to be whole is begun once more the ordinary way, and `again` then repeats what was asked.
export class Reader {
  constructor(address, hear, again) {
    this.address = address;
    this.hear = hear;
    this.again = again;
    this.launch("calculator");
  }

  launch(name) {
    this.name = name;
    this.worker = new Worker(this.address, { type: "module", name });
    this.worker.onmessage = ({ data }) => this.listen(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.lost("it could not be started");
    };
    this.watch();
  }

  listen(message) {
    this.watch();
    if (message.state === "failed") this.lost(message.detail);
    else if (message.broken) this.lost(message.broken);
    else if (message.found !== undefined || message.done !== undefined) this.hear(message);
    if (message.state === "ready" || message.last || message.call) clearTimeout(this.timer);
  }

  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost("it took too long"), LONGEST_SILENCE_MS);
  }

  lost(detail) {
    this.end();
    if (this.name === "ordinary") this.hear({ failed: detail });
    else {
      this.launch("ordinary");
      this.again();
    }
  }

  ask(message, transfer = []) {
    this.watch();
    this.worker.postMessage({ tool: READING, ...message }, transfer);
  }

  end() {
    clearTimeout(this.timer);
    this.worker.terminate();
  }
}

export function showHtml(page, target, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  page.dress(template.content);
  page.morph(target, template.content);
}

export function style() {
  if ([...document.styleSheets].some(({ href }) => href?.startsWith(STYLE.href))) return;
  document.head.append(element("link", { rel: "stylesheet", href: STYLE }));
}

export function attach(page) {
  style();
  const panels = new WeakMap();
  return (section, files, opener) => {
    if (!panels.get(section)?.box.isConnected) panels.set(section, new Panel(page, section));
    panels.get(section).open(files, opener);
  };
}

class Panel {
  constructor(page, section) {
    this.page = page;
    this.section = section;
    this.blocks = [];
    this.id = `${section.id}-file`;
    this.heading = element("h3", { id: `${this.id}-title`, tabindex: "-1" }, "Your file");
    this.chosen = element("input", { type: "file", multiple: true, id: `${this.id}-choose` });
    this.chosen.addEventListener("change", () => this.read([...this.chosen.files]));
    this.pasted = element("textarea", { rows: "3", id: `${this.id}-paste`, spellcheck: "false", autocomplete: "off" });
    this.bar = element("progress", { max: "1", value: "0", "aria-label": "Read" });
    this.status = element("p", { class: "calc-caption", role: "status" });
    this.stopper = button("Stop", () => this.stop());
    this.running = element("div", { class: "calc-file-running", hidden: true }, this.bar, this.stopper);
    this.wrong = element("div", { class: "calc-problem", role: "alert" });
    this.found = element("div", { class: "calc-file-found" });
    const paste = button("Read it", () => this.read([new File([this.pasted.value], "pasted text")]));
    this.another = button("Another file", () => this.askForFile(), { hidden: true });
    this.ways = element(
      "div",
      { class: "calc-file-ways" },
      element(
        "div",
        { class: "calc-field calc-field-wide" },
        element("label", { for: this.chosen.id }, "Choose a data set, test results or a log"),
        this.chosen,
        element("p", { class: "calc-hint" }, "Or two data sets: which rows of the training set are in the test set?"),
      ),
      element(
        "div",
        { class: "calc-field calc-field-wide" },
        element("label", { for: this.pasted.id }, "or paste it"),
        this.pasted,
        element("div", {}, paste),
      ),
    );
    this.box = element(
      "div",
      { class: "calc-file", role: "region", "aria-labelledby": this.heading.id },
      element("div", { class: "calc-file-head" }, this.heading, this.another, button("Close", () => this.close())),
      this.ways,
      this.running,
      this.status,
      this.wrong,
      this.found,
    );
    this.box.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.read([...event.clipboardData.files]);
    });
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
    section.querySelector(".calc-body").before(this.box);
    // Another page takes this one's place without a load: what it started ends with it.
    this.watcher = new MutationObserver(() => this.box.isConnected || this.end());
    this.watcher.observe(document.body, { childList: true, subtree: true });
  }

  open(files, opener) {
    if (opener) this.opener = opener;
    // On a narrow screen the form, with the entrance in it, is a sheet over the page.
    this.section.querySelector(".calc-form").hidePopover?.();
    this.heading.focus({ preventScroll: true });
    this.box.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (files.length) this.read(files);
    else {
      this.status.textContent = PROMISE;
      this.start();
    }
  }

  askForFile() {
    this.another.hidden = true;
    this.ways.hidden = false;
    this.chosen.focus();
  }

  close() {
    this.end();
    this.box.remove();
    this.opener?.focus();
  }

  end() {
    this.watcher.disconnect();
    this.quit();
  }

  quit() {
    this.reader?.end();
    this.counter?.terminate();
    this.reader = this.counter = undefined;
  }

  start() {
    if (this.reader) return true;
    const address = this.page.runtimeFor(this.section)?.address;
    if (!address) {
      this.fail("this site was built without its calculator");
      return false;
    }
    this.reader = new Reader(address, (message) => this.hear(message), () => this.sendAgain());
    return true;
  }

  // Files

  read(files) {
    this.wrong.textContent = "";
    if (!files.length) return;
    if (files.length > MOST_FILES) {
      this.wrong.textContent = `At most ${MOST_FILES} files at once, a training set and its test set; given: ${files.length}.`;
      return;
    }
    this.ways.hidden = true;
    this.another.hidden = false;
    if (this.ways.contains(document.activeElement)) this.heading.focus({ preventScroll: true });
    files.sort((a, b) => TEST_SET.test(a.name) - TEST_SET.test(b.name));
    this.quit();
    this.blocks = [];
    this.found.replaceChildren();
    this.asked = { read: files, first: 0 };
    this.train = files[0];
    if (this.start()) this.send();
  }

  // Another file, to be looked through for rows of the first.
  readAgainst(file) {
    this.asked = { read: [file], first: 1 };
    this.send();
  }

  // A worker that was begun anew has seen nothing yet.
  sendAgain() {
    if (this.asked?.first) this.asked = { read: [this.train, ...this.asked.read], first: 0 };
    this.send();
  }

  send() {
    if (!this.asked) return;
    this.total = this.asked.read.reduce((sum, { size }) => sum + size, 0);
    this.bar.value = 0;
    this.running.hidden = false;
    this.stopper.disabled = false;
    this.said = 0;
    this.say("Starting Python on your device …");
    this.counter?.terminate();
    this.counter = new Worker(COUNTING, { type: "module" });
    this.counter.onerror = (event) => {
      event.preventDefault();
      this.reader?.ask({ countless: true });
    };
    const { port1, port2 } = new MessageChannel();
    this.counter.postMessage({ port: port1 }, [port1]);
    this.reader.ask({ ...this.asked, sequence: this.sequence(), counter: port2 }, [port2]);
  }

  sequence() {
    const control = this.page.controls(this.section).find(({ name }) => name === "sequence_tokens");
    return control ? this.page.read(control) : (this.page.loadSituation().fields.sequence_tokens ?? "");
  }

  stop() {
    this.stopper.disabled = true;
    this.say("Stopping …");
    this.reader?.ask({ stop: true });
  }

  hear(message) {
    if (!this.box.isConnected) this.end();
    else if (message.failed !== undefined) this.fail(message.failed || "the calculator could not start");
    else if (message.call) this.took(JSON.parse(message.found));
    else if (message.found === undefined) this.progress(message);
    else this.show(message, JSON.parse(message.found));
  }

  fail(detail) {
    this.quit();
    this.running.hidden = true;
    this.status.textContent = "";
    this.wrong.textContent = `Not read: ${detail}.`;
  }

  progress({ file, done }) {
    const { read, first } = this.asked;
    const before = read.slice(0, file - first).reduce((sum, { size }) => sum + size, 0);
    this.bar.value = this.total ? (before + done) / this.total : 1;
    if (performance.now() < this.said + SAID_EVERY_MS) return;
    this.say(`${Math.floor(100 * this.bar.value)}% of ${inMegabytes(this.total)} read.`);
  }

  // Those who hear the page are told every other second.
  say(words) {
    this.said = performance.now();
    this.status.textContent = words;
  }

  show({ file, last }, found) {
    if (found.problem) {
      this.running.hidden = true;
      this.status.textContent = "";
      this.wrong.textContent = found.problem;
      return;
    }
    const block = this.block(file);
    showHtml(this.page, block.html, found.html);
    if (!last) return;
    block.fields = found.fields;
    this.offer(block, file, found);
    const { read, first } = this.asked;
    if (file < first + read.length - 1 && !this.stopper.disabled) return;
    this.running.hidden = true;
    this.counter.terminate();
    this.say(this.stopper.disabled ? "Stopped: the numbers are of what was read." : DONE);
  }

  block(file) {
    if (!this.blocks[file]) {
      const block = { html: element("div", { class: "calc-found" }), use: element("div", { class: "calc-file-use" }) };
      this.blocks[file] = block;
      this.found.append(element("div", { class: "calc-file-block" }, block.html, block.use));
    }
    return this.blocks[file];
  }

  // Taking over

  offer(block, file, { kind, fills }) {
    block.use.replaceChildren();
    if (file > 0) return;
    block.said = element("span", { class: "calc-done", role: "status" });
    block.fills = element("ul", { class: "calc-fills" });
    this.list(block, fills);
    const results = kind === "results";
    if (results || fills.length) {
      const use = button(USES[kind], () => (results ? this.askEvidence(block) : this.use(block)), { class: "calc-button calc-use" });
      const title = results ? "As evidence for the decision" : "What this fills in, on every page";
      block.use.append(element("h3", {}, title), block.fills, element("div", { class: "calc-actions" }, use, block.said));
    }
    if (kind === "data") block.use.append(this.testSet());
  }

  list(block, fills) {
    block.fills.replaceChildren(...fills.map((words) => element("li", {}, words)));
  }

  testSet() {
    const input = element("input", { type: "file", id: `${this.id}-test` });
    input.addEventListener("change", () => input.files.length && this.readAgainst(input.files[0]));
    const label = element("label", { for: input.id }, "Compare it with a test set: which rows are in both?");
    return element("div", { class: "calc-field calc-field-wide" }, label, input);
  }

  // Only the reader knows which option a column of test results stands for.
  askEvidence(block) {
    const chosen = (name) =>
      Object.fromEntries([...block.html.querySelectorAll(`[data-${name}]`)].map((c) => [c.dataset[name], c.value.trim()]));
    this.asking = block;
    this.reader.ask({ call: "evidence", request: JSON.stringify({ ways: chosen("way"), sizes: chosen("size") }) });
  }

  took({ problem, fields, fills }) {
    const block = this.asking;
    if (problem) block.said.textContent = problem;
    else if (!fills.length) block.said.textContent = "Say first which column is which.";
    else {
      this.list(block, fills);
      block.fields = fields;
      this.use(block);
    }
  }

  // As if the reader had typed them, and for pages that ask for more of them than this one.
  use(block) {
    const before = this.page.loadSituation();
    const { preset, fields } = this.page.situationIn(this.section);
    this.page.take(this.section, { preset, fields: { ...fields, ...block.fields } });
    const undo = button("Undo", () => {
      this.page.put(this.section, before);
      block.said.textContent = "Undone.";
      block.use.querySelector(".calc-use").focus();
    });
    block.said.replaceChildren("Filled in, on every page. ", undo);
  }
}

// The page on a run that did not help: what its log and the two scores look like, as they are typed or pasted.

const PAUSE_MS = 400;

export function diagnose(page) {
  style();
  const root = document.querySelector(".bad-run");
  const form = root.querySelector("form");
  const status = form.querySelector("[role=status]");
  let reader;
  let timer;
  const request = () => JSON.stringify(Object.fromEntries(new FormData(form)));
  const look = () => reader?.ask({ call: "bad_run", request: request() });
  const hear = ({ failed, found }) => {
    if (!root.isConnected) return reader.end();
    const answer = failed === undefined ? JSON.parse(found) : { problem: `Not looked at: ${failed}.` };
    status.textContent = answer.problem || PROMISE;
    if (!answer.problem) showHtml(page, root.querySelector(".calc-found"), answer.html);
    if (failed !== undefined) reader = undefined;
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const address = page.runtimeFor(root)?.address;
      if (!address) return;
      status.textContent = "Looking …";
      reader ??= new Reader(address, hear, look);
      look();
    }, PAUSE_MS);
  });
  report(root, form);
}

// The form of the repository: the reader fills in the rest and sends it, or does not.
function report(root, form) {
  const repository = document.querySelector("meta[name=repository]")?.content;
  const link = root.querySelector(".calc-happened");
  if (!repository) return;
  const fill = () => {
    const scores = Object.fromEntries(new FormData(form));
    const tried = ["before", "after"].map((name) => {
      const [, right, items] = /^(\d+) *(?:of|\/) *(\d+)$/.exec(scores[name].trim()) ?? [];
      const score = items > 0 ? `${+((100 * right) / items).toFixed(2)} | ${items}` : " | ";
      return `${name === "before" ? "prompting" : "ft_small"} | | | ${score}`;
    });
    const filled = { template: "what-happened.yml", tried: tried.join("\n"), metric: "accuracy", top: "100" };
    link.href = `${repository}/issues/new?${new URLSearchParams(filled)}`;
  };
  fill();
  form.addEventListener("input", fill);
  link.hidden = false;
}

function inMegabytes(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
