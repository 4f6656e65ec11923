// What a chart says where it is pointed at, touched, or walked over with the arrow keys, and the chart to take away.
// It reads the table below each chart: a row or a cell that stands on the chart says where, in per cent and pixels.

const STYLES = ["fill", "fill-opacity", "font-family", "font-size", "font-weight", "opacity", "stroke", "stroke-dasharray"];
STYLES.push("stroke-linecap", "stroke-opacity", "stroke-width", "text-anchor", "vector-effect");

function placed(chart) {
  return [...chart.closest("figure").querySelectorAll("[data-at]")].map((from) => {
    const [x, y] = from.dataset.at.split(" ").map(Number);
    return { from, x, y };
  });
}

// A row says all its cells; a cell says its row, its column and itself.
function words({ from }) {
  const heads = [...from.closest("table").tHead.rows[0].cells].map((cell) => cell.textContent);
  const row = [...from.closest("tr").cells];
  if (from.matches("td")) {
    const column = row.indexOf(from);
    return `${from.textContent}\n${heads[0]}: ${row[0].textContent}\nacross: ${heads[column]}`;
  }
  const [first, ...rest] = row.map((cell) => cell.textContent);
  return [first, ...rest.map((text, k) => text && `${heads[k + 1]}: ${text}`)].filter(Boolean).join("\n");
}

function say(chart, mark, heard) {
  const figure = chart.closest("figure");
  let said = figure.querySelector(".calc-reading");
  if (!said) {
    said = document.createElement("div");
    said.className = "calc-reading";
    figure.append(said);
  }
  if (heard) said.setAttribute("role", "status");
  else said.removeAttribute("role");
  said.textContent = words(mark);
  const box = chart.getBoundingClientRect();
  const outer = figure.getBoundingClientRect();
  const scale = chart.viewBox.baseVal?.width ? box.height / chart.viewBox.baseVal.height : 1;
  const x = box.left - outer.left + (mark.x / 100) * box.width;
  const y = box.top - outer.top + mark.y * scale;
  const left = Math.min(Math.max(0, x - said.offsetWidth / 2), outer.width - said.offsetWidth);
  const above = y > said.offsetHeight + 14;
  const top = above ? y - said.offsetHeight - 12 : y + 12;
  said.style.left = `${left}px`;
  said.style.top = `${top}px`;
  said.style.setProperty("--calc-dot-left", `${x - left - 4}px`);
  said.style.setProperty("--calc-dot-top", `${y - top - 5}px`);
  chart.dataset.reading = mark.from.dataset.at;
}

function hush(chart) {
  chart.closest("figure")?.querySelector(".calc-reading")?.remove();
}

function nearest(chart, clientX, clientY) {
  const { left, top, width } = chart.getBoundingClientRect();
  const distance = ({ x, y }) => Math.hypot(left + (x / 100) * width - clientX, top + y - clientY);
  return placed(chart).sort((a, b) => distance(a) - distance(b))[0];
}

function walk(chart, key) {
  const marks = placed(chart);
  const here = marks.findIndex(({ from }) => from.dataset.at === chart.dataset.reading);
  const next = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: marks.length - 1 };
  if (key in next && marks.length) say(chart, marks[Math.min(Math.max(next[key], 0), marks.length - 1)], true);
}

// To take away

function save(chart, ending, type, text) {
  const name = chart.getAttribute("aria-label") ?? "chart";
  const link = document.createElement("a");
  link.download = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}.${ending}`;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function asCsv(table) {
  const quoted = (cell) => `"${cell.textContent.replaceAll('"', '""')}"`;
  return [...table.rows].map((row) => `${[...row.cells].map(quoted).join(",")}\r\n`).join("");
}

// The page's style sheet does not go along, so each part takes its own look with it.
function asSvg(chart) {
  const { width, height } = chart.getBoundingClientRect();
  const copy = chart.cloneNode(true);
  const parts = [...copy.querySelectorAll("*")];
  for (const [index, part] of [...chart.querySelectorAll("*")].entries()) {
    const look = getComputedStyle(part);
    for (const name of STYLES) if (look.getPropertyValue(name)) parts[index].setAttribute(name, look.getPropertyValue(name));
  }
  for (const [name, value] of Object.entries({ x: 60, y: 10, width, height, overflow: "visible" })) copy.setAttribute(name, value);
  const ground = getComputedStyle(document.body).backgroundColor;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 90}" height="${height + 20}">` +
    `<rect width="100%" height="100%" fill="${ground}"/>${new XMLSerializer().serializeToString(copy)}</svg>`
  );
}

export function take(button) {
  const figure = button.closest("figure");
  const chart = figure.querySelector(".calc-chart");
  if (button.dataset.chart === "svg") save(chart, "svg", "image/svg+xml", asSvg(chart));
  else save(chart, "csv", "text/csv", `\ufeff${asCsv(figure.querySelector("table"))}`);
}

export function point(chart, { type, key, clientX, clientY, relatedTarget }) {
  if (type === "keydown") walk(chart, key);
  else if (type === "focusin") walk(chart, "Home");
  else if (type === "pointerout" || type === "focusout") {
    if (!chart.contains(relatedTarget)) hush(chart);
  } else {
    const mark = nearest(chart, clientX, clientY);
    if (mark) say(chart, mark, false);
  }
}
