// The page's side of a calculator. It reads the form, asks the worker, and puts the HTML that Python made in its place.
// Nothing is computed here. One listener per event for all calculators, so that instant navigation needs no clean-up.

const BASE = new URL("../", import.meta.url);
const STORE = `calculator ${BASE.pathname} situation`;
const MONEY = `calculator ${BASE.pathname} money`;
const USED = `calculator ${BASE.pathname} used`;
const MINE = `calculator ${BASE.pathname} addresses`;
const SHORTEST_PAUSE = 150;
const LONGEST_PAUSE = 250;
const PAUSE_BEFORE_PROBLEMS = 900;
const IDLE_DELAY = 2000;
const KEEP_DELAY = 3000;
const PALE_AFTER = 200;
const ADDRESS_AFTER = 50;
const ADDRESS_OF_PART_AFTER = 500;
const QUICK_START = 1000;
const LONGEST_SILENCE = 30_000;
const LONGEST_LINK = 6000;
const LONGEST_SEEN = 200;
const MOST_ADDRESSES = 50;
const NOT_FIELDS = ["v", "preset", "embed", "fields", "saw"];
const SCHEMES = { light: "default", dark: "slate" };
const NEWER = "Chrome or Edge from 97, Firefox from 114 and Safari from 16.4 have what it needs";
const EMBED = new URLSearchParams(location.search).get("embed");
const [EMBED_FORM, EMBED_SCHEME] = /^(compact)?-?(.*)$/.exec(EMBED ?? "").slice(1);
const EMBEDDED = EMBED !== null;
const COMPACT = EMBED_FORM === "compact";
const COMPACT_FIELDS = 3;

const SAYS = {
  ready: "Change any number: it is worked out again here, on your device.",
  saving: "Data saver is on, so the calculator (3 MB) waits to be started.",
  starting: "Starting the calculator. What you type meanwhile is kept.",
  live: "Live. Nothing you type leaves this device.",
  invalid: "Check the marked field. The result below is the last good one.",
  error: "The result below is the last good one.",
  failed: "The calculator could not start. The worked example stays below, and what you typed is kept.",
  unanswered: "The calculator could not start, so these numbers have no answer yet. What you typed is kept.",
  mismatch: "This page and its script are of different releases: reload the page.",
  stopped: "The calculator has stopped. What you typed is kept; the result below is from before.",
};

// The runtime: one worker for the whole visit

class Runtime {
  constructor(address) {
    this.address = address;
    this.state = "ready";
    this.pending = new Map();
    this.count = 0;
    this.misses = 0;
    this.slowest = 100;
    this.heard = 0;
    this.again = "";
    this.share = 0;
    this.worked = false;
    this.used = false;
  }

  start() {
    if (this.state === "starting" || this.state === "live") return;
    if (this.state === "failed") this.again = anotherCopy();
    this.misses = 0;
    this.launch();
  }

  launch() {
    this.stop();
    if (!globalThis.WebAssembly) {
      this.tell("failed", "this browser has WebAssembly switched off");
      return;
    }
    if (!globalThis.DecompressionStream) {
      this.tell("failed", `this browser is too old: it has no DecompressionStream; ${NEWER}`);
      return;
    }
    this.tell("starting");
    const early = this.early();
    if (early) {
      this.listen(early);
      for (const data of early.heard) this.hear(data);
      return;
    }
    try {
      // The worker knows two ways to start: after a silence the plainer one is taken.
      const name = this.misses ? "ordinary" : "calculator";
      let modules = false;
      const type = () => {
        modules = true;
        return "module";
      };
      const worker = new Worker(this.address + this.again, Object.defineProperty({ name }, "type", { get: type }));
      // A browser that does not ask for the type would take the module for a plain script and say nothing of use.
      if (!modules) {
        worker.terminate();
        this.tell("failed", `this browser is too old: it has no module workers; ${NEWER}`);
        return;
      }
      this.listen(worker);
    } catch (error) {
      this.tell("failed", error.message);
    }
  }

  // The worker that the page started before its script was there, if it is this one and has not failed.
  early() {
    const { earlyWorker } = globalThis;
    globalThis.earlyWorker = undefined;
    if (earlyWorker?.address === this.address && !earlyWorker.broken && !this.misses && !this.again) return earlyWorker;
    earlyWorker?.terminate();
    return undefined;
  }

  listen(worker) {
    this.worker = worker;
    worker.onmessage = ({ data }) => this.hear(data);
    worker.onmessageerror = () => this.lost();
    worker.onerror = (event) => {
      event.preventDefault();
      this.lost();
    };
    this.watch(LONGEST_SILENCE);
  }

  stop() {
    clearTimeout(this.timer);
    this.worker?.terminate();
    this.worker = undefined;
  }

