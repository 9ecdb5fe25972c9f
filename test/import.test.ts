/** What `import 'nearmetal'` reads, and what it leaves for the first call that needs it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

/** The files that `file` imports, and those that they import. */
function imported(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/^import .*"(\.[^"]+)";$/gm)) {
    imported(join(dirname(file), path), seen);
  }
  return seen;
}

/** Runs `code`, in which `loaded()` says whether later.cjs has been, and answers what it prints. */
function run(code: string): string {
  const program = `
    const { createRequire } = process.getBuiltinModule('node:module');
    const { cache } = createRequire(${JSON.stringify(`${dist}/index.js`)});
    const loaded = () => Object.keys(cache).some((path) => path.endsWith('/later.cjs'));
    ${code}`;
  const words = ['--input-type=module', '-e', program];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  // No warning of any kind, such as that of an experimental feature.
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
}

test('the root is few files, of no more bytes than are worth their time', () => {
  const files = [...imported(join(dist, 'index.js'))];
  expect(files.map((file) => file.slice(dist.length + 1)).sort()).toEqual(
    expect.arrayContaining(['core.js', 'errors.js', 'index.js']),
  );
  expect(files.some((file) => file.endsWith('/later.cjs'))).toBe(false);
  expect(files.length).toBeLessThanOrEqual(5);
  const bytes = files.reduce((sum, file) => sum + readFileSync(file).byteLength, 0);
  // A compiler reads 60 bytes in a microsecond.
  expect(bytes).toBeLessThan(340_000);
});

const first = `
  const ring = Ring.open();
  await ring.run(op.nop());
  const before = loaded();
  const refused = await ring.run(op.mkdirat('/proc/nearmetal')).catch((error) => error.code);
  let message = '';
  try { op.mkdirat(5); } catch (error) { message = error.name; }
  console.log(before, loaded(), refused, message);
  await ring.close();`;

test('a first ring needs nothing that comes later, and a rare operation loads it', () => {
  expect(run(`const { op, Ring } = await import('${dist}/index.js'); ${first}`)).toBe(
    'false true ENOENT TypeError\n',
  );
});

test('the same for require', () => {
  const load = `createRequire('${dist}/index.js')('./index.cjs')`;
  expect(run(`const { op, Ring } = ${load}; ${first}`)).toBe('false true ENOENT TypeError\n');
});

test('an error looks for its hint when that is asked for', () => {
  const code = `
    const { SystemError } = await import('${dist}/index.js');
    const error = new SystemError(-24, 'eventfd2');
    const before = loaded();
    console.log(before, typeof error.hint, loaded());`;
  expect(run(code)).toBe('false string true\n');
});
