// Stands in the head of every page with a calculator, before its styles, for which later scripts wait. Who used a calculator
// on the last visit, opens a link with numbers or has numbers of their own will need Python: it starts beside the page. What
// it says before the page's script is there is kept for that. What is in capitals is filled in by `publish.py`.
{
  const root = new URL("ROOT", location);
  const address = new URL("assets/runtime/WORKER", root).href;

  const kept = (name) => {
    try {
      const key = `calculator ${root.pathname} ${name}`;
      const found = localStorage.getItem(key);
      // For one visit: whoever does not use it again is not taken for one who will.
      if (name === "used") localStorage.removeItem(key);
      return found;
    } catch {
      return null;
    }
  };

  const used = kept("used");
  const linked = LINKED;
  const may = globalThis.WebAssembly && document.visibilityState === "visible" && !navigator.connection?.saveData;
  if (may && (used || linked || kept("situation"))) {
    const early = new Worker(address, { name: "calculator", type: "module" });
    early.address = address;
    early.heard = [];
    early.onmessage = ({ data }) => early.heard.push(data);
    early.onerror = (event) => {
      event.preventDefault();
      early.broken = true;
    };
    globalThis.earlyWorker = early;
  }
}