  // A worker that died or hangs says nothing: silence is all there is to see of it.
  watch(limit) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(), limit);
  }

  // What is fetched then is a hundred files, beside which the first answer took half a second longer, and every other one
  // twice as long for a second: it waits until the reader asks for nothing.
  keepWhenQuiet() {
    const left = KEEP_DELAY - (performance.now() - this.heard);
    if (left > 0) setTimeout(() => this.keepWhenQuiet(), left);
    else keepForLater();
  }

  // Answers come in stages: what is unusual is a silence much longer than the longest between two of them.
  watchAnswer() {
    this.heard = performance.now();
    this.watch(Math.max(4000, 10 * this.slowest));
  }

  lost() {
    this.misses += 1;
    if (this.misses === 2) this.again ||= anotherCopy();
    if (this.misses < 3) this.launch();
    else this.fail("");
  }

  // A file that came damaged or in part may lie in a cache: one more try asks for another copy of each.
  refuse(detail) {
    if (this.again) this.fail(detail);
    else {
      this.again = anotherCopy();
      this.launch();
    }
  }

  async fail(detail) {
    this.stop();
    this.tell("failed", navigator.onLine ? detail : "there is no network");
    for (const section of calculators()) if (this.pending.has(section.id)) section.dataset.stale = "";
    const found = await fetch(this.address, { method: "HEAD", cache: "no-store" }).catch(() => undefined);
    if (found?.status === 404 && this.state === "failed") {
      this.tell("failed", "this page is of an older release: reload it");
    }
  }

  ask(section, key, request, reply) {
    const id = ++this.count;
    this.pending.set(key, { id, section, request, reply });
    if (this.state === "live") this.post(key);
    else if (this.state !== "failed") this.start();
  }

  forget(key) {
    const asked = this.pending.get(key);
    if (!asked) return;
    this.worker?.postMessage({ id: asked.id, cancel: true });
    this.pending.delete(key);
    if (!this.pending.size && this.state === "live") clearTimeout(this.timer);
  }

  forgetPagesLeft() {
    for (const [key, { section }] of this.pending) if (!isHere(section)) this.forget(key);
  }

  post(key) {
    const { id, request } = this.pending.get(key);
    this.worker.postMessage({ id, key, request: JSON.stringify(request) });
    this.watchAnswer();
  }

  hear(message) {
    if (message.loading) {
      this.watch(LONGEST_SILENCE);
      this.share = message.share;
      calculators().forEach(showProgress);
      return;
    }
    if (message.state) {
      this.hearState(message);
      return;
    }
    if (message.kept) {
      this.keepWhenQuiet();
      return;
    }
    if (message.superseded) return;
    for (const [key, asked] of this.pending) {
      if (asked.id !== message.id) continue;
      if (!isHere(asked.section)) {
        this.forget(key);
        return;
      }
      if (message.error !== undefined) {
        this.pending.delete(key);
        asked.reply({ problems: [{ field: "", message: `These numbers led to an error: ${message.error}.` }], more: null });
        // What is left in a memory that ran full is of no use.
        this.launch();
        return;
      }
      const response = JSON.parse(message.response);
      this.slowest = Math.max(0.8 * this.slowest, performance.now() - this.heard);
      const last = response.more === null || response.more === undefined;
      if (last) {
        this.pending.delete(key);
        this.misses = 0;
        if (!this.used) rememberUse();
        this.used = true;
      }
      if (this.pending.size) this.watchAnswer();
      else clearTimeout(this.timer);
      asked.reply(response);
      return;
    }
  }

  hearState({ state, detail, keeps }) {
    if (state === "failed" && this.state === "live") this.lost();
    else if (state === "failed") this.refuse(detail);
    else if (state === "ready") {
      clearTimeout(this.timer);
      this.worked = true;
      this.heard = performance.now();
      this.tell("live");
      for (const key of this.pending.keys()) this.post(key);
      // On a slow line the worker keeps what it has first, or it would be downloaded a second time, in its larger form.
      if (!keeps) this.keepWhenQuiet();
    }
  }

  tell(state, detail = "") {
    this.state = state;
    this.detail = detail;
    this.share = 0;
    this.since = performance.now();
    for (const section of calculators()) showState(section);
    if (state === "starting") setTimeout(() => calculators().forEach(showProgress), QUICK_START);
  }
}

let runtime;

// Servers and caches of files named by their content take another query for another address, and give the same file.
function anotherCopy() {
  return `?again=${Date.now()}`;
}

function runtimeFor(section) {
  const name = section.dataset.worker;
  if (!name) return undefined;
  const address = new URL(`assets/runtime/${name}`, BASE).href;
  if (runtime?.address !== address) {
    runtime?.stop();
    runtime = new Runtime(address);
  }
  return runtime;
}

// For the next visit, which then starts Python beside the page: `early.js`.
function rememberUse() {
  try {
    localStorage.setItem(USED, "yes");
  } catch {
    // It starts when it is asked for.
  }
}

function savesData() {
  return navigator.connection?.saveData === true;
}

function wantRuntime(section) {
  const found = runtimeFor(section);
  if (found && found.state === "ready" && !savesData()) found.start();
}

function startWhenIdle() {
  const section = calculators()[0];
  if (!section || savesData() || /2g|3g/.test(navigator.connection?.effectiveType ?? "")) return;
  const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 500));
  setTimeout(() => idle(() => section.isConnected && wantRuntime(section)), IDLE_DELAY);
}

// Only after the calculator has run once: a reader who only reads shall not download pages for later.
function keepForLater() {
  if (!("serviceWorker" in navigator) || savesData()) return;
  navigator.serviceWorker.register(new URL("sw.js", BASE)).catch(() => {});
}

// The page: sections, their forms, what was typed

const known = new WeakMap();

function calculators() {
  return [...document.querySelectorAll(".calculator")];
}

function of(section) {
  if (!known.has(section)) known.set(section, { initial: new Map(), typed: 0, duration: 40 });
  return known.get(section);
}

// Material changes the address at once and the page when the next one has come. What comes late, and what is done in
// between, belongs to the page that asked: nothing of it may reach the next page's address or form.
function isHere(section) {
  return section.isConnected && of(section).path === location.pathname;
}

function addressOf(section) {
  return location.origin + of(section).path;
}

function sectionOf(target) {
  return target instanceof Element ? target.closest(".calculator") : null;
}

function controls(section) {
  return [...section.querySelectorAll(".calc-form [data-default]")];
}

function read(control) {
  if (control.type === "checkbox") return control.checked ? "yes" : "no";
  return control.value;
}

function write(control, text) {
  if (control.type === "checkbox") control.checked = text === "yes";
  else control.value = text;
}

function values(section) {
  return Object.fromEntries(controls(section).map((control) => [control.name, read(control)]));
}

function untouched(control) {
  if (control.type === "checkbox") return control.checked === control.defaultChecked;
  // A list in which none is marked begins with its first.
  const marked = control.options && [...control.options].findIndex((option) => option.defaultSelected);
  if (control.options) return control.selectedIndex === Math.max(0, marked);
  return control.value === control.defaultValue;
}

// What the reader typed, kept on the device for every other page. Storage may be blocked, full or hold nonsense:
// what cannot be stored is kept in memory, and is there until the page is closed.

let unstored;

function loadSituation() {
  if (unstored) return unstored;
  try {
    const found = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    const fields = Object.entries(found.fields ?? {}).filter(([, text]) => typeof text === "string");
    return { preset: typeof found.preset === "string" ? found.preset : "", fields: Object.fromEntries(fields) };
  } catch {
    return { preset: "", fields: {} };
  }
}

function isOnesOwn({ preset, fields }) {
  return preset !== "" || Object.keys(fields).length > 0;
}

function saveSituation(situation) {
  try {
    if (isOnesOwn(situation)) {
      localStorage.setItem(STORE, JSON.stringify(situation));
    } else {
      localStorage.removeItem(STORE);
    }
    unstored = undefined;
  } catch {
    unstored = situation;
  }
}

function presetsOf(section) {
  return section.querySelector("[data-presets]");
}

