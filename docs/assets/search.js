// Material starts its search worker with every page. `calculator/web/publish.py` puts this in its place: it is a tenth of the
// size, and loads the real one, named in its query, when the search is first spoken to.
const real = new URL(self.location.href).searchParams.get("worker");

self.onmessage = ({ data }) => {
  self.onmessage = null;
  importScripts(new URL(real, self.location.href));
  self.dispatchEvent(new MessageEvent("message", { data }));
};
