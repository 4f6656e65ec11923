// Answers requests with the package as it is shipped: Pyodide under Node, with the library of the ordinary start.
//   node answers.mjs '{"runtime": folder, "library": file}' < requests, a JSON list of texts
// Prints {"answers": the responses, "missing": the modules that were asked for and are not there}.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

const { runtime, library } = JSON.parse(process.argv[2]);
const requests = JSON.parse(readFileSync(0, 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'answers-'));
const unpacked = join(folder, 'library.zip');
writeFileSync(unpacked, gunzipSync(readFileSync(library)));

const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')));
const { info } = JSON.parse(readFileSync(join(runtime, 'pyodide-lock.json')));
const pyodide = await loadPyodide({
  // Said, because Pyodide's guess at its own folder ends at a parenthesis in the path.
  indexURL: runtime,
  env: { PYTHONHASHSEED: '0' },
  lockFileContents: { info, packages: {} },
  packageBaseUrl: '/',
  stdLibURL: unpacked,
});
rmSync(folder, { recursive: true });
pyodide.runPython(`
import sys
missing = []
class Noted:
    @staticmethod
    def find_spec(name, path=None, target=None):
        missing.append(name)
sys.meta_path.append(Noted)
from calculator.faces.browser import answer`);
const answer = pyodide.globals.get('answer');
const answers = requests.map((request) => answer(request));
const missing = JSON.parse(pyodide.runPython('import json; json.dumps(sorted(set(missing)))'));
process.stdout.write(JSON.stringify({ answers, missing }), () => process.exit(0));
