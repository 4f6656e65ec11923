// Runs in every page of the site before its own scripts, notes when answers come and when they are shown, and acts as
// a reader would. All times are milliseconds since the navigation began.
(() => {
  const watched = { answers: [], states: {}, acted: null, firstShown: null };
  window.watched = watched;

  window.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const at = performance.now();
        if (data.state) watched.states[data.state] = at;
        // A worker's clock starts with the worker.
        if (data.marks) Object.assign(watched, { marks: data.marks, begun: at - data.marks.ready });
        if (data.response) watched.answers.push({ at, last: data.response.includes('"more":null') });
      });
    }
  };

  const isResult = (node) => (node instanceof Element ? node : node.parentElement)?.closest("[data-section]");

  // When the next answer changed the result, counted from `from`, or null when it shows the same as before. What the page
  // changes there by itself, as the age of a source, comes before any answer.
  function shown(section, from, limit = 60_000) {
    const before = watched.answers.length;
    return new Promise((resolve) => {
      const observer = new MutationObserver((changes) => {
        if (watched.answers.length === before || !changes.some(({ target }) => isResult(target))) return;
        observer.disconnect();
        resolve(performance.now() - from);
      });
      observer.observe(section, { subtree: true, childList: true, characterData: true, attributes: true });
      setTimeout(() => resolve(null), limit);
    });
  }

  // Types a new value into the first number of the form that has room for one.
  function type(section, step) {
    const controls = [...section.querySelectorAll(".calc-field-ask input[data-default]")];
    const control = controls.find(({ dataset }) => Number(dataset.default) >= 100);
    control.focus();
    control.value = String(Math.round(Number(control.dataset.default) * (1 + 0.07 * step)));
    control.dispatchEvent(new Event("input", { bubbles: true }));
    return control;
  }

  // With `leave`, the reader leaves the field: there is no pause to wait for.
  window.edit = async (step, leave) => {
    const section = document.querySelector(".calculator");
    const from = performance.now();
    const count = watched.answers.length;
    const seen = shown(section, from, 3000);
    const control = type(section, step);
    if (leave) control.dispatchEvent(new Event("change", { bubbles: true }));
    const visible = await seen;
    while (!watched.answers.slice(count).some(({ last }) => last)) await new Promise((go) => setTimeout(go, 5));
    const answers = watched.answers.slice(count).map(({ at }) => at - from);
    return { visible, point: answers[0], whole: answers.at(-1) };
  };

  window.firstEdit = async () => {
    watched.acted = performance.now();
    const section = document.querySelector(".calculator");
    const seen = shown(section, 0);
    type(section, 1).dispatchEvent(new Event("change", { bubbles: true }));
    watched.firstShown = await seen;
  };

  // The time from a request to the last answer to it, in a worker of its own that has answered one before. Each request
  // differs from the one before, so that nothing is answered from memory.
  window.ask = (request, count) =>
    new Promise((resolve) => {
      const isWorker = ({ name }) => name.includes("/runtime/worker-");
      const { name } = performance.getEntriesByType("resource").find(isWorker);
      const worker = new Worker(name, { type: "module" });
      const times = [];
      let from;
      const send = () => {
        from = performance.now();
        const asked = JSON.stringify({ ...request, given: { horizon_months: 12 + times.length } });
        worker.postMessage({ id: times.length, key: "", request: asked });
      };
      worker.onmessage = ({ data }) => {
        if (data.state === "ready") send();
        if (!data.response || JSON.parse(data.response).more) return;
        times.push(performance.now() - from);
        if (times.length <= count) return send();
        worker.terminate();
        resolve(times.slice(1));
      };
    });

  // Follows a link inside the site; gives the time from the new page's calculator standing there to its first answer.
  window.follow = (href) =>
    new Promise((resolve) => {
      const before = document.querySelector(".calculator");
      const clicked = performance.now();
      const observer = new MutationObserver(() => {
        const section = document.querySelector(".calculator");
        if (!section || section === before) return;
        observer.disconnect();
        const swapped = performance.now();
        queueMicrotask(async () => {
          const seen = shown(section, swapped);
          type(section, 3).dispatchEvent(new Event("change", { bubbles: true }));
          resolve({ swap: swapped - clicked, live: await seen });
        });
      });
      observer.observe(document, { subtree: true, childList: true });
      document.querySelector(`a[href$="${href}"]`).click();
    });

  if (location.hash === "#act") document.addEventListener("DOMContentLoaded", () => window.firstEdit());
})();