function applyPreset(section, name) {
  const select = presetsOf(section);
  const presets = JSON.parse(select.dataset.presets);
  const known = Object.hasOwn(presets, name);
  const fields = known ? presets[name] : {};
  // Typical values stand in for a preset that there is not, and shall not go by the name of another one.
  select.value = known ? name : "";
  of(section).unknownPreset = known ? "" : name;
  for (const control of controls(section)) write(control, fields[control.name] ?? control.dataset.default);
}

function offers(control, text) {
  return !control.options || [...control.options].some(({ value }) => value === text);
}

// What another page has in its list and this one has not stays out of the form, and is the reader's all the same.
function applyFields(section, fields) {
  for (const control of controls(section)) {
    const text = fields[control.name];
    if (text !== undefined && offers(control, text)) write(control, text);
  }
}

// A page's example is whole or absent: the reader's own numbers stand among typical ones or those of a preset.
function applyOwn(section) {
  const situation = loadSituation();
  if (!isOnesOwn(situation)) return;
  applyPreset(section, situation.preset);
  applyFields(section, situation.fields);
}

// Whether the page's example is what the reader has: a form can be as it was built and other pages hold more.
function isPlain(section) {
  const { linked, foreign } = of(section);
  if (![presetsOf(section), ...controls(section)].every(untouched)) return false;
  if (Object.keys(foreign).length) return false;
  const shown = values(section);
  return linked || Object.entries(loadSituation().fields).every(([name, text]) => shown[name] === text);
}

// The reader's own numbers, or else the worked example.
function showOwn(section) {
  const state = of(section);
  Object.assign(state, { linked: false, seen: null, foreign: {} });
  clearTimeout(state.timer);
  state.timer = 0;
  clearTimeout(state.later);
  runtime?.forget(section.id);
  section.querySelector("form").reset();
  applyOwn(section);
  showProblems(section, []);
  showSituation(section);
  delete section.dataset.query;
  if (isPlain(section)) showExample(section);
  else schedule(section, 0);
}

// A page with a calculator came up: a link's numbers first, then the reader's own, else the worked example.
function connect(section) {
  for (const box of section.querySelectorAll("[data-find]")) box.hidden = false;
  const state = of(section);
  const link = new URLSearchParams(location.search);
  const mine = isLinked(section, link) && isMine();
  const linked = isLinked(section, link) && !mine;
  state.path = location.pathname;
  state.version = link.get("v") ?? "";
  state.foreign = {};
  state.linked = linked;
  state.seen = linked ? seenBySender(link) : null;
  if (linked) {
    applyPreset(section, link.get("preset") ?? "");
    for (const [name, text] of link) {
      if (NOT_FIELDS.includes(name)) continue;
      const control = controls(section).find((control) => control.name === name);
      if (control && offers(control, text)) write(control, text);
      else state.foreign[name] = text;
    }
  } else {
    applyOwn(section);
    state.edited = mine;
    // Stepped back to, it may hold older numbers than are known now.
    if (popped) setQuery(section, "");
  }
  if (isPlain(section)) delete section.dataset.pending;
  else section.dataset.pending = "";
  if (navigator.share) section.querySelector("[data-action=link]").textContent = "Share link";
  showState(section);
  showAges(section);
  showPeek(section);
  showSituation(section);
  showInReadersWay(section);
  verdicts.observe(section.querySelector(".calc-verdict"));
  heights.observe(section.querySelector(".calc-verdict"));
  if (section.querySelector("[name=domain_tokens_per_word]")) {
    // Without it the number is typed, so its absence needs no words.
    import("./tokenizer.js").then(({ attach }) => attach(section)).catch(() => {});
  }
  if (linked || !isPlain(section)) {
    section.dataset.stale = "";
    compute(section);
  }
}

// What a link says its sender saw. Anybody can write a link, so this is text, short, and marked as the sender's word.
function seenBySender(link) {
  const [share, answer, ...step] = (link.get("saw") ?? "").replace(/[^\p{L}\p{N}\p{P}\p{S}\p{Zs}]/gu, "").split("~");
  if (!answer?.trim() || !/^(\d{1,2}|100)$/.test(share)) return null;
  return { share, answer: answer.slice(0, LONGEST_SEEN / 2), step: step.join(" ").slice(0, LONGEST_SEEN) };
}

// Numbers that are not the worked example's have another answer, and its own is not shown for theirs: until theirs is
// worked out, what the link's sender saw stands in its place, or that it is not known yet.
function showPending(section, state) {
  if (section.dataset.pending === undefined) return;
  const { initial, linked, seen } = of(section);
  const part = section.querySelector(".calc-verdict");
  if (!initial.has("verdict")) initial.set("verdict", part.innerHTML);
  section.dataset.pending = state;
  const whose = linked ? "this link’s" : "your";
  const done = { failed: "could not be worked out here", invalid: "waits for the marked field" }[state];
  const lines = seen
    ? [
        ["whose", "What the sender of this link saw"],
        ["answer", seen.answer],
        ["step", `In ${seen.share}\u00a0% of the draws.${seen.step ? ` Next step: ${seen.step}` : ""}`],
        ["state", done ? `The answer of today ${done}: this is the sender’s word.` : "Being worked out anew, on your device."],
      ]
    : [["answer", done ? `The answer to ${whose} numbers ${done}` : `Working out the answer to ${whose} numbers …`]];
  const said = lines.map(([name, words]) => {
    const span = document.createElement("span");
    span.className = `calc-pending-${name}`;
    span.textContent = words;
    return span;
  });
  const panel = document.createElement("span");
  panel.className = "calc-pending";
  panel.append(...said);
  if (state === "failed" && runtimeFor(section)) panel.append(actionButton("retry", "Try again"));
  if (part.textContent !== panel.textContent) part.replaceChildren(panel);
}

function showProgress(section) {
  const found = runtimeFor(section);
  const bar = section.querySelector(":scope > progress");
  if (found?.state !== "starting" || performance.now() - found.since < QUICK_START) {
    bar?.remove();
    return;
  }
  const shown = bar ?? document.createElement("progress");
  shown.setAttribute("aria-label", "The calculator’s download");
  if (found.share > 0 && found.share < 1) shown.value = found.share;
  else shown.removeAttribute("value");
  if (!bar) section.prepend(shown);
}

// A page out of the browser's memory still holds what was typed, a link's numbers included.
function resume(section) {
  showAges(section);
  if (!of(section).linked) showOwn(section);
  else if (!isPlain(section)) compute(section);
}

