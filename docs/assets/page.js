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
  };
  bar.className = "published-filters";
  bar.append(...Object.entries(FILTERS).map(([name, title]) => selector(rows, name, title, show)));
  root.prepend(bar, count);
  root.dataset.bound = "";
  show();
}

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

globalThis.document$.subscribe(() => {
  begin();
  for (const root of document.querySelectorAll(".published:not([data-bound])")) bind(root);
  requestAnimationFrame(settle);
});
