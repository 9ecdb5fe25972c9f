/** Runs an example by name: `example.mjs NAME [arguments]`, a file or folder of examples/. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './native-build.mjs';

const [name, ...args] = process.argv.slice(2);
const built = spawnSync(process.execPath, [join(root, 'scripts/ensure-built.mjs')], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(built.status ?? 1);

const folder = join(root, '.dev/examples');
const known = existsSync(folder)
  ? readdirSync(folder)
      .filter((entry) => !entry.endsWith('.map'))
      .map((entry) => entry.replace(/\.js$/, ''))
  : [];
const program = [`${name}.js`, `${name}/index.js`, `${name}/main.js`, `${name}/${name}.js`]
  .map((path) => join(folder, path))
  .find((path) => known.includes(name) && existsSync(path));
if (program === undefined) {
  console.error(`usage: npm run example -- NAME [arguments]\nexamples: ${known.join(', ')}`);
  process.exit(2);
}

const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