// A reload and a step back come upon addresses that the reader's own edits made: those are no sender's links.
function isMine() {
  return (popped || performance.getEntriesByType("navigation")[0]?.type !== "navigate") && myAddresses().includes(here());
}

function here() {
  return location.pathname + location.search;
}

function myAddresses() {
  try {
    return JSON.parse(sessionStorage.getItem(MINE) ?? "[]");
  } catch {
    return [];
  }
}

function isLinked(section, link) {
  const names = new Set(controls(section).map((control) => control.name));
  return link.has("v") || link.has("preset") || [...link.keys()].some((name) => names.has(name));
}

function showSituation(section) {
  const { preset, fields } = loadSituation();
  const { linked, seen } = of(section);
  const all = controls(section);
  const mine = all.filter((control) => Object.hasOwn(fields, control.name)).length;
  const bar = section.querySelector(".calc-situation");
  const select = presetsOf(section);
  const chosen = [...select.options].find((option) => preset && option.value === preset);
  for (const chip of document.querySelectorAll("[data-preset]")) {
    chip.setAttribute("aria-pressed", chip.dataset.preset === select.value);
  }
  const yours = chosen !== undefined || Object.keys(fields).length > 0;
  const plain = isPlain(section);
  showDifference(!plain);
  // A list tells nobody that what it already shows was chosen, so a page's own example is taken with a button.
  const example = !yours && !EMBEDDED && select.value !== "" && plain;
  if (!yours && !linked && bar.contains(document.activeElement)) select.focus();
  bar.hidden = !yours && !example && !linked;
  offerInBar(bar, linked ? (EMBEDDED ? [] : ["keep", "mine"]) : example ? ["keep"] : ["clear"]);
  const text = bar.querySelector(".calc-situation-text");
  if (linked) {
    text.textContent = ofLink(section, select, seen);
    return;
  }
  if (example) {
    text.textContent = "This page's example.";
    return;
  }
  const elsewhere = Object.keys(fields).length - mine;
  const count = mine
    ? counted(mine, "answer of yours", "answers of yours")
    : elsewhere && counted(elsewhere, "answer of yours on other pages", "answers of yours on other pages");
  const lasts = unstored ? " This browser stores nothing here: it is gone when the page is closed." : "";
  // The list above the bar names the preset.
  text.textContent = `Your situation: ${count || chosen?.textContent}.${lasts}`;
}

function counted(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

// Whose numbers these are, how many differ, and what the sender saw when it is not what came out here.
function ofLink(section, select, seen) {
  const base = JSON.parse(select.dataset.presets)[select.value];
  const other = controls(section).filter((control) => read(control) !== (base[control.name] ?? control.dataset.default));
  const start = select.selectedOptions[0].textContent.toLowerCase();
  const differs = other.length ? `${counted(other.length, "value differs", "values differ")} from ${start}` : start;
  const found = seenBySender(new URLSearchParams(section.dataset.query));
  const saw = seen && found && seen.answer !== found.answer ? ` Its sender saw “${seen.answer}”, in ${seen.share}\u00a0% of the draws.` : "";
  return `The numbers of a link: ${differs}.${saw}`;
}

// Figures in the text are the worked example's: beside other numbers they step back.
function showDifference(differs) {
  document.documentElement.toggleAttribute("data-differs", differs);
}

function actionButton(action, words) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "calc-button";
  button.dataset.action = action;
  button.textContent = words;
  return button;
}

const OFFERS = { keep: "Use it everywhere", clear: "Clear", mine: "Back to mine" };

// Other words and other buttons take the place of those before: what changes its width moves.
function offerInBar(bar, actions) {
  const before = [...bar.querySelectorAll("button")];
  if (before.map((button) => button.dataset.action).join() === actions.join()) return;
  const focused = before.includes(document.activeElement);
  const made = actions.map((action) => actionButton(action, OFFERS[action]));
  bar.replaceChildren(bar.querySelector(".calc-situation-text").cloneNode(), ...made.flatMap((button) => [" ", button]));
  if (focused) made[0]?.focus();
}

// Asking, and showing what came back

function schedule(section, pause) {
  const state = of(section);
  clearTimeout(state.timer);
  // Even a timer of nought lets the browser paint first.
  if (pause) state.timer = setTimeout(() => compute(section), pause);
  else compute(section);
}

function pauseFor(section) {
  return Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, 2 * of(section).duration));
}

// The whole of what is known of the reader, this form's fields last: a page also says what it comes to overall.
function situationOf(section) {
  const { linked, foreign } = of(section);
  // A link is the sender's situation: nothing of the reader's own mixes in.
  const known = { ...(linked ? {} : loadSituation().fields), ...foreign };
  const given = { ...known, ...values(section) };
  for (const control of controls(section)) {
    const text = known[control.name];
    if (text !== undefined && !offers(control, text)) given[control.name] = text;
  }
  return { decision: section.dataset.decision, given, preset: presetsOf(section).value };
}

function compute(section) {
  const state = of(section);
  const found = runtimeFor(section);
  clearTimeout(state.timer);
  clearTimeout(state.addressing);
  state.timer = 0;
  if (!found || !isHere(section)) return;
  if (found.state !== "live") section.dataset.stale = "";
  if (savesData() && found.state === "ready") return;
  const request = { ...situationOf(section), stage: 0, form: "html", v: state.version };
  const asked = performance.now();
  found.ask(section, section.id, request, (response) => {
    if (response.more === null) state.duration = performance.now() - asked;
    receive(section, response);
  });
}

// The point result is shown as soon as it is there. Its spread, its flips and its sensitivity follow a moment later:
// until then those of the answer before stay where they are, pale, so that nothing moves or flashes.
function receive(section, response) {
  const state = of(section);
  const partial = response.more !== null;
  clearTimeout(state.later);
  if (response.problems.length) {
    const wait = state.typed + PAUSE_BEFORE_PROBLEMS - performance.now();
    if (wait > 0) state.later = setTimeout(() => showProblems(section, response.problems), wait);
    else showProblems(section, response.problems);
    return;
  }
  markPartial(section, partial ? response.stage : undefined);
  showProblems(section, []);
  const withoutSpread = partial && response.stage === 0 && section.dataset.pending === undefined;
  for (const [name, html] of Object.entries(response.sections)) replace(section, name, html, withoutSpread);
  delete section.dataset.pending;
  showPeek(section);
  showAges(section);
  if (response.stage === 0) adopt(section, response);
  section.dataset.query = response.query;
  if (state.edited) addressLater(section, partial);
  showSituation(section);
  if (!partial) {
    section.dispatchEvent(new Event("settled"));
    askOthers(section);
  }
}

