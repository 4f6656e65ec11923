// What a reader does beyond typing: keep and fetch situations, compare two, sweep a field, map two fields, take away.
// Fetched when the first of these is opened. `attach` gets the page's own functions and gives one function for all.

import { button, element } from "./elements.js";

const LONGEST_NAME = 60;
const LONGEST_FILE = 200_000;
// Tasks that the repository's form calls otherwise than the calculators do.
const TASKS = { sql: "text to SQL", generation: "writing" };
const NOW = "now";

export async function attach(page) {
  const { BASE, MONEY, say } = page;
  const SAVED = `calculator ${BASE.pathname} saved`;
  const STYLE = new URL("./explore.css", import.meta.url);
  await style(STYLE);

  // Small things

  function labelled(id, text, control) {
    control.id = id;
    return element("div", { class: "calc-field calc-field-wide" }, element("label", { for: id }, text), control);
  }

  function show(target, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    page.dress(template.content);
    page.morph(target, template.content);
  }

  function ask(section, key, request) {
    return new Promise((resolve, reject) => {
      const runtime = page.runtimeFor(section);
      if (!runtime || runtime.state === "failed") return reject(new Error("the calculator is not running"));
      runtime.ask(section, `${section.id} ${key}`, { ...page.situationOf(section), ...request }, (response) => {
        if (response.problems?.length) reject(new Error(response.problems.map(({ message }) => message).join(" ")));
        else if (response.more === null || response.more === undefined) resolve(response);
        else request.progress?.(response);
      });
    });
  }

  function question(section) {
    return section.querySelector(".calc-title").textContent;
  }

  function labelOf(control) {
    return control.labels[0].firstChild.textContent.trim();
  }

  function numbers(section) {
    return page.controls(section).filter((control) => control.parentElement.querySelector(".calc-sweep"));
  }

  function download(name, type, text) {
    const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  function fileName(section, ending) {
    const today = new Date();
    const day = [today.getFullYear(), today.getMonth() + 1, today.getDate()].map((n) => `${n}`.padStart(2, "0")).join("-");
    return `${section.dataset.decision.replaceAll("_", "-")}-${day}.${ending}`;
  }

  // One situation

  function presetFields(section, preset) {
    return JSON.parse(page.presetsOf(section).dataset.presets)[preset] ?? {};
  }

  function presetTitle(section, name) {
    const option = [...page.presetsOf(section).options].find(({ value }) => value === name);
    return option?.textContent ?? name;
  }

  // The page's fields as they stand, over what is known from other pages.
  function present(section) {
    const preset = page.presetsOf(section).value;
    const base = presetFields(section, preset);
    const fields = { ...page.loadSituation().fields };
    for (const control of page.controls(section)) {
      const value = page.read(control);
      if (value === (base[control.name] ?? control.dataset.default)) delete fields[control.name];
      else fields[control.name] = value;
    }
    return { preset, fields };
  }

  function loadSaved() {
    try {
      const found = JSON.parse(localStorage.getItem(SAVED) ?? "{}");
      return Object.fromEntries(
        Object.entries(found)
          .filter(([, kept]) => kept && typeof kept.fields === "object" && kept.fields)
          .map(([name, { preset, fields }]) => [
            name.slice(0, LONGEST_NAME),
            {
              preset: typeof preset === "string" ? preset : "",
              fields: Object.fromEntries(Object.entries(fields).filter(([, text]) => typeof text === "string")),
            },
          ]),
      );
    } catch {
      return {};
    }
  }

  function keepSaved(saved) {
    try {
      localStorage.setItem(SAVED, JSON.stringify(saved));
      return true;
    } catch {
      return false;
    }
  }

  // A JSON string is a TOML string too, save for one character.
  function asToml({ preset, fields }) {
    const quoted = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");
    const lines = preset ? [`preset = ${quoted(preset)}`, ""] : [];
    lines.push("[situation]", ...Object.entries(fields).map(([name, text]) => `${name} = ${quoted(text)}`));
    return `${lines.join("\n")}\n`;
  }

  function asJson({ preset, fields }) {
    return `${JSON.stringify({ ...(preset ? { preset } : {}), situation: fields }, null, 2)}\n`;
  }

  // Dialogs: one of each kind in a calculator, its contents made anew when it is opened

  function dialog(section, kind, title) {
    section.querySelector(`.calc-dialog[data-kind=${kind}]`)?.remove();
    const ident = `${section.id}-${kind}`;
    const status = element("p", { class: "calc-done", role: "status" });
    const body = element("div", { class: "calc-dialog-body" });
    const close = button("Close", () => made.close());
    const head = element("div", { class: "calc-dialog-head" }, element("h3", { id: ident }, title), close);
    const made = element("dialog", { class: "calc-dialog", "data-kind": kind, "aria-labelledby": ident }, head, status, body);
    made.addEventListener("click", ({ target, clientX, clientY }) => {
      if (target !== made || (!clientX && !clientY)) return;
      const { left, right, top, bottom } = made.getBoundingClientRect();
      if (clientX < left || clientX > right || clientY < top || clientY > bottom) made.close();
    });
    made.addEventListener("close", () => made.remove());
    section.append(made);
    if (made.showModal) made.showModal();
    else showInPage(made);
    return { made, body, status, ident };
  }

  // A browser without dialogs takes it for a plain part of the page: it stands at the end of the calculator.
  function showInPage(made) {
    made.close = () => made.remove();
    made.setAttribute("open", "");
    made.dataset.inPage = "";
    made.tabIndex = -1;
    made.focus();
  }

  function part(title, ...children) {
    return element("section", { class: "calc-dialog-part" }, element("h4", {}, title), ...children);
  }

  function situation(section) {
    const { body, status, ident } = dialog(section, "situation", "Your situation");
    const kept = element("div");
    const typed = element("div");
    const tell = (words) => {
      status.textContent = words;
    };

    function showTyped() {
      const { preset, fields } = present(section);
      const base = presetFields(section, preset);
      const here = page.controls(section).filter((control) => Object.hasOwn(fields, control.name));
      const away = Object.keys(fields).length - here.length;
      const rows = here.map((control) => {
        const was = base[control.name] ?? control.dataset.default;
        const short = (text) => (text.length > 40 ? `${text.length} characters` : text || "not known");
        const label = labelOf(control);
        const undo = button(
          "Undo",
          () => {
            const rest = present(section);
            delete rest.fields[control.name];
            page.take(section, rest);
            showTyped();
            tell(`${label} is back at ${short(was)}.`);
            (typed.querySelector("button") ?? body.querySelector("input")).focus();
          },
          { "aria-label": `Undo: ${label}` },
        );
        return element("li", {}, element("span", {}, `${label}: ${short(page.read(control))}, was ${short(was)}`), undo);
      });
      const start = preset ? `Starts from “${presetTitle(section, preset)}”.` : "Starts from typical values.";
      const more = away ? ` ${away} more ${away === 1 ? "answer" : "answers"} from other pages.` : "";
      const count = { 0: "Nothing is changed here.", 1: "1 field is changed here." }[here.length] ?? `${here.length} fields are changed here.`;
      typed.replaceChildren(
        element("p", {}, `${start} ${count}${more}`),
        ...(rows.length ? [element("ul", { class: "calc-list" }, ...rows)] : []),
      );
    }

    function showKept() {
      const rows = Object.entries(loadSaved()).map(([name, found]) => {
        const load = button(
          "Load",
          () => {
            page.take(section, found);
            showTyped();
            tell(`“${name}” is loaded.`);
          },
          { "aria-label": `Load: ${name}` },
        );
        const rename = button("Rename", () => showRename(name), { "aria-label": `Rename: ${name}` });
        const remove = button(
          "Delete",
          () => {
            const { [name]: _, ...rest } = loadSaved();
            keepSaved(rest);
            showKept();
            tell(`“${name}” is deleted.`);
            nameField.focus();
          },
          { "aria-label": `Delete: ${name}` },
        );
        return element("li", {}, element("span", {}, name), load, rename, remove);
      });
      kept.replaceChildren(
        rows.length ? element("ul", { class: "calc-list" }, ...rows) : element("p", { class: "calc-caption" }, "None saved yet."),
      );
    }

    function save(name, found, replaced = "") {
      const { [replaced]: _, ...rest } = loadSaved();
      if (keepSaved({ ...rest, [name]: found })) tell(`Saved as “${name}” on this device.`);
      else tell("This browser keeps nothing for this page: its storage is blocked or full. Download it as a file instead.");
      showKept();
    }

    function showRename(name) {
      nameField.value = name;
      nameField.dataset.renames = name;
      saveButton.textContent = "Rename";
      nameField.focus();
      nameField.select();
    }

    const nameField = element("input", { type: "text", maxlength: LONGEST_NAME, autocomplete: "off" });
    const saveButton = button("Save", () => {}, { type: "submit" });
    const naming = element(
      "form",
      { class: "calc-inline-form" },
      labelled(`${ident}-name`, "Name", nameField),
      saveButton,
    );
    naming.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const name = nameField.value.trim();
      if (!name) {
        tell("Give it a name first.");
        nameField.focus();
        return;
      }
      const renamed = nameField.dataset.renames ?? "";
      save(name, (renamed && loadSaved()[renamed]) || present(section), renamed);
      nameField.value = "";
      delete nameField.dataset.renames;
      saveButton.textContent = "Save";
    });

    const text = element("textarea", { rows: "4", spellcheck: "false", autocomplete: "off" });
    const file = element("input", { type: "file", accept: ".toml,.json,.txt" });
    const wrong = element("div", { class: "calc-problem", role: "alert" });
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      if (file.files[0].size > LONGEST_FILE) {
        refuse(file.files[0].size, "bytes");
        return;
      }
      text.value = await file.files[0].text();
      read();
    });

    // What is far too long is not even handed on: a slip of the hand may choose a film.
    function refuse(given, what) {
      const count = (number) => number.toLocaleString("en");
      wrong.textContent = `A situation has at most ${count(LONGEST_FILE)} ${what}; given: ${count(given)}.`;
    }

    async function read() {
      wrong.replaceChildren();
      if (text.value.length > LONGEST_FILE) {
        refuse(text.value.length, "characters");
        return;
      }
      if (!text.value.trim()) {
        wrong.textContent = "Paste a situation or choose a file first.";
        text.focus();
        return;
      }
      tell("Reading …");
      try {
        const found = await ask(section, "import", { want: "import", text: text.value });
        tell("");
        if (found.file_problems.length) {
          const lines = found.file_problems.map(({ line, field, message }) =>
            element("li", {}, [line ? `Line ${line}` : "", field].filter(Boolean).join(", ") + (line || field ? ": " : "") + message),
          );
          wrong.replaceChildren(element("p", {}, "Nothing was taken over:"), element("ul", {}, ...lines));
          return;
        }
        page.take(section, { preset: found.preset, fields: found.fields });
        showTyped();
        const count = Object.keys(found.fields).length;
        const left = found.ignored.length ? ` Not known here, and left out: ${found.ignored.join(", ")}.` : "";
        tell(`${count} ${count === 1 ? "field" : "fields"} taken over.${left}`);
      } catch (error) {
        tell("");
        wrong.textContent = `Not read: ${error.message}.`;
      }
    }

    showTyped();
    showKept();
    body.append(
      part("What differs", typed),
      part("Saved on this device", naming, kept),
      part(
        "As a file",
        element(
          "div",
          { class: "calc-actions" },
          button("Download TOML", () => download(fileName(section, "toml"), "application/toml", asToml(present(section)))),
          button("Download JSON", () => download(fileName(section, "json"), "application/json", asJson(present(section)))),
          button("Copy TOML", ({ currentTarget }) => {
            const text = Promise.resolve(asToml(present(section)));
            page.copy(section, text, "Copied as TOML.", currentTarget.parentElement, tell);
          }),
        ),
        labelled(`${ident}-file`, "Read a file", file),
        labelled(`${ident}-text`, "or paste TOML or JSON", text),
        wrong,
        button("Use these numbers", read),
      ),
      moneyPart(section, ident, tell),
    );
  }

  function moneyPart(section, ident, tell) {
    const kept = page.loadMoney();
    const code = element("input", { type: "text", maxlength: "3", size: "4", autocomplete: "off", value: kept?.code ?? "" });
    const factor = element("input", { type: "text", inputmode: "decimal", size: "8", autocomplete: "off", value: kept?.factor ?? "" });
    const form = element(
      "form",
      { class: "calc-inline-form" },
      labelled(`${ident}-currency`, "Currency, like EUR", code),
      labelled(`${ident}-factor`, "for one US dollar", factor),
      button("Show", () => {}, { type: "submit" }),
      button("Back to USD", () => {
        code.value = factor.value = "";
        set(null);
        tell("Amounts are in US dollars.");
      }),
    );
    function set(money) {
      try {
        if (money) localStorage.setItem(MONEY, JSON.stringify(money));
        else localStorage.removeItem(MONEY);
      } catch {
        tell("This browser keeps nothing for this page, so the currency cannot be kept.");
        return;
      }
      for (const each of page.calculators()) page.showInReadersWay(each);
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const wanted = code.value.trim().toUpperCase();
      const rate = Number(factor.value.trim().replace(",", "."));
      if (!/^[A-Z]{3}$/.test(wanted)) {
        tell(`The currency must be three letters, like EUR; given: “${code.value}”.`);
        code.focus();
      } else if (!page.isMoney({ code: wanted, factor: rate })) {
        tell(`The factor must be a number above 0, like 0.92; given: “${factor.value}”.`);
        factor.focus();
      } else {
        tell(`Results are shown in ${wanted} at ${rate} for one US dollar.`);
        set({ code: wanted, factor: rate });
      }
    });
    return part("Money in the results", form);
  }

  // Two situations side by side

  function compare(section) {
    const { body, status, ident } = dialog(section, "compare", "Compare two situations");
    const out = element("div", { class: "calc-section" });
    const first = choices(section);
    const second = choices(section);
    first.value = NOW;
    const { preset, fields } = present(section);
    const changed = preset || Object.keys(fields).length;
    const other = changed ? "[value='preset:']" : "[value^='preset:']:not([value='preset:'])";
    second.value = (second.querySelector("[value^='saved:']") ?? second.querySelector(other)).value;
    async function work() {
      const [one, two] = [chosen(section, first), chosen(section, second)];
      status.textContent = "Comparing …";
      try {
        const found = await ask(section, "compare", {
          want: "compare",
          given: one.fields,
          preset: one.preset,
          other: two.fields,
          other_preset: two.preset,
          names: [one.name, two.name],
        });
        show(out, found.html);
        status.textContent = `“${one.name}” beside “${two.name}”.`;
      } catch (error) {
        status.textContent = `Not compared: ${error.message}`;
      }
    }
    for (const select of [first, second]) select.addEventListener("change", work);
    body.append(
      element("div", { class: "calc-pair" }, labelled(`${ident}-first`, "This", first), labelled(`${ident}-second`, "with this", second)),
      out,
    );
    work();
  }

  function choices(section) {
    const select = element("select", {}, element("option", { value: NOW }, "Your numbers as they stand"));
    const saved = Object.keys(loadSaved()).map((name) => element("option", { value: `saved:${name}` }, name));
    if (saved.length) select.append(element("optgroup", { label: "Saved by you" }, ...saved));
    const presets = [...page.presetsOf(section).options].map(({ value, textContent }) =>
      element("option", { value: `preset:${value}` }, textContent),
    );
    select.append(element("optgroup", { label: "Presets" }, ...presets));
    return select;
  }

  function chosen(section, select) {
    const name = select.selectedOptions[0].textContent;
    const [, kind, which] = /^(\w+):?(.*)$/s.exec(select.value);
    if (kind === "saved") return { name, ...loadSaved()[which] };
    if (kind === "preset") return { name, preset: which, fields: {} };
    const { given, preset } = page.situationOf(section);
    return { name: "Your numbers", fields: given, preset };
  }

  // The result over one field

  function sweep(section, _, opener) {
    const field = opener.closest(".calc-field");
    const control = field.querySelector("input");
    const ident = `${control.id}-sweep`;
    if (opener.getAttribute("aria-expanded") === "true") {
      opener.setAttribute("aria-expanded", "false");
      document.getElementById(ident)?.remove();
      return undefined;
    }
    opener.setAttribute("aria-expanded", "true");
    opener.setAttribute("aria-controls", ident);
    const panel = element("div", { class: "calc-swept", id: ident, role: "region", "aria-label": `Result over ${labelOf(control)}` });
    panel.append(element("p", { class: "calc-caption", role: "status" }), element("div", { class: "calc-section" }));
    panel.dataset.field = control.name;
    panel.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      opener.focus();
      opener.click();
    });
    field.after(panel);
    return drawSweep(section, panel).then(() => panel.scrollIntoView({ block: "nearest" }));
  }

  async function drawSweep(section, panel) {
    const [status, out] = panel.children;
    const { field } = panel.dataset;
    if (!out.hasChildNodes()) status.textContent = "Working it out …";
    try {
      const { html } = await ask(section, `sweep ${field}`, { want: "sweep", field });
      show(out, html);
      // The chart says it to the eye already.
      status.textContent = out.querySelector(".calc-caption").textContent;
      status.dataset.heard = "";
    } catch (error) {
      status.textContent = `Not shown: ${error.message}`;
      delete status.dataset.heard;
    }
  }

  // The answer over two fields

  function map(section, _, fold) {
    if (!fold.querySelector(".calc-map-body")) {
      const pick = (name, text) => {
        const options = numbers(section).map((control) => element("option", { value: control.name }, labelOf(control)));
        const select = element("select", {}, ...options);
        select.value = name;
        select.addEventListener("change", () => drawMap(section, fold));
        return [select, labelled(`${section.id}-map-${text.toLowerCase()}`, text, select)];
      };
      const [across, first] = pick(fold.dataset.across, "Across");
      const [up, second] = pick(fold.dataset.up, "Up");
      fold.append(
        element(
          "div",
          { class: "calc-map-body" },
          element("div", { class: "calc-pair" }, first, second),
          element("progress", { max: "1", value: "0", "aria-label": "The map" }),
          element("p", { class: "calc-caption", role: "status" }),
          element("div", { class: "calc-section" }),
        ),
      );
      fold.fields = () => [across.value, up.value];
    }
    drawMap(section, fold);
  }

  async function drawMap(section, fold) {
    const [field, up] = fold.fields();
    const progress = fold.querySelector("progress");
    const status = fold.querySelector("[role=status]");
    const out = fold.querySelector(".calc-section");
    const turn = (fold.turn = {});
    if (field === up) {
      page.runtimeFor(section)?.forget(`${section.id} map`);
      status.textContent = "Choose two different numbers.";
      return;
    }
    status.textContent = out.hasChildNodes() ? "Drawing it again …" : "Drawing …";
    progress.value = 0;
    progress.toggleAttribute("data-busy", true);
    try {
      const { html } = await ask(section, "map", {
        want: "map",
        field,
        up,
        progress: ({ done }) => {
          progress.value = done;
        },
      });
      if (turn !== fold.turn) return;
      show(out, html);
      status.textContent = "";
    } catch (error) {
      if (turn === fold.turn) status.textContent = `Not drawn: ${error.message}`;
    }
    progress.toggleAttribute("data-busy", false);
  }

  // What is open follows the form: a map under way is given up at the first key, and all is drawn anew with the result.

  document.addEventListener("input", ({ target }) => {
    const section = page.sectionOf(target);
    if (section && target.dataset.default !== undefined) page.runtimeFor(section)?.forget(`${section.id} map`);
  });

  function followed(section) {
    if (section.dataset.followed) return;
    section.dataset.followed = "";
    section.addEventListener("settled", () => {
      for (const panel of section.querySelectorAll(".calc-swept")) drawSweep(section, panel);
      for (const fold of section.querySelectorAll(".calc-map[open]")) if (fold.fields) drawMap(section, fold);
    });
  }

  // From a number to its working, and from an assumption to its field

  function how(section, _, { dataset }) {
    section.querySelector(".calc-working").open = true;
    const row = section.querySelector(`.calc-working [data-result="${dataset.field}"]`);
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  }

  function change(section, _, { dataset }) {
    const control = page.controls(section).find(({ name }) => name === dataset.field);
    const fold = control.closest("details");
    const form = control.form;
    if (fold) fold.open = true;
    // On a narrow screen the form is a sheet.
    if (!form.getClientRects().length) form.showPopover?.();
    control.focus();
    control.select?.();
    control.scrollIntoView({ block: "center" });
  }

  // Take away

  async function report(section, form) {
    const day = new Date().toLocaleDateString("en-GB", { dateStyle: "long" });
    return (await ask(section, form, { stage: 2, form, site: page.addressOf(section), day }))[form];
  }

  const FILES = {
    record: ["markdown", "md", "text/markdown", "Decision record downloaded."],
    "brief-page": ["brief", "html", "text/html", "Brief downloaded."],
    "brief-markdown": ["brief_markdown", "md", "text/markdown", "Brief downloaded."],
    csv: ["csv", "csv", "text/csv", "CSV downloaded."],
    json: ["json", "json", "application/json", "JSON downloaded."],
  };

  async function take(section, name) {
    const [form, ending, type, said] = FILES[name];
    say(section, "Writing it up …");
    try {
      const text = await report(section, form);
      // Spreadsheets take a CSV file for UTF-8 only when it begins so.
      download(fileName(section, ending), type, form === "csv" ? `\ufeff${text}` : text);
      say(section, said);
    } catch (error) {
      say(section, `Not downloaded: ${error.message}`);
    }
  }

  // The link without what its sender saw: what is cited or embedded is worked out anew.
  function reproducing(section) {
    const link = new URL(page.linkTo(section));
    link.search = link.search.replace(/&saw=[^&]*/, "");
    return link;
  }

  function cite(section) {
    const site = document.querySelector("[data-md-component=logo]")?.title ?? document.title;
    const link = reproducing(section);
    const day = new Date().toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
    const { version } = section.dataset;
    const line = `${site} “${question(section)}” Model version ${version}. ${link} (read on ${day}).`;
    page.copy(section, Promise.resolve(line), "Citation copied.");
  }

  function embed(section) {
    const link = reproducing(section);
    const source = `${link.origin}${link.pathname}?embed${link.search.replace("?", "&")}`;
    const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
    const lines = [
      `<iframe src="${attribute(source)}" title="${attribute(question(section))}"`,
      '  width="100%" height="1600" style="border: 0" loading="lazy"></iframe>',
      `<script type="module" src="${new URL("assets/embed.js", BASE)}"></script>`,
    ];
    page.copy(section, Promise.resolve(lines.join("\n")), "Lines for your own page copied.");
  }

  // Forms of the repository, filled in as far as the page knows. The reader sends them, or does not.
  function wrong(section) {
    const repository = document.querySelector("meta[name=repository]")?.content;
    if (!repository) return;
    const link = page.linkTo(section);
    const { task, classes_count: classes } = page.situationOf(section).given;
    const forms = {
      ".calc-wrong": { template: "wrong-number.yml", link },
      ".calc-happened": { template: "what-happened.yml", link, task: TASKS[task] ?? task, classes },
    };
    for (const [name, filled] of Object.entries(forms)) {
      const known = Object.entries(filled).filter(([, text]) => text);
      const shown = section.querySelector(name);
      shown.href = `${repository}/issues/new?${new URLSearchParams(known)}`;
      shown.hidden = false;
    }
  }

  const TOOLS = {
    situation,
    compare,
    sweep,
    map,
    how,
    change,
    record: take,
    "brief-page": take,
    "brief-markdown": take,
    csv: take,
    json: take,
    "copy-csv": (section) => page.copy(section, report(section, "csv"), "Copied as CSV."),
    "copy-json": (section) => page.copy(section, report(section, "json"), "Copied as JSON."),
    cite,
    embed,
    wrong,
  };

  return (section, name, target) => {
    style(STYLE);
    followed(section);
    TOOLS[name]?.(section, name, target);
  };
}

function style(address) {
  if (document.querySelector(`link[href="${address}"]`)) return undefined;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}
