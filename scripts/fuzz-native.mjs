/**
 * Fuzzes what looks into bytes: `fuzz-native.mjs [--minutes N] [--keep] [TARGET...]`. 'calls' and
 * 'queue' are the native code under libFuzzer, AddressSanitizer and UBSan, without Node and without
 * a kernel (test/fuzz); 'parsers' are those in TypeScript. With `--keep`, inputs that reach what
 * test/fuzz/corpus did not are added there, and the result is written to test/results. Ends with 1
 * when one crashed, and says where the input is.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writePages } from './kernels/pages.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const NATIVE = ['calls', 'queue'];
const WORK = 'build-fuzz';
const FLAGS = [
  ...['-std=gnu++20', '-O1', '-g', '-fno-exceptions', '-fno-rtti'],
  ...['-fsanitize=fuzzer-no-link,address,undefined', '-fno-sanitize-recover=undefined'],
  ...['-DNAPI_VERSION=9', '-DNEARMETAL_SEAM=1', '-D_GNU_SOURCE'],
  ...['-Inative', '-isystem', 'node_modules/node-api-headers/include'],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, keep: { type: 'boolean', default: false } },
});
const targets = positionals.length > 0 ? positionals : [...NATIVE, 'parsers'];
const minutes = Number(values.minutes) / targets.length;

function compiler() {
  const found = ['clang++', 'clang++-14'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
  if (found === undefined) throw new Error('apt-get install clang libclang-rt-14-dev');
  return found;
}

/** Ends with the code of a program; `lines` gets what it says. */
function run(program, words, { env = process.env, lines } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { env, stdio: ['ignore', 2, lines ? 'pipe' : 2] });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      process.stderr.write(text);
      lines.push(text);
    });
    child.on('error', reject).on('close', (code) => resolve(code ?? 1));
  });
}

const must = async (program, words) => {
  if ((await run(program, words)) !== 0) throw new Error(`${program} failed`);
};

/** Compiles what all targets have, file by file, then links each. */
async function build(names) {
  if (names.length === 0) return;
  const clang = compiler();
  mkdirSync(WORK, { recursive: true });
  const object = (source) => join(WORK, `${source.replaceAll('/', '-')}.o`);
  const compile = (source) => must(clang, [...FLAGS, '-c', source, '-o', object(source)]);
  const common = readFileSync('native/SOURCES', 'utf8')
    .split('\n')
    // Seven hundred numbers, which take longer to make than everything else.
    .filter((line) => line.startsWith('native/') && !line.endsWith('/constants.cc'))
    .concat('test/fuzz/node.cc', 'test/fuzz/kernel.cc');
  const own = names.map((name) => `test/fuzz/${name}.cc`);
  const queue = [...common, ...own];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await compile(next);
  };
  await Promise.all([worker(), worker()]);
  // Of Node, watchers need more than there is, and no target calls them.
  const link = [
    '-fsanitize=fuzzer,address,undefined',
    '-no-pie',
    '-Wl,--unresolved-symbols=ignore-all',
  ];
  for (const name of names) {
    const objects = [...common, `test/fuzz/${name}.cc`].map(object);
    await must(clang, [...link, ...objects, '-ldl', '-o', join(WORK, name)]);
  }
}

async function fuzz(name) {
  const corpus = `test/fuzz/corpus/${name}`;
  const fresh = mkdtempSync(join(tmpdir(), `nearmetal-fuzz-${name}-`));
  const limits = ['-timeout=20', '-rss_limit_mb=2048', '-max_len=2048'];
  const words = [`-max_total_time=${Math.ceil(minutes * 60)}`, '-print_final_stats=1'];
  const lines = [];
  mkdirSync(corpus, { recursive: true });
  const artifact = `-artifact_prefix=${WORK}/${name}-`;
  const code = await run(join(WORK, name), [...limits, ...words, artifact, fresh, corpus], {
    lines,
  });
  if (code === 0 && values.keep) {
    await must(join(WORK, name), [...limits, '-merge=1', corpus, fresh]);
    const said = lines.join('');
    const [, executions] = /number_of_executed_units: (\d+)/.exec(said) ?? [];
    const edges = [...said.matchAll(/cov: (\d+)/g)].at(-1)?.[1];
    keep(name, { executions: Number(executions), edges: Number(edges), corpus });
  }
  rmSync(fresh, { recursive: true, force: true });
  return code;
}

function keep(name, { corpus, ...found }) {
  const date = new Date().toISOString().slice(0, 10);
  const inputs = readdirSync(corpus).length;
  const written = { target: basename(corpus), date, minutes, inputs, ...found };
  writeFileSync(`test/results/fuzz-${name}.json`, `${JSON.stringify(written, null, 1)}\n`);
}

function parsers() {
  const env = { ...process.env, NEARMETAL_FUZZ_MINUTES: String(minutes) };
  env.NEARMETAL_SEED ??= String(Math.floor(Math.random() * 2 ** 31));
  const words = ['node_modules/vitest/vitest.mjs', 'run', 'test/fd/malformed.test.ts'];
  return run(process.execPath, words, { env });
}

await build(targets.filter((name) => NATIVE.includes(name)));
for (const name of targets) {
  const code = NATIVE.includes(name) ? await fuzz(name) : await parsers();
  if (code !== 0) process.exitCode = 1;
}
if (values.keep) writePages();