// Of what answer a part is shown, by its stage; of a whole one no stage is given. What is still to come keeps its place, and
// turns pale when that takes a while. A transition that begins late would be a layer at once, and sixty frames a second.
function markPartial(section, stage) {
  const state = of(section);
  const partial = stage !== undefined;
  // Looked at before anything is changed: each look at a changed page would lay it out anew.
  const parts = [...section.querySelectorAll("[data-section]")];
  const heights = partial ? parts.map(({ offsetHeight }) => `${offsetHeight}px`) : [];
  parts.forEach((part, place) => (part.style.minHeight = heights[place] ?? ""));
  section.querySelector(".calc-verdict").setAttribute("aria-busy", partial);
  if (partial) {
    section.dataset.partial = stage;
    if (section.dataset.pale) section.dataset.pale = stage;
    state.paling ||= setTimeout(() => (section.dataset.pale = section.dataset.partial), PALE_AFTER);
  } else {
    clearTimeout(state.paling);
    state.paling = 0;
    delete section.dataset.partial;
    delete section.dataset.pale;
  }
}

// A new address takes the browser longer than an answer takes to be shown: it waits for the whole answer and a moment more,
// unless that is long in coming. One for what stood there before the last edit would put the older number back.
function addressLater(section, partial) {
  const state = of(section);
  clearTimeout(state.addressing);
  state.addressing = setTimeout(() => state.timer || address(section), partial ? ADDRESS_OF_PART_AFTER : ADDRESS_AFTER);
}

// A section's page puts the same situation to the decisions of its pages.
function askOthers(section) {
  const part = section.querySelector("[data-pages]");
  if (!part) return;
  const request = { ...situationOf(section), want: "questions", pages: JSON.parse(part.dataset.pages) };
  runtimeFor(section)?.ask(section, `${section.id} questions`, request, ({ html, problems }) => {
    if (!problems.length) replace(section, "questions", html);
  });
}

// A link may hold fields under an older name: the response has them under the present one.
function adopt(section, response) {
  const state = of(section);
  if (Object.keys(state.foreign).length) {
    applyFields(section, response.given);
    state.foreign = {};
  }
  const said = [...response.notices];
  if (state.unknownPreset) said.push(`No preset is named “${state.unknownPreset}”: typical values stand in for it.`);
  state.unknownPreset = "";
  if (response.ignored.length) said.push(`Not known here, and left out: ${response.ignored.join(", ")}.`);
  if (said.length) say(section, said.join(" "));
  state.version = "";
}

function address(section) {
  let query = isPlain(section) ? "" : section.dataset.query;
  if (query.length > LONGEST_LINK) query = withoutPasted(section, query);
  setQuery(section, query);
  if (of(section).linked || !isHere(section)) return;
  try {
    sessionStorage.setItem(MINE, JSON.stringify([...myAddresses(), here()].slice(-MOST_ADDRESSES)));
  } catch {
    return; // a reload will then take them for a link's numbers, and say so
  }
}

function setQuery(section, query) {
  if (!isHere(section)) return;
  clearTimeout(of(section).addressing);
  if (EMBEDDED) query += `${query ? "&" : "?"}${ASKED_BY_FRAME}`;
  try {
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  } catch {
    return; // some browsers refuse more than a hundred in half a minute; the next edit puts it right
  }
}

// A link goes before what is stored, so what is typed over its numbers goes into the address before it is answered.
function amendLink(section, name, text) {
  const link = new URLSearchParams(location.search);
  if (!isHere(section) || !isLinked(section, link)) return;
  for (const name of ["embed", "fields", "saw"]) link.delete(name);
  link.set(name, text);
  if (`${link}`.length < LONGEST_LINK) setQuery(section, `?${link}`);
}

function withoutPasted(section, query) {
  const fields = new URLSearchParams(query);
  for (const area of section.querySelectorAll(".calc-form textarea")) fields.delete(area.name);
  return `?${fields}`;
}

// Few fields are ever wrong: the line for it is made when one is, and read aloud with the field.
function showProblem(control, message) {
  if (!message && !control.hasAttribute("aria-invalid")) return;
  const id = `${control.id}-problem`;
  const field = control.closest(".calc-field");
  const described = new Set((control.getAttribute("aria-describedby") ?? "").split(" "));
  field.querySelector(":scope > .calc-problem")?.remove();
  described.delete(id);
  if (message) {
    field.append(Object.assign(document.createElement("p"), { id, className: "calc-problem", textContent: message }));
    described.add(id);
    control.setAttribute("aria-invalid", "true");
  } else control.removeAttribute("aria-invalid");
  control.setAttribute("aria-describedby", [...described].join(" ").trim());
}

function showProblems(section, problems) {
  const named = new Map(problems.map((problem) => [problem.field, problem.message]));
  for (const control of controls(section)) {
    const message = named.get(control.name) ?? "";
    named.delete(control.name);
    showProblem(control, message);
  }
  section.toggleAttribute("data-stale", problems.length > 0);
  of(section).invalid = problems.length - named.size;
  of(section).error = [...named.values()].join(" ");
  showState(section);
}

function showState(section) {
  const found = runtimeFor(section);
  // A site that was built without a runtime says so in the page itself.
  if (!found) {
    showPending(section, "failed");
    return;
  }
  const line = section.querySelector(".calc-state");
  const button = line.querySelector("[data-action=retry]");
  let state = found.state;
  if (state === "ready" && savesData()) state = "saving";
  if (state === "live" && of(section).invalid) state = "invalid";
  if (state === "live" && of(section).error) state = "error";
  const detail = state === "failed" && found.detail ? ` (${found.detail})` : "";
  const unanswered = section.dataset.pending === undefined ? undefined : SAYS.unanswered;
  const said = state === "failed" ? (unanswered ?? (found.worked ? SAYS.stopped : SAYS.failed)) : SAYS[state];
  const words = said + detail + (of(section).error ? ` ${of(section).error}` : "");
  const text = line.querySelector(".calc-state-text");
  if (text.textContent !== words) text.textContent = words;
  line.dataset.state = state;
  // Where no answer stands, the offer to try again stands in its place.
  const offered = state === "failed" && section.dataset.pending !== undefined;
  button.hidden = !["failed", "saving"].includes(state) || offered;
  button.textContent = state === "saving" ? "Start it" : "Try again";
  showPending(section, state);
  showProgress(section);
}

