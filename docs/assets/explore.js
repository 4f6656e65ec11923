// What a reader does beyond changing a number: move one over its range, map two, compare situations, keep them by name.
// Fetched when the first of these is opened. `page` is what `calculator.js` lends: its form, its worker, its storage.

const KEPT = " kept";
const LARGEST_FILE = 200_000;
const MOST_KEPT = 50;

const held = new WeakMap();

function tool(section, name) {
  return section.querySelector(`[data-tool="${name}"]`);
}

function fold(section, name) {
  return section.querySelector(`[data-opens="${name}"]`);
}

function say(details, words) {
  details.querySelector(".calc-tool-state").textContent = words;
}

function result(details) {
  return details.querySelector(".calc-tool-result");
}

// Asks Python for a picture and puts it in its place; a map comes row by row, so that an edit is never kept waiting.
function draw(page, section, name, request) {
  const details = fold(section, name);
  say(details, "Drawing …");
  const asked = page.ask(section, name, request, (response) => {
    if (!section.isConnected) return;
    if (response.problems.length) say(details, response.problems.map(({ message }) => message).join(" "));
    else if (response.html === undefined) say(details, `Drawing: ${Math.round(100 * (response.done ?? 0))} %`);
    else {
      page.place(result(details), response.html);
      say(details, "");
    }
  });
  if (!asked) say(details, "The calculator is not running, so nothing can be drawn.");
}

const DRAW = {
  sweep: (page, section) => draw(page, section, "sweep", { want: "sweep", field: tool(section, "sweep").value }),
  map(page, section) {
    const [field, up] = [tool(section, "across").value, tool(section, "up").value];
    if (field === up) say(fold(section, "map"), "Choose two different numbers.");
    else draw(page, section, "map", { want: "map", field, up });
  },
  compare(page, section) {
    const chosen = tool(section, "other").value;
    const own = chosen === "held" ? held.get(section) : undefined;
    const other = own ? { other: own.given, other_preset: own.preset } : { other: {}, other_preset: chosen };
    draw(page, section, "compare", { want: "compare", ...other });
  },
};

export function open(page, section, details) {
  const name = details.dataset.opens;
  if (name === "keep") showKept(page, section);
  else if (name !== "map") DRAW[name](page, section);
}

export function changed(page, section, control) {
  const name = { sweep: "sweep", other: "compare" }[control.dataset.tool];
  if (name) DRAW[name](page, section);
  else if (control.dataset.tool === "file") load(page, section, control);
}

// The form changed: what is open follows, save the map, which is drawn when it is asked for.
export function renew(page, section) {
  for (const name of ["sweep", "compare"]) {
    if (fold(section, name).open) DRAW[name](page, section);
  }
}

export function pressed(page, section, button) {
  const act = PRESSED[button.dataset.action];
  if (act) act(page, section, button);
}

function hold(page, section) {
  held.set(section, page.situationOf(section));
  const select = tool(section, "other");
  let option = [...select.options].find(({ value }) => value === "held");
  if (!option) {
    option = new Option("", "held");
    select.append(option);
  }
  option.textContent = `What you held at ${new Date().toLocaleTimeString()}`;
  select.value = "held";
  DRAW.compare(page, section);
}

// Kept situations: texts by field name, on this device only. Storage may be blocked, full or hold nonsense.

function loadKept(page) {
  try {
    const found = JSON.parse(localStorage.getItem(page.store + KEPT) ?? "[]");
    return found.map(checked).filter((kept) => kept && kept.name);
  } catch {
    return [];
  }
}

function saveKept(page, section, kept) {
  try {
    localStorage.setItem(page.store + KEPT, JSON.stringify(kept.slice(-MOST_KEPT)));
  } catch {
    say(fold(section, "keep"), "The browser does not let this page keep anything. Save a file instead.");
  }
}

// Whatever comes from outside: only texts by name are taken; what they mean is for Python to judge.
function checked(found) {
  if (found === null || typeof found !== "object" || Array.isArray(found)) return undefined;
  const fields = found.situation ?? found.fields ?? found;
  if (fields === null || typeof fields !== "object" || Array.isArray(fields)) return undefined;
  const texts = Object.entries(fields)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
    .map(([name, value]) => [name, typeof value === "boolean" ? (value ? "yes" : "no") : String(value)]);
  const text = (value) => (typeof value === "string" ? value.slice(0, 60) : "");
  return { name: text(found.name), preset: text(found.preset), fields: Object.fromEntries(texts) };
}

function showKept(page, section) {
  const list = document.createElement("ul");
  list.className = "calc-kept";
  loadKept(page).forEach((kept, index) => {
    const item = document.createElement("li");
    for (const [action, label] of [["load", kept.name], ["drop", "Forget"]]) {
      const button = document.createElement("button");
      button.className = "calc-button";
      button.type = "button";
      button.dataset.action = action;
      button.dataset.index = index;
      button.textContent = label;
      if (action === "drop") button.setAttribute("aria-label", `Forget ${kept.name}`);
      item.append(button, " ");
    }
    list.append(item);
  });
  result(fold(section, "keep")).replaceChildren(...(list.children.length ? [list] : []));
}

function situation(page, section) {
  const { given, preset } = page.situationOf(section);
  return { preset, fields: given };
}

function keep(page, section) {
  const name = tool(section, "name").value.trim() || new Date().toLocaleString();
  saveKept(page, section, [
    ...loadKept(page).filter((kept) => kept.name !== name),
    { name: name.slice(0, 60), ...situation(page, section) },
  ]);
  showKept(page, section);
  say(fold(section, "keep"), `Kept as “${name}”.`);
}

function loadOne(page, section, button) {
  const kept = loadKept(page)[Number(button.dataset.index)];
  if (!kept) return;
  page.fill(section, kept);
  say(fold(section, "keep"), `Loaded “${kept.name}”.`);
}

function drop(page, section, button) {
  saveKept(page, section, loadKept(page).toSpliced(Number(button.dataset.index), 1));
  showKept(page, section);
  tool(section, "name").focus();
}

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function load(page, section, control) {
  const details = fold(section, "keep");
  const [file] = control.files;
  if (!file) return;
  try {
    if (file.size > LARGEST_FILE) throw new Error("it is too large");
    const found = checked(JSON.parse(await file.text()));
    if (!found) throw new Error("it holds no fields");
    page.fill(section, found);
    say(details, `Loaded ${file.name}.`);
  } catch (error) {
    say(details, `${file.name} cannot be read: ${error.message}.`);
  }
  control.value = "";
}

// The command line reads both files: `python -m calculator run NAME --input FILE`.
const PRESSED = {
  map: DRAW.map,
  hold,
  keep,
  load: loadOne,
  drop,
  json: (page, section) =>
    download("situation.json", "application/json", `${JSON.stringify(page.values(section), null, 2)}\n`),
  // A JSON text is a TOML text too.
  toml: (page, section) =>
    download(
      "situation.toml",
      "application/toml",
      Object.entries(page.values(section))
        .map(([name, text]) => `${name} = ${JSON.stringify(text)}\n`)
        .join(""),
    ),
};
