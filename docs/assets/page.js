// What the pages around the calculators need on top of Material.

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

// The pages of evidence have filters, and marks for the reader's own: what makes them is fetched there, and where the
// reader's own set-up has been worked out, to be marked later.
function evidence(act, section) {
  import("./evidence.js").then((found) => found[act](section)).catch(() => {});
}

document.addEventListener(
  "settled",
  ({ target }) => target.querySelector("[data-compared]") && evidence("remember", target),
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

function arrive() {
  begin();
  if (document.querySelector(".published, [data-low], [data-axes]")) evidence("show");
}

// The start of the theme's script takes a tenth of a second. What the reader does first goes before it, and so does the
// answer to that, within bounds. From then on the theme tells of each page that takes the place of this one.
const THEME_DELAY = 150;
const LONGEST_THEME_DELAY = 3000;
const theme = document.querySelector("link[data-theme]");

function follow() {
  document.dispatchEvent(new Event("themed"));
  let here = true;
  globalThis.document$.subscribe(() => {
    if (!here) document.dispatchEvent(new Event("arrived"));
    here = false;
    requestAnimationFrame(settle);
  });
}

function startTheme() {
  const script = document.createElement("script");
  script.src = theme.href;
  script.onload = follow;
  document.head.append(script);
}

function startThemeLater() {
  const busy = document.querySelector(".calc-state[data-state=starting], .calculator[data-stale], .calculator[data-partial]");
  if (busy && performance.now() < LONGEST_THEME_DELAY) setTimeout(startThemeLater, THEME_DELAY);
  else startTheme();
}

arrive();
document.addEventListener("arrived", arrive);
if (theme) document.addEventListener("DOMContentLoaded", () => setTimeout(startThemeLater, THEME_DELAY));
else follow();