// On a narrow screen the answer stays at the foot while the verdict itself is scrolled away.
// What is left of it under the page's header does not count.
const verdicts = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      target.closest(".calculator").toggleAttribute("data-away", !isIntersecting);
    }
  },
  { rootMargin: "-110px 0px 0px" },
);

// Where the verdict sticks, what the keyboard reaches stops below it, however many lines it has.
const heights = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const below = target.closest(".calculator").querySelector(".calc-details");
    below.style.setProperty("--calc-verdict-height", `${target.offsetHeight}px`);
  }
});

function showPeek(section) {
  const answer = section.querySelector(".calc-verdict .calc-said");
  // What is still pending has no answer to show at the foot.
  if (!answer) return;
  const said = document.createElement("span");
  said.textContent = answer.textContent;
  const shares = section.querySelector(".calc-verdict .calc-shares");
  for (const peek of section.querySelectorAll(".calc-peek-said")) {
    peek.replaceChildren(said.cloneNode(true), shares.cloneNode(true));
  }
}

// A build must not depend on its day, so ages are added here.
function showAges(section) {
  for (const time of section.querySelectorAll("time[data-age]")) {
    const days = Math.floor((Date.now() - Date.parse(time.dateTime)) / 86_400_000);
    if (days > 0) time.dataset.ago = ` (${days} ${days === 1 ? "day" : "days"} ago)`;
  }
}

function say(section, words) {
  section.querySelector(".calc-done").textContent = words;
}

// Only what differs is touched: focus, open details and scroll positions stay where they are.

function replace(section, name, html, withoutSpread = false) {
  const part = section.querySelector(`[data-section="${CSS.escape(name)}"]`);
  if (!part) return;
  const { initial } = of(section);
  if (!initial.has(name)) initial.set(name, part.innerHTML);
  const template = document.createElement("template");
  template.innerHTML = html;
  dress(template.content);
  if (withoutSpread) keepSpread(part, template.content);
  morph(part, template.content);
}

const SPREAD = ".calc-doubt, .calc-shares, .calc-holds, .calc-range, .calc-overall";

function keepSpread(part, fresh) {
  // The doubt about one answer is none about another.
  const answers = [part, fresh].map((side) => side.querySelector(".calc-answer")?.textContent);
  if (answers[0] !== answers[1]) return;
  const before = part.querySelectorAll(SPREAD);
  for (const [index, wanted] of fresh.querySelectorAll(SPREAD).entries()) {
    if (before[index]) wanted.replaceWith(before[index].cloneNode(true));
  }
  const panel = fresh.querySelector(".calc-panel");
  if (panel) panel.className = part.querySelector(".calc-panel")?.className ?? panel.className;
}

// Numbers as the reader's language writes them, money in the currency that the reader set. Most need neither.

let dress = () => {};

// The first number that a browser formats takes it 25 ms: most readers need none.
const readsAsWritten = () =>
  navigator.language === "en-US" || new Intl.NumberFormat().format(1234567.8) === "1,234,567.8";

function isMoney(money) {
  return /^[A-Z]{3}$/.test(money?.code) && typeof money.factor === "number" && money.factor > 0 && money.factor < 1e6;
}

function loadMoney() {
  try {
    const found = JSON.parse(localStorage.getItem(MONEY));
    return isMoney(found) ? found : null;
  } catch {
    return null;
  }
}

function showInReadersWay(section) {
  const money = loadMoney();
  if (!money && readsAsWritten() && !section.querySelector(".calc-money")) return;
  import("./display.js")
    .then(({ dresser, explain }) => {
      dress = dresser(money);
      explain(section, money);
      if (isPlain(section)) showExample(section);
      else compute(section);
    })
    .catch(() => {});
}

function showExample(section) {
  const { initial } = of(section);
  markPartial(section);
  delete section.dataset.pending;
  for (const part of section.querySelectorAll("[data-section]")) {
    replace(section, part.dataset.section, initial.get(part.dataset.section) ?? part.innerHTML);
  }
  showPeek(section);
  showAges(section);
  section.dispatchEvent(new Event("settled"));
}

function morph(old, fresh) {
  let here = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    if (!here) old.append(wanted);
    else if (here.nodeName !== wanted.nodeName) {
      const next = here.nextSibling;
      here.replaceWith(wanted);
      here = next;
    } else {
      if (here.nodeType === Node.TEXT_NODE) {
        if (here.data !== wanted.data) here.data = wanted.data;
      } else if (!here.isEqualNode(wanted)) {
        morphAttributes(here, wanted);
        morph(here, wanted);
      }
      here = here.nextSibling;
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function morphAttributes(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !["open", "data-ago", "tabindex"].includes(name)) old.removeAttribute(name);
  }
}

// What a reader does

function edited(section, control, pause) {
  const state = of(section);
  state.edited = true;
  state.seen = null;
  // Who changes a number of an example makes the whole of it one's own. A link's numbers stay apart until they are kept.
  if (!state.linked) {
    const situation = situationIn(section);
    situation.fields[control.name] = read(control);
    saveSituation(situation);
  }
  schedule(section, pause);
  showSituation(section);
  amendLink(section, control.name, read(control));
}

function take(section, situation) {
  const state = of(section);
  state.edited = true;
  state.linked = false;
  state.seen = null;
  state.foreign = {};
  applyPreset(section, situation.preset);
  applyFields(section, situation.fields);
  saveSituation(situation);
  setQuery(section, "");
  showSituation(section);
  schedule(section, 0);
}

function reset(section) {
  const { fields } = loadSituation();
  for (const control of controls(section)) delete fields[control.name];
  put(section, { preset: "", fields });
}

// Another situation, or none, in place of what is stored.
function put(section, situation) {
  saveSituation(situation);
  mine(section);
}

// The link goes, and the reader's own numbers come back, or the worked example.
function mine(section) {
  of(section).edited = false;
  showOwn(section);
  setQuery(section, "");
}

// What this form says, as a situation: a page's example may differ from its preset in a field or two.
function situationIn(section) {
  const select = presetsOf(section);
  const base = JSON.parse(select.dataset.presets)[select.value];
  const fields = of(section).linked ? {} : { ...loadSituation().fields };
  for (const control of controls(section)) {
    if (read(control) !== (base[control.name] ?? control.dataset.default)) fields[control.name] = read(control);
  }
  return { preset: select.value, fields };
}

