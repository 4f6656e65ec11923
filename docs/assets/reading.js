// Reads a reader's own file inside the Python worker that was started for it: `work` gets each message with `tool` in it.
// The file is read piece by piece and never held as a whole; tokens are counted by another worker at the end of `counter`.
//
// Messages to it:    {tool, read: [File, …], counter: MessagePort, sequence}   a training set first, then its test set
//                    {tool, stop: true}   what was read so far is told, and no more is read
//                    {tool, countless: true}   nobody is there to count: tokens are estimated
//                    {tool, call, request}   another function of calculator.faces.examined, such as `evidence`
// Messages from it:  {file, done, size}   bytes read of the so-many-th file
//                    {file, found}        JSON text: what is known by now
//                    {file, found, last: true}   JSON text: what was found, or what is wrong
//                    {found, call}        JSON text: its answer
//                    {broken}             Python's runtime itself gave up: another worker may do better

const PIECE = 1 << 18;
// What is known is told ever more rarely: each time the page makes a picture of it, and lets go of the last one late.
const LOOK_MS = 500;
const LONGEST_LOOK_MS = 4000;
const TELL_MS = 100;
// Batches of a hundred texts that may wait to be counted: more would only fill the memory.
const MOST_WAITING = 16;

let stopped = false;
let counting;

export function work(python, message) {
  const examined = python.pyimport("calculator.faces.examined");
  if (message.stop) {
    stopped = true;
    return;
  }
  if (message.countless) {
    counting?.hear({ problem: "no tokenizer" });
    return;
  }
  const doing = message.call
    ? Promise.resolve().then(() => tell({ call: message.call, found: examined[message.call](message.request) }))
    : readAll(python, examined, message);
  const { call, first: file } = message;
  doing.catch((error) => {
    if (error?.name !== "PythonError") tell({ broken: says(error) });
    else tell({ call, file, last: true, found: JSON.stringify({ problem: says(error) }) });
  });
}

const tell = (message) => self.postMessage(message);

// Python's message is a whole traceback, whose last line says what it was.
const says = (error) => String(error?.message ?? error).trim().split("\n").at(-1).slice(-300);

async function readAll(python, examined, { read, first, counter, sequence }) {
  stopped = false;
  for (const [index, one] of read.entries()) {
    const file = first + index;
    const found = await readOne(python, examined, { file, one, sequence, counter });
    tell({ file, found, last: true });
    if (stopped || JSON.parse(found).problem) return;
  }
}

// Without a tokenizer the file is read once more, with tokens estimated.
async function readOne(python, examined, how) {
  try {
    counting = new Counting(how.counter);
    return await pass(python, examined, how);
  } catch (error) {
    if (!(error instanceof NoCounts)) throw error;
    counting = undefined;
    return pass(python, examined, how);
  }
}

async function pass(python, examined, { file, one, sequence }) {
  const tokens = counting ? "outside" : "estimate";
  const against = file > 0;
  let problem = examined.begin(JSON.stringify({ name: one.name, tokens, sequence_tokens: sequence, against }));
  if (JSON.parse(problem).problem) return problem;
  let done = 0;
  let told = 0;
  let looked = 0;
  let pause = LOOK_MS;
  while (done < one.size && !stopped) {
    const piece = new Uint8Array(await one.slice(done, done + PIECE).arrayBuffer());
    // A file that became shorter meanwhile ends here.
    if (!piece.length) break;
    problem = feed(python, examined, piece);
    if (JSON.parse(problem).problem) return problem;
    done += piece.length;
    await counting?.drain(examined, MOST_WAITING);
    const now = performance.now();
    if (now > told + TELL_MS) {
      told = now;
      tell({ file, done, size: one.size });
    }
    if (now > looked + pause) {
      if (looked) pause = Math.min(2 * pause, LONGEST_LOOK_MS);
      tell({ file, found: examined.look() });
      looked = performance.now();
    }
    await turn();
  }
  problem = examined.last();
  if (JSON.parse(problem).problem) return problem;
  await counting?.drain(examined, 0);
  return examined.end(JSON.stringify({ stopped }));
}

function feed(python, examined, piece) {
  const bytes = python.toPy(piece);
  try {
    return examined.feed(bytes);
  } finally {
    bytes.destroy?.();
  }
}

function taken(examined) {
  const texts = examined.texts();
  try {
    return texts.toJs();
  } finally {
    texts.destroy();
  }
}

// Messages are heard between two turns.
const gate = new MessageChannel();
let through = () => {};
gate.port1.onmessage = () => through();

function turn() {
  return new Promise((resolve) => {
    through = resolve;
    gate.port2.postMessage(null);
  });
}

class NoCounts extends Error {}

// Texts go out in batches, in the order in which Python gives them; their counts come back in the same order.
class Counting {
  constructor(port) {
    this.port = port;
    this.waiting = 0;
    this.counts = [];
    this.wake = () => {};
    port.onmessage = ({ data }) => this.hear(data);
  }

  hear(data) {
    this.counts.push(data);
    this.wake();
  }

  // Hands out what waits, and goes on when at most so many batches are still away.
  async drain(examined, most) {
    for (let texts = taken(examined); texts.length; texts = taken(examined)) {
      this.port.postMessage({ texts }, [texts.buffer]);
      this.waiting += 1;
      await this.collect(examined, Math.max(most, 1));
    }
    await this.collect(examined, most);
  }

  async collect(examined, most) {
    for (;;) {
      for (const { counts, problem } of this.counts.splice(0)) {
        if (problem) throw new NoCounts(problem);
        examined.counts(counts);
        this.waiting -= 1;
      }
      if (this.waiting <= most) return;
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
