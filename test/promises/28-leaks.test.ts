/** Promise 28: what is collected without having been given back names where it was made. */
import { expect, test } from 'vitest';
import { runNode } from '../support/nouring.js';

/** The code that forgets, in a function of its own so that the collector may have it. */
function forgetting(imports: string, code: string): { status: number | null; stderr: string } {
  const program = `
    ${imports}
    function maker() { ${code} }
    maker();
    for (let turn = 0; turn < 50; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.exit(0);`;
  const words = ['--expose-gc', '--trace-warnings', '--input-type=module', '-e', program];
  return runNode(words, { env: { NEARMETAL_DEBUG: '1' } });
}

test.each([
  [
    'a mapping',
    `import { Mapping } from 'nearmetal/memory';`,
    'Mapping.anonymous({ size: 4096 });',
  ],
  [
    'a buffer of a pool',
    `import { BufferPool } from 'nearmetal/memory';
    const pool = BufferPool.map({ size: 4096, count: 4 });`,
    'pool.take();',
  ],
])('%s', (_name, imports, code) => {
  const { status, stderr } = forgetting(imports, code);
  expect(status, stderr).toBe(0);
  expect(stderr).toContain('NEARMETAL_LEAK');
  expect(stderr).toMatch(/at maker \(/);
});
