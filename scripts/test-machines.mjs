/**
 * Machines that are rarely at hand, as guests: `test-machines.mjs [MACHINE...]`. Several NUMA nodes
 * (what `topology` draws of each is printed, and its picture kept in build/machines), and a disk
 * that is polled. Writes test/results/machine-NAME.json and docs/kernels.md. Ends with 1 when a
 * scenario failed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guest } from './guest/run.mjs';
import { writePages } from './kernels/pages.mjs';
import { stage } from './kernels/stage.mjs';
import { RESULTS } from './kernels/tables.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const memory = (id, MiB) => `-object memory-backend-ram,id=${id},size=${MiB}M`;
const FAR = '-numa dist,src=0,dst=1,val=30';

const placement = (...scenarios) => scenarios.map((each) => `promises/placement ${each}`);
const nodes = ['distances', 'ratios', 'policies', 'workers'].map((scene) => `nodes ${scene}`);

/** What is not as in a guest of two nodes, and the fixtures with their scenarios that run there. */
const machines = {
  'two-nodes': { runs: [...placement('guest'), ...nodes] },
  'node-without-CPUs': {
    settings: {
      GUEST_NUMA: `${memory('m0', 1536)} ${memory('m1', 1536)}
        -numa node,nodeid=0,cpus=0-3,memdev=m0 -numa node,nodeid=1,memdev=m1 ${FAR}`,
    },
    runs: [...placement('place', 'move'), ...nodes],
  },
  'node-without-memory': {
    settings: {
      GUEST_NUMA: `${memory('m0', 3072)} -numa node,nodeid=0,cpus=0-1,memdev=m0
        -numa node,nodeid=1,cpus=2-3 ${FAR}`,
    },
    runs: [...placement('place'), ...nodes],
  },
  'polled-NVMe': {
    // The first version with all ways of polling is 6.13.
    kernel: '7.3',
    settings: { GUEST_POLL_QUEUES: '2' },
    runs: ['transfers busy', 'transfers hybrid', 'transfers own', 'closing'].map(
      (each) => `ring-polled ${each}`,
    ),
  },
};

const PICTURE = /^PICTURE (.*)/;

/** Answers whether all went well there. */
async function tried(name, folder) {
  const { kernel = '6.12', settings, runs } = machines[name];
  const started = ([fixture, ...words]) =>
    `node --expose-gc .dev/test/fixtures/${fixture}.js ${words.join(' ')}`;
  const commands = [
    'export NEARMETAL_ADDON=$PWD/build/Release/nearmetal.node',
    'node dist/cli.js topology && node dist/cli.js topology --svg tmp.svg >/dev/null',
    'sed "s/^/PICTURE /" tmp.svg',
    ...runs.map((run) => `${started(run.split(' '))} && echo "DONE ${run}"`),
    'echo "KERNEL $(uname -r)"',
  ];
  const lines = await guest(kernel, folder, commands, { GUEST_TIMEOUT: '900', ...settings });
  const svg = lines.flatMap((line) => PICTURE.exec(line)?.[1] ?? []);
  writeFileSync(`build/machines/${name}.svg`, `${svg.join('\n')}\n`);
  console.log(lines.filter((line) => !PICTURE.test(line)).join('\n'));
  const failed = runs.filter((run) => !lines.includes(`DONE ${run}`));
  console.log(`${name}: ${failed.length === 0 ? 'passed' : `FAILED: ${failed.join(', ')}`}`);
  const version = lines.find((line) => line.startsWith('KERNEL '))?.slice(7) ?? kernel;
  const date = new Date().toISOString().slice(0, 10);
  const result = { name, kernel: version, date, runs, failed };
  writeFileSync(`${RESULTS}/machine-${name}.json`, `${JSON.stringify(result, null, 1)}\n`);
  return failed.length === 0 && svg.length > 0;
}

const words = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'nearmetal-machines-'));
mkdirSync('build/machines', { recursive: true });
try {
  await stage(folder);
  for (const name of words.length > 0 ? words : Object.keys(machines)) {
    if (machines[name] === undefined) throw new Error(`one of ${Object.keys(machines)}: ${name}`);
    if (!(await tried(name, folder))) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writePages();