function keep(section) {
  take(section, situationIn(section));
}

function linkTo(section) {
  const query = isPlain(section) ? "" : (section.dataset.query ?? (isHere(section) ? location.search : ""));
  return addressOf(section) + query;
}

// By the device's own sheet where there is one; else, or where it refuses, by the clipboard.
async function shareLink(section) {
  let url = linkTo(section);
  let said = "Link copied.";
  if (url.length > LONGEST_LINK) {
    url = addressOf(section) + withoutPasted(section, new URL(url).search);
    said = "Link copied, without the pasted text, which is too long for a link.";
  }
  if (navigator.share) {
    try {
      const answer = section.querySelector(".calc-verdict .calc-said")?.textContent;
      await navigator.share({ title: document.title, text: answer, url });
      return;
    } catch (error) {
      // Closing the sheet is an answer too.
      if (error.name === "AbortError") return;
    }
  }
  copy(section, Promise.resolve(url), said);
}

function copyMarkdown(section) {
  const found = runtimeFor(section);
  if (!found) return;
  say(section, "Writing it up …");
  const text = new Promise((resolve, reject) => {
    const request = { ...situationOf(section), stage: 2, form: "markdown", site: addressOf(section) };
    if (found.state === "failed") reject(new Error("the calculator is not running"));
    found.ask(section, `${section.id} markdown`, request, (response) => {
      if (response.problems.length) reject(new Error("a field needs to be corrected first"));
      else resolve(response.markdown);
    });
  });
  copy(section, text, "Copied as Markdown.");
}

// A browser may ask for the text within the click itself: a promise of it counts.
async function copy(section, text, said, below, tell = (words) => say(section, words)) {
  try {
    if (window.ClipboardItem && navigator.clipboard?.write) {
      const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    } else {
      await navigator.clipboard.writeText(await text);
    }
    tell(said);
  } catch {
    text.then(
      (words) => offer(below ?? section.querySelector(".calc-actions"), words, tell),
      (error) => tell(`Not copied: ${error.message}.`),
    );
  }
}

// Without a clipboard the text is shown, selected, to be copied by hand.
function offer(below, words, tell) {
  let area = below.nextElementSibling;
  if (!area?.matches(".calc-offer")) {
    area = document.createElement("textarea");
    area.className = "calc-offer";
    area.setAttribute("aria-label", "Text to copy");
    area.readOnly = true;
    below.after(area);
  }
  area.value = words;
  area.focus();
  area.select();
  tell("The clipboard is closed to this page; copy it from the box.");
}

function retry(section) {
  const found = runtimeFor(section);
  if (!found) return;
  found.start();
  if (!isPlain(section)) compute(section);
}

const ACTIONS = {
  reset,
  keep,
  mine,
  clear: (section) => put(section, { preset: "", fields: {} }),
  retry,
  link: shareLink,
  markdown: copyMarkdown,
  file: (section, button) => examine(section, [], button),
  copyCommand: (section, button) => {
    const words = button.closest("details").querySelector(".calc-command").textContent;
    copy(section, Promise.resolve(words), "Copied.", button.parentElement);
  },
  brief: () => window.print(),
  print: () => {
    document.documentElement.dataset.print = "";
    window.print();
  },
};

// What few visits need is fetched when it is first asked for.

let tools;

function useTool(section, name, target) {
  wantRuntime(section);
  tools ??= import("./explore.js").then(({ attach }) => attach(PAGE));
  tools.then(
    (use) => isHere(section) && use(section, name, target),
    () => {
      tools = undefined;
      say(section, "This tool could not be fetched. Check the connection and try again.");
    },
  );
}

// A file of the reader's own. It may be dropped anywhere on a page that says so, and is read once it is.

let examining;

function examine(section, files, opener) {
  examining ??= import("./examine.js").then(({ attach }) => attach(PAGE));
  examining.then(
    (open) => isHere(section) && files && open(section, files, opener),
    () => {
      examining = undefined;
      if (files) say(section, "The reader of files could not be fetched. Check the connection and try again.");
    },
  );
}

// Fields that take files themselves go on to do so.
for (const kind of ["dragenter", "dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    const section = sectionOf(document.querySelector("[data-action=file]"));
    const { dataTransfer: brought, target } = event;
    if (!section || !brought?.types.includes("Files") || target.closest?.("input, dialog")) return;
    event.preventDefault();
    if (kind === "drop") examine(section, [...brought.files]);
    else if (kind === "dragenter") examine(section);
  });
}

const PAGE = {
  BASE,
  MONEY,
  addressOf,
  calculators,
  controls,
  copy,
  isMoney,
  loadMoney,
  dress: (fragment) => dress(fragment),
  linkTo,
  loadSituation,
  morph,
  presetsOf,
  put,
  read,
  runtimeFor,
  say,
  sectionOf,
  showInReadersWay,
  situationIn,
  situationOf,
  take,
};

document.addEventListener("input", ({ target }) => {
  const section = sectionOf(target);
  if (!section || target.dataset.default === undefined) return;
  of(section).typed = performance.now();
  edited(section, target, target.matches("select, [type=checkbox]") ? 0 : pauseFor(section));
});

// Leaving a field ends the wait for its message.
document.addEventListener("change", ({ target }) => {
  const section = sectionOf(target);
  if (!section) return;
  if (target.dataset.presets !== undefined) take(section, { preset: target.value, fields: {} });
  else if (target.dataset.default !== undefined) {
    of(section).typed = 0;
    schedule(section, 0);
  }
});

// A long list is narrowed to the options whose text and heading hold every word of the box over it. Enter takes the first.

function narrow(box) {
  const list = document.getElementById(box.dataset.find);
  const words = box.value.toLowerCase().split(/\s+/);
  let first;
  for (const option of list.options) {
    const text = `${option.parentElement.label ?? ""} ${option.text}`.toLowerCase();
    option.hidden = !words.every((word) => text.includes(word));
    if (!option.hidden) first ??= option;
  }
  for (const group of list.querySelectorAll("optgroup")) {
    group.hidden = [...group.children].every((option) => option.hidden);
  }
  return first;
}

document.addEventListener("input", ({ target }) => {
  if (target.dataset.find !== undefined) narrow(target);
});

