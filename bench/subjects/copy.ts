/** Copies SOURCE to TARGET, which is not there. Arguments: SOURCE TARGET nearmetal|node|cp. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import * as node from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Work } from '../_lib/work.js';

const [source = '', target = '', how] = process.argv.slice(2);
const { size } = statSync(source);

/** With the time that the program takes to start. */
async function cp(): Promise<void> {
  const [code] = await once(spawn('cp', [source, target], { stdio: 'inherit' }), 'close');
  if (code !== 0) throw new Error(`cp ended with ${code}`);
}

async function chosen(): Promise<() => Promise<unknown>> {
  if (how === 'cp') return cp;
  if (how === 'node') return () => node.copyFile(source, target);
  const { copyFile } = await import('nearmetal/fs');
  return () => copyFile(source, target);
}

const copy = await chosen();
for await (const _ of createInterface({ input: process.stdin })) {
  rmSync(target, { force: true });
  const startedAt = performance.now();
  await copy();
  const ns = (performance.now() - startedAt) * 1e6;
  if (statSync(target).size !== size) throw new Error('the copy is not whole');
  // What is gone need not be written to the disk, in the middle of somebody's turn.
  rmSync(target);
  const answer: Work = { operations: size, ns, cpu_ns: 0 };
  console.log(JSON.stringify(answer));
}
