/**
 * Random programs over the public API for as long as it is told: `--seed N --seconds S` (60), or
 * `--programs N`. Where one fails, or the process dies at one, the command that plays it again is
 * said.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const words = process.argv.slice(2);
if (!words.some((word) => /^--(seconds|programs)\b/.test(word))) words.push('--seconds', '60');
if (!words.some((word) => /^--seed\b/.test(word))) {
  words.push('--seed', `${Math.floor(Math.random() * 1e6) * 1000}`);
}

const env = {
  ...process.env,
  NEARMETAL_ADDON: process.env.NEARMETAL_ADDON ?? `${process.cwd()}/build/seam/nearmetal_seam.node`,
};
const program = ['--expose-gc', '.dev/test/fixtures/fuzz/main.js', ...words];
const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'inherit'] });

let seed;
createInterface({ input: child.stdout }).on('line', (line) => {
  const [, next] = /^seed (\d+)$/.exec(line) ?? [];
  if (next === undefined) console.log(line);
  seed = next ?? seed;
});
child.on('close', (code, signal) => {
  if (code !== 0) {
    console.error(`ended with ${signal ?? code}; npm run fuzz -- --seed ${seed} --programs 1`);
  }
  process.exitCode = code ?? 1;
});
