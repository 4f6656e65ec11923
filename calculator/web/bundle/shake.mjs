// Leaves out of a script what nothing in it uses. Names stay: some are read at run time.
//   node shake.mjs '{"file": script}'
import { readFileSync, writeFileSync } from 'node:fs';
import { minify } from 'terser';

process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const { file } = JSON.parse(process.argv[2]);
const compress = { passes: 3, keep_classnames: true, keep_fnames: true };
const { code } = await minify(readFileSync(file, 'utf8'), { compress, mangle: false });
writeFileSync(file, code);
