/** The compiler agrees with types.test-d.ts: what must compile does, what must not does not. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = join(
  dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))),
  'bin/tsc',
);

test('the declarations of the package hold what types.test-d.ts says', () => {
  const flags =
    '--noEmit --ignoreConfig --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess ' +
    '--target es2023 --lib es2023,esnext.disposable --module nodenext --types node';
  const words = [compiler, ...flags.split(' '), 'test/types.test-d.ts'];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
