// A reply that comes after its page was left: runs the page's script with made-up surroundings, and prints for each of the
// cases below the replies that were let through and the addresses that were set.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const CASES = {
  stays: "",
  "section is gone": "section.isConnected = false;",
  "address is another page's": 'location.pathname = "/next/";',
};
const script = readFileSync(new URL("../../docs/assets/calculator.js", import.meta.url), "utf8");

function outcome(leave) {
  const listen = { addEventListener: () => {} };
  const context = createContext({
    document: { ...listen, documentElement: { toggleAttribute: () => {} }, querySelector: () => null, querySelectorAll: () => [] },
    window: listen,
    location: { origin: "https://example.test", pathname: "/asks/", search: "", hash: "" },
    history: { replaceState: (state, title, address) => context.addresses.push(address) },
    performance,
    URL,
    URLSearchParams,
    setTimeout: () => 0,
    clearTimeout: () => {},
    IntersectionObserver: class {},
    ResizeObserver: class {},
    replies: [],
    addresses: [],
  });
  runInContext(script.replaceAll("import.meta.url", '"https://example.test/assets/calculator.js"'), context);
  runInContext(
    `const section = { isConnected: true, id: "one" };
    of(section).path = location.pathname;
    const worker = new Runtime("worker.js");
    worker.state = "live";
    worker.worker = { postMessage: () => {} };
    worker.ask(section, section.id, {}, (response) => replies.push(response.html));
    ${leave}
    worker.hear({ id: 1, response: '{"more": null, "html": "an answer"}' });
    setQuery(section, "?gpus=7");`,
    context,
  );
  return { replies: context.replies, addresses: context.addresses };
}

console.log(JSON.stringify(Object.fromEntries(Object.entries(CASES).map(([name, leave]) => [name, outcome(leave)]))));
