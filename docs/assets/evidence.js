// What the pages of evidence have beside their text: filters, and marks for what is the reader's own.

// Filters over the published comparisons. Without scripts the table is whole.
const FILTERS = { task: "Task", domain: "Domain", size: "Training examples", winner: "What won" };

function choices(rows, name) {
  return [...new Set(rows.map((row) => row.dataset[name]))].sort();
}

function selector(rows, name, title, change) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.append(title, select);
  select.append(new Option("All", ""), ...choices(rows, name).map((value) => new Option(value, value)));
  select.addEventListener("change", change);
  select.name = name;
  return label;
}

function bind(root) {
  const rows = [...root.querySelectorAll("tbody tr")];
  const bar = document.createElement("form");
  const count = document.createElement("output");
  const show = () => {
    const wanted = Object.entries(Object.fromEntries(new FormData(bar))).filter(([, value]) => value);
    for (const row of rows) row.hidden = wanted.some(([name, value]) => row.dataset[name] !== value);
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = `${left} of ${rows.length} comparisons`;
    const link = new URLSearchParams(wanted);
    history.replaceState(history.state, "", location.pathname + (wanted.length ? `?${link}` : "") + location.hash);
  };
  bar.className = "published-filters";
  bar.append(...Object.entries(FILTERS).map(([name, title]) => selector(rows, name, title, show)));
  root.prepend(bar, count);
  root.dataset.bound = "";
  // What was chosen stands in the address, so that a link shows the same rows.
  for (const [name, value] of new URLSearchParams(location.search)) {
    const select = bar.elements[name];
    if (select && [...select.options].some((option) => option.value === value)) select.value = value;
  }
  show();
}

const BASE = new URL("../", import.meta.url);

const SITUATION = `calculator ${BASE.pathname} situation`;
const ESTIMATES = `calculator ${BASE.pathname} estimates`;

// What is stored, or nothing where storage is shut or holds nonsense.
function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

function draw(chart, tag, attributes, words = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  chart.append(made);
}

// Where the reader stands on a picture of what others measured: the field as it was typed on any page.
function yours(picture) {
  const typed = stored(SITUATION).fields?.[picture.dataset.field];
  const share = /^\s*\d+(\.\d+)?\s*%\s*$/.test(typed) ? parseFloat(typed) / 100 : Number(typed);
  const part = (share - picture.dataset.low) / (picture.dataset.high - picture.dataset.low);
  const chart = picture.querySelector(".calc-chart");
  if (!(part >= 0 && part <= 1) || chart.querySelector(".calc-yours")) return;
  const x = `${100 * part}%`;
  draw(chart, "line", { class: "calc-limit calc-yours", x1: x, x2: x, y1: 14, y2: chart.clientHeight - 40 });
  const anchor = part > 0.5 ? "end" : "start";
  draw(chart, "text", { class: "calc-mark", x, dx: part > 0.5 ? -4 : 4, y: 24, "text-anchor": anchor }, "yours here");
}

// The set-up whose estimates are kept: the reader's preset, and what was typed into the fields of that form.
function setUp(names) {
  const { preset, fields } = stored(SITUATION);
  return JSON.stringify([preset, names.map((name) => fields?.[name])]);
}

// Estimates that were worked out for the reader's own numbers, and not for a link's or the example's. The bar says whose
// they are, a moment after the answer.
export function remember(section) {
  requestAnimationFrame(() => {
    const names = [...section.querySelectorAll(".calc-form [data-default]")].map((control) => control.name);
    const lamps = [...section.querySelectorAll("[data-compared]")];
    const found = lamps.map(({ dataset }) => [dataset.compared, Number(dataset.value)]);
    try {
      if (section.querySelector(".calc-situation [data-action=clear]")) {
        localStorage.setItem(ESTIMATES, JSON.stringify({ names, of: setUp(names), found }));
      } else if (!section.querySelector(".calc-situation [data-action=mine]")) {
        localStorage.removeItem(ESTIMATES);
      }
    } catch {
      // Where nothing can be stored, nothing is marked.
    }
  });
}

// Its measurement is not known, so each estimate stands where both would agree, named below the line.
function mark(picture) {
  const { names, of, found } = stored(ESTIMATES);
  const chart = picture.querySelector(".calc-chart");
  if (!names || setUp(names) !== of || chart.querySelector(".calc-yours")) return;
  const [left, right, bottom, top, low, high] = picture.dataset.axes.split(" ").map(Number);
  for (const [quantity, value] of found) {
    const part = Math.log(value / low) / Math.log(high / low);
    if (!(part >= 0 && part <= 1)) continue;
    const [x, y] = [left + part * (right - left), bottom + part * (top - bottom)];
    draw(chart, "circle", { class: "calc-yours", cx: x, cy: y, r: 5 });
    const end = Math.min(x + 94, right + 10);
    draw(chart, "text", { class: "calc-mark calc-name", x: end, y: y + 20, "text-anchor": "end" }, `your ${quantity}`);
  }
}

export function show() {
  for (const root of document.querySelectorAll(".published:not([data-bound])")) bind(root);
  for (const picture of document.querySelectorAll("[data-low][data-field]")) yours(picture);
  for (const picture of document.querySelectorAll("[data-axes]")) mark(picture);
}
