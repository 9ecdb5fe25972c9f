/**
 * Runs the staged suite in this machine, `run-suite.mjs [--slow|--emulated] [FILE...]`: a few files
 * to a process, a few processes at once. A process that dies or hangs fails the file that it was
 * at; the rest goes on. SUITE_RUNTIME has the words, as JSON, of what runs the tests where that is
 * not this Node.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { filesBelow } from '../files.mjs';
import { PARTS } from './parts.mjs';

const AT_ONCE = Number(process.env.GUEST_PROCESSES ?? 3);
const FILES_EACH = 14;
const SILENT_MS = Number(process.env.SUITE_SILENT_MS ?? 300_000);
const RUNTIME = JSON.parse(process.env.SUITE_RUNTIME ?? 'null') ?? [
  process.execPath,
  '--expose-gc',
  '--conditions=sources',
];

const how = /^--(emulated|slow)$/.exec(process.argv[2] ?? '')?.[1];
const slow = how !== undefined && { NEARMETAL_SLOW: '1' };
/** An emulator translates compiled code anew each time that it changes: less of it is faster. */
const emulated = how === 'emulated' && {
  NODE_OPTIONS: `--import=${process.cwd()}/scripts/kernels/less-compiling.mjs`,
};

const env = {
  ...process.env,
  NEARMETAL_ADDON: process.env.NEARMETAL_ADDON ?? `${process.cwd()}/build/seam/nearmetal_seam.node`,
  NEARMETAL_NOURING: `${process.cwd()}/build/nouring`,
  ...slow,
  ...emulated,
  // On a disk: a file system in memory has no direct I/O before 6.6.
  TMPDIR: `${process.cwd()}/tmp`,
};

mkdirSync(env.TMPDIR, { recursive: true });

/** Answers the files that were not reached. */
function run(files) {
  const { promise, resolve } = withResolvers();
  const [program, ...words] = [...RUNTIME, 'scripts/kernels/run-files.mjs', ...files];
  // A group of its own, for what it has started goes with it.
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(program, words, { env, stdio, detached: true });
  const left = [...files];
  let said = '';
  let rest = '';
  let last = 'it began';
  let limit;
  const alive = () => {
    clearTimeout(limit);
    limit = setTimeout(() => {
      said = `it said nothing for ${SILENT_MS} ms after ${last}, and was killed; ${said}`;
      process.kill(-child.pid, 'SIGKILL');
    }, SILENT_MS);
  };
  alive();
  child.stdout.on('data', (chunk) => {
    alive();
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!/^(FILE|TEST|RESULT) \{/.test(line)) continue;
      process.stdout.write(`${line}\n`);
      last = line.slice(0, 200);
      if (line.startsWith('RESULT ')) left.shift();
    }
  });
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-3000);
  });
  child.on('close', (code, signal) => {
    clearTimeout(limit);
    if (left.length > 0) {
      const file = left.shift().replace(/\.js$/, '.ts');
      const errors = [`the process ended with ${signal ?? code}: ${said}`];
      process.stdout.write(`RESULT ${JSON.stringify({ file, tests: [], errors })}\n`);
    }
    resolve(left);
  });
  return promise;
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const words = process.argv.slice(how === undefined ? 2 : 3);
const wanted = words.length > 0 ? words : PARTS;
const files = filesBelow('test').filter((path) => path.endsWith('.test.js'));
const queue = wanted.flatMap((part) => files.filter((path) => path.startsWith(part)));

async function worker() {
  while (queue.length > 0) {
    let files = queue.splice(0, FILES_EACH);
    while (files.length > 0) files = await run(files);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
process.stdout.write('END {}\n');
