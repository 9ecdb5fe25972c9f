/**
 * Memory and topology on machines of several NUMA nodes, in guests: `test-numa.mjs [MACHINE...]`,
 * GUEST_KERNEL (6.12). Prints what `topology` draws of each, and keeps the picture of it in
 * build/numa. Ends with 1 when a scenario failed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guest } from './guest/run.mjs';
import { stage } from './kernels/stage.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const memory = (id, MiB) => `-object memory-backend-ram,id=${id},size=${MiB}M`;
const FAR = '-numa dist,src=0,dst=1,val=30';

/** What replaces the nodes of a guest, and the scenarios of placement that need no more. */
const machines = {
  'two-nodes': { scenarios: ['guest'] },
  'node-without-CPUs': {
    numa: `${memory('m0', 1536)} ${memory('m1', 1536)} -numa node,nodeid=0,cpus=0-3,memdev=m0
      -numa node,nodeid=1,memdev=m1 ${FAR}`,
    scenarios: ['place', 'move'],
  },
  'node-without-memory': {
    numa: `${memory('m0', 3072)} -numa node,nodeid=0,cpus=0-1,memdev=m0
      -numa node,nodeid=1,cpus=2-3 ${FAR}`,
    scenarios: ['place'],
  },
};

const PICTURE = /^PICTURE (.*)/;

/** Answers whether all went well there. */
async function tried(name, folder) {
  const { numa, scenarios } = machines[name];
  const fixture = 'node --expose-gc .dev/test/fixtures/promises/placement.js';
  const commands = [
    'export NEARMETAL_ADDON=$PWD/build/Release/nearmetal.node',
    'node dist/cli.js topology && node dist/cli.js topology --svg tmp.svg >/dev/null',
    'sed "s/^/PICTURE /" tmp.svg',
    ...scenarios.map((each) => `${fixture} ${each} && echo "DONE ${each}"`),
  ];
  const settings = { GUEST_TIMEOUT: '900', ...(numa && { GUEST_NUMA: numa }) };
  const kernel = process.env.GUEST_KERNEL ?? '6.12';
  const lines = await guest(kernel, folder, commands, settings);
  const svg = lines.flatMap((line) => PICTURE.exec(line)?.[1] ?? []);
  writeFileSync(`build/numa/${name}.svg`, `${svg.join('\n')}\n`);
  console.log(lines.filter((line) => !PICTURE.test(line)).join('\n'));
  const failed = scenarios.filter((each) => !lines.includes(`DONE ${each}`));
  console.log(`${name}: ${failed.length === 0 ? 'passed' : `FAILED: ${failed.join(', ')}`}`);
  return failed.length === 0 && svg.length > 0;
}

const words = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'nearmetal-numa-'));
mkdirSync('build/numa', { recursive: true });
try {
  await stage(folder);
  for (const name of words.length > 0 ? words : Object.keys(machines)) {
    if (machines[name] === undefined) throw new Error(`one of ${Object.keys(machines)}: ${name}`);
    if (!(await tried(name, folder))) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
