/** The order of stores that the layout asks for, under ThreadSanitizer. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { hasCompiler } from '../../bench/_lib/reference.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

function races(...words: string[]): { status: number | null; text: string } {
  const run = spawnSync('bash', ['scripts/races.sh', ...words], { cwd: root });
  return { status: run.status, text: `${run.stdout}${run.stderr}` };
}

test.skipIf(!hasCompiler())(
  'the structures in C have no race, and one store out of order is seen',
  (context) => {
    const sound = races();
    if (/cannot find.*libtsan|unexpected memory mapping/.test(sound.text)) context.skip();
    expect(sound).toEqual({ status: 0, text: 'nothing was lost\n' });
    const folder = mkdtempSync(join(tmpdir(), 'races-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(join(root, 'bench/reference'), folder, { recursive: true });
    const header = join(folder, 'spsc.h');
    const store = 'atomic_store(&queue->words[SPSC_TAIL], queue->next)';
    const relaxed =
      'atomic_store_explicit(&queue->words[SPSC_TAIL], queue->next, memory_order_relaxed)';
    const text = readFileSync(header, 'utf8');
    expect(text).toContain(store);
    writeFileSync(header, text.replace(store, relaxed));
    const weak = races(folder);
    expect(weak.text).toMatch(/ThreadSanitizer: data race/);
    expect(weak.status).not.toBe(0);
  },
  120_000,
);
