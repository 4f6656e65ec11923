// Compiles zips of Python sources to bytecode with pyodide-build's compiler, run by Pyodide's own Python: the one that
// builds has no part in the bytes. Python 3.13.0 and 3.13.2 were seen to give different ones for the same source.
//   node compile.mjs '{"runtime": folder, "compiler": file, "archives": [{"from": zip, "to": zip, "optimise": level}]}'
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const { runtime, compiler, archives } = JSON.parse(process.argv[2]);
const { loadPyodide } = await import(pathToFileURL(join(runtime, 'pyodide.mjs')));
const lock = JSON.parse(readFileSync(join(runtime, 'pyodide-lock.json')));
const pyodide = await loadPyodide({
  indexURL: runtime,
  env: { PYTHONHASHSEED: '0' },
  lockFileContents: { info: lock.info, packages: {} },
  packageBaseUrl: '/',
});
// What pyodide-build's module imports beside the standard library serves wheels and messages, of which there are none.
pyodide.FS.writeFile('/pyodide_build_py_compile.py', readFileSync(compiler, 'utf8'));
const compile = pyodide.runPython(`
import contextlib, functools, importlib.util, marshal, pathlib, py_compile, sys, types, zipfile

def stand_in(name, **given):
    sys.modules[name] = module = types.ModuleType(name)
    vars(module).update(given)

stand_in("packaging")
stand_in("packaging.tags", Tag=object)
stand_in("packaging.utils", parse_wheel_filename=None)
stand_in("pyodide_build")
stand_in("pyodide_build.common", _get_sha256_checksum=None, _zip_compression=lambda level: zipfile.ZIP_STORED)
stand_in("pyodide_build.logger", logger=types.SimpleNamespace(debug=lambda *said: None),
         set_log_level=lambda logger, verbose: contextlib.nullcontext())
spec = importlib.util.spec_from_file_location("pyodide_build._py_compile", "/pyodide_build_py_compile.py")
compiler = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compiler)
plain = py_compile.compile

# Tracebacks, which nobody reads here, name a function's first line: lines and columns were a third of the bytes.
@functools.cache
def one_line(units):
    "A table of locations as in CPython's InternalDocs/code_objects.md: eight instructions an entry, on that line."
    return b"".join(bytes([0xE8 | min(8, units - start) - 1, 0]) for start in range(0, units, 8))

def lean(code):
    parts = tuple(lean(part) if isinstance(part, types.CodeType) else part for part in code.co_consts)
    return code.replace(co_consts=parts, co_linetable=one_line(len(code.co_code) // 2))

def compile_lean(source, cfile, **how):
    plain(source, cfile, **how)
    content = pathlib.Path(cfile).read_bytes()
    pathlib.Path(cfile).write_bytes(content[:16] + marshal.dumps(lean(marshal.loads(content[16:]))))

def compile_archive(level):
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile = functools.partial(compile_lean, optimize=level, invalidation_mode=unchecked)
    compiler._compile(pathlib.Path("/from.zip"), pathlib.Path("/to.zip"), verbose=False, compression_level=0)

compile_archive`);
for (const { from, to, optimise } of archives) {
  pyodide.FS.writeFile('/from.zip', new Uint8Array(readFileSync(from)));
  compile(optimise);
  writeFileSync(to, pyodide.FS.readFile('/to.zip'));
}
process.exit(0);
