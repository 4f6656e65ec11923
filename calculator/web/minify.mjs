// Rewrites scripts of the site as a browser needs them: without remarks, with short names.
// One argument: JSON with the files of modules, whose names are their own, and of scripts, whose names others may see.
import { readFile, writeFile } from 'node:fs/promises';
import { minify } from 'terser';

const { modules, scripts } = JSON.parse(process.argv[2]);
for (const file of [...modules, ...scripts]) {
  const { code } = await minify(await readFile(file, 'utf8'), { module: modules.includes(file), compress: { passes: 3 } });
  await writeFile(file, code);
}