document.addEventListener("keydown", (event) => {
  const box = event.target;
  if (event.key !== "Enter" || box.dataset?.find === undefined) return;
  event.preventDefault();
  const found = box.value.trim() && narrow(box);
  if (!found) return;
  box.value = "";
  narrow(box);
  const list = document.getElementById(box.dataset.find);
  list.value = found.value;
  list.dispatchEvent(new Event("input", { bubbles: true }));
  list.focus();
});

for (const kind of ["focusin", "pointerdown"]) {
  document.addEventListener(kind, ({ target }) => {
    const section = sectionOf(target);
    if (section && target.closest(".calc-form, .calc-foot")) wantRuntime(section);
  });
}

document.addEventListener("click", ({ target }) => {
  const chip = target instanceof Element && target.closest("[data-preset]");
  if (chip) {
    const [first] = calculators();
    take(first, { preset: chip.dataset.preset, fields: {} });
    wantRuntime(first);
    return;
  }
  const section = sectionOf(target);
  const button = section && target.closest("[data-action]");
  if (!button) return;
  const { action } = button.dataset;
  if (ACTIONS[action]) ACTIONS[action](section, button);
  else useTool(section, action, button);
});

document.addEventListener(
  "toggle",
  ({ target }) => {
    const section = sectionOf(target);
    if (section && target.open && target.dataset.tool) useTool(section, target.dataset.tool, target);
  },
  true,
);

// Charts answer to pointer, touch and arrow keys. What does that is fetched when one is first pointed at or focused.

let charts;

function pointAt(event) {
  const chart = event.target instanceof Element && event.target.closest(".calc-picture .calc-chart");
  if (!chart) return;
  charts ??= import("./chart.js");
  charts.then(({ point }) => point(chart, event), () => (charts = undefined));
  if (event.type === "keydown" && /^(Arrow|Home|End)/.test(event.key)) event.preventDefault();
}

for (const kind of ["pointermove", "pointerdown", "pointerout", "focusin", "focusout", "keydown"]) {
  document.addEventListener(kind, pointAt);
}

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element && target.closest("[data-chart]");
  if (button) import("./chart.js").then(({ take }) => take(button));
});

document.addEventListener("submit", (event) => {
  const section = sectionOf(event.target);
  if (!section) return;
  event.preventDefault();
  of(section).typed = 0;
  schedule(section, 0);
});

window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) calculators().forEach(resume);
});

window.addEventListener("online", () => {
  if (runtime?.state === "failed") runtime.start();
});

// Another tab changed the situation: fields under the reader's hand stay as they are.
window.addEventListener("storage", ({ key }) => {
  if (key === STORE) calculators().forEach(showSituation);
});

// A step back within the site arrives like any other page.
let popped = false;
window.addEventListener("popstate", () => (popped = true));

function asText(control) {
  if (control.options) return control.selectedOptions[0].textContent;
  if (control.type === "textarea" && control.value) return `${control.value.length} characters`;
  return read(control) || "not known";
}

// On paper: the brief with its day and link; or, by the button for it, everything, of what is folded only what was changed.

window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll(".calc-part:not([open])")) part.open = part.dataset.opened = true;
  for (const section of calculators()) {
    section.dataset.link = linkTo(section);
    const told = { day: new Date().toLocaleDateString("en-GB", { dateStyle: "long" }), link: section.dataset.link };
    for (const [name, words] of Object.entries(told)) {
      section.querySelector(`[data-brief="${name}"]`)?.replaceChildren(words);
    }
    for (const control of controls(section)) {
      const field = control.closest(".calc-field");
      field.toggleAttribute("data-changed", read(control) !== control.dataset.default);
      field.dataset.shown = asText(control);
    }
  }
});

window.addEventListener("afterprint", () => {
  for (const part of document.querySelectorAll("[data-opened]")) part.open = part.toggleAttribute("data-opened", false);
  delete document.documentElement.dataset.print;
});

// On another site: the calculator alone, in the scheme that the frame asks for, telling the frame how tall it is.

const ASKED_BY_FRAME = new URLSearchParams(
  [...new URLSearchParams(location.search)].filter(([name]) => ["embed", "fields"].includes(name)),
);

function inScheme() {
  if (Object.hasOwn(SCHEMES, EMBED_SCHEME)) document.body.dataset.mdColorScheme = SCHEMES[EMBED_SCHEME];
}

// The theme sets its own when it starts.
document.addEventListener("themed", inScheme);

function embed() {
  document.documentElement.dataset.embedded = EMBED_FORM ?? "";
  inScheme();
  const section = calculators()[0];
  if (section && COMPACT) embedCompact(section);
  if (!section || window.parent === window) return;
  new ResizeObserver(() => {
    window.parent.postMessage({ calculator: section.id, height: Math.ceil(section.offsetHeight) + 2 }, "*");
  }).observe(section);
}

// The fields that the frame asks for, or the first few, the answer, one picture, and the way to all of it.
function embedCompact(section) {
  const asked = ASKED_BY_FRAME.get("fields")?.split(",");
  const found = controls(section).filter((control, at) => asked?.includes(control.name) ?? at < COMPACT_FIELDS);
  for (const control of found) {
    control.closest(".calc-field").dataset.chosen = "";
    for (let fold = control.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
  const full = document.createElement("a");
  full.className = "calc-full";
  full.target = "_blank";
  full.rel = "noopener";
  full.textContent = "Open in full";
  section.append(full);
  const follow = () => {
    const link = new URL(linkTo(section));
    for (const name of ["embed", "fields"]) link.searchParams.delete(name);
    full.href = link;
  };
  section.addEventListener("settled", follow);
  follow();
}

function arrive() {
  runtime?.forgetPagesLeft();
  showDifference(false);
  if (document.querySelector(".bad-run")) import("./examine.js").then(({ diagnose }) => diagnose(PAGE)).catch(() => {});
  for (const section of calculators()) {
    try {
      connect(section);
    } catch (error) {
      console.error(error);
      section.querySelector(".calc-state-text")?.replaceChildren(SAYS.mismatch);
    }
  }
  popped = false;
  if (globalThis.earlyWorker && calculators().length) wantRuntime(calculators()[0]);
  if (EMBEDDED) embed();
  if (document.readyState === "complete") startWhenIdle();
  else window.addEventListener("load", startWhenIdle, { once: true });
}

if (window.document$) window.document$.subscribe(arrive);
else {
  arrive();
  document.addEventListener("arrived", arrive);
}
