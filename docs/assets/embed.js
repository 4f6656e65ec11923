// For a page that embeds a calculator: gives each frame the height that the calculator in it asks for.
const ORIGIN = new URL(import.meta.url).origin;

window.addEventListener("message", ({ origin, source, data }) => {
  if (origin !== ORIGIN || typeof data?.calculator !== "string" || typeof data.height !== "number") return;
  if (!(data.height > 0 && data.height < 20_000)) return;
  for (const frame of document.querySelectorAll("iframe")) {
    if (frame.contentWindow === source) frame.height = Math.ceil(data.height);
  }
});
