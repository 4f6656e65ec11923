// What the pages around the calculators need on top of Material.

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

// Where the reader stands on a picture of what others measured: the field as it was typed on any page.
const BASE = new URL("../", import.meta.url);

function yours(picture) {
  let typed;
  try {
    typed = JSON.parse(localStorage.getItem(`calculator ${BASE.pathname} situation`)).fields[picture.dataset.field];
  } catch {
    return;
  }
  const share = /^\s*\d+(\.\d+)?\s*%\s*$/.test(typed) ? parseFloat(typed) / 100 : Number(typed);
  const part = (share - picture.dataset.low) / (picture.dataset.high - picture.dataset.low);
  const chart = picture.querySelector(".calc-chart");
  if (!(part >= 0 && part <= 1) || chart.querySelector(".calc-yours")) return;
  const shape = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    chart.append(made);
    return made;
  };
  const x = `${100 * part}%`;
  shape("line", { class: "calc-limit calc-yours", x1: x, x2: x, y1: 14, y2: chart.clientHeight - 40 });
  const anchor = part > 0.5 ? "end" : "start";
  shape("text", { class: "calc-mark", x, dx: part > 0.5 ? -4 : 4, y: 24, "text-anchor": anchor }).textContent = "yours here";
}

// What a shut fold holds is fetched when it is opened; until then, and where it cannot be, a link leads to all of it.
document.addEventListener(
  "toggle",
  async ({ target }) => {
    const part = target.open && target.querySelector(":scope > [data-later]");
    if (!part) return;
    try {
      const found = await (await fetch(part.dataset.later)).json();
      part.removeAttribute("data-later");
      part.innerHTML = found;
    } catch {
      // The link stays.
    }
  },
  true,
);

// A table that is wider than the screen is scrolled by keyboard too.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const named = { tabindex: "0", role: "group", "aria-label": "Table" };
    const scrolls = target.scrollWidth > target.clientWidth;
    for (const [name, value] of Object.entries(named)) {
      if (scrolls) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }
});

// What Material makes of a page's tables and code blocks. It puts a block's buttons into a landmark without a name.
function settle() {
  for (const bar of document.querySelectorAll(".md-code__nav")) bar.setAttribute("role", "none");
  widths.disconnect();
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) widths.observe(table);
}

// Another page takes the place of this one without a load. Its heading is then focused: it is read out, and the next Tab
// goes into the page and not through the whole navigation again.
let visited = false;

function begin() {
  const heading = document.querySelector("h1");
  if (visited && heading && !location.hash) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  visited = true;
}

// Firefox scrolls to what the keyboard reaches only when none of it is in the window, under a bar or not.
document.addEventListener("focusin", ({ target }) => {
  if (target.tabIndex < 0 || !target.matches(":focus-visible")) return;
  target.scrollIntoView({ block: "nearest", behavior: "instant" });
});

// Opened by its label on the page for what is not there, the search is ready to be typed into.
document.getElementById("__search")?.addEventListener("change", ({ target }) => {
  if (target.checked) document.querySelector("[data-md-component=search-query]")?.focus();
});

globalThis.document$.subscribe(() => {
  begin();
  for (const root of document.querySelectorAll(".published:not([data-bound])")) bind(root);
  for (const picture of document.querySelectorAll("[data-low][data-field]")) yours(picture);
  requestAnimationFrame(settle);
});
