// Compiles zips of Python sources to bytecode inside Pyodide itself, so that no other Python has a part in the bytes.
//   node compile.mjs '{"runtime": folder, "archives": [{"from": zip, "to": zip, "optimise": level}]}'
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const { runtime, archives } = JSON.parse(process.argv[2]);
const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')));
const lock = JSON.parse(readFileSync(join(runtime, 'pyodide-lock.json')));
const pyodide = await loadPyodide({
  // Without columns in tracebacks, which nobody reads here: they are a third of the bytes.
  env: { PYTHONHASHSEED: '0', PYTHONNODEBUGRANGES: '1' },
  lockFileContents: { info: lock.info, packages: {} },
  packageBaseUrl: '/',
});
const compile = pyodide.runPython(`
import pathlib, py_compile, zipfile

def compile_archive(level):
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with zipfile.ZipFile("/from.zip") as source, zipfile.ZipFile("/to.zip", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith(".py"):
                pathlib.Path("/one.py").write_bytes(content)
                py_compile.compile("/one.py", "/one.pyc", name, True, level, unchecked)
                content = pathlib.Path("/one.pyc").read_bytes()
                name += "c"
            target.writestr(name, content)

compile_archive`);
for (const { from, to, optimise } of archives) {
  pyodide.FS.writeFile('/from.zip', new Uint8Array(readFileSync(from)));
  compile(optimise);
  writeFileSync(to, pyodide.FS.readFile('/to.zip'));
}
process.exit(0);
