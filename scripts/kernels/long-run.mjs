/** Long runs by hand over the build that counts what is left: what they found is kept. */
import { spawnSync } from 'node:child_process';
import { writePages } from './pages.mjs';
import { RESULTS } from './tables.mjs';

/**
 * Runs test/fixtures/soak/NAME.ts from the root, and ends as it does. A run of all lanes that went
 * well is kept in `kept`, and shown by docs/reliability.md.
 */
export function longRun(name, kept, words) {
  const all = !words.includes('--lanes');
  const more = all ? ['--json', `${RESULTS}/${kept}`] : [];
  const addon = process.env.NEARMETAL_ADDON ?? `${process.cwd()}/build/seam/nearmetal_seam.node`;
  const program = ['--expose-gc', `.dev/test/fixtures/soak/${name}.js`, ...words, ...more];
  const env = { ...process.env, NEARMETAL_ADDON: addon };
  const { status } = spawnSync(process.execPath, program, { env, stdio: 'inherit' });
  if (status === 0 && all) writePages();
  process.exitCode = status ?? 1;
}
