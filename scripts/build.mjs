/** Builds the TypeScript: bundles and declarations in dist/, our own programs in .dev/. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundle } from './bundle.mjs';
import { filesBelow } from './files.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** The faces of the package: name in dist/ and in the exports map, and where it starts. */
const entries = {
  index: 'lib/index.ts',
  ring: 'lib/ring/index.ts',
  memory: 'lib/memory/index.ts',
  numa: 'lib/numa/index.ts',
  cpu: 'lib/cpu/index.ts',
  workers: 'lib/workers/index.ts',
  net: 'lib/net/index.ts',
  http: 'lib/http/index.ts',
  dgram: 'lib/dgram/index.ts',
  fd: 'lib/fd/index.ts',
  shared: 'lib/shared/index.ts',
  epoll: 'lib/epoll/index.ts',
  loop: 'lib/loop/index.ts',
  fs: 'lib/fs/index.ts',
  zerocopy: 'lib/zerocopy/index.ts',
  log: 'lib/log/index.ts',
  features: 'lib/features.ts',
  errors: 'lib/errors.ts',
};
/** What starts in each thread of a group: beside the faces, since it shares their code. */
const inside = { 'workers-inside': 'lib/workers/inside.ts' };
const cli = 'lib/cli/main.ts';

const common = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  // Puts the values of constants where they are used: V8 cannot, once they are variables of a
  // bundle.
  minifySyntax: true,
  logLevel: 'warning',
};

/** Removes what an earlier build left in `folder`; programs that run keep what they may load. */
function sweep(folder, keep) {
  const kept = new Set(keep.map((path) => resolve(path)));
  for (const path of filesBelow(folder)) {
    if (!kept.has(resolve(path))) rmSync(path);
  }
}

/** The same declarations serve both doors: the package.json beside them says how to read them. */
function types() {
  rmSync('dist/types', { recursive: true, force: true });
  rmSync('dist/types-cjs', { recursive: true, force: true });
  const tsc = join(
    dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))),
    'bin/tsc',
  );
  const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    stdio: ['ignore', 2, 2],
  });
  if (existsSync('dist/types')) {
    cpSync('dist/types', 'dist/types-cjs', { recursive: true });
    writeFileSync('dist/types-cjs/package.json', '{ "type": "commonjs" }\n');
  }
  return result.status === 0;
}

/** The benchmarks, which the package brings along: `nearmetal` resolves to the package there. */
async function benchmarks() {
  const subjects = filesBelow('bench/subjects').filter((path) => path.endsWith('.ts'));
  const commands = ['run', 'demo', 'guard', 'publish'].map((name) => `bench/${name}.ts`);
  const options = {
    ...common,
    outbase: 'bench',
    outdir: 'dist/bench',
    bundle: true,
    sourcemap: false,
    metafile: true,
  };
  // What draws charts is large, and nobody looks for the place of an error in it.
  const page = './_lib/html.js';
  const built = await Promise.all([
    build({
      ...options,
      entryPoints: [...commands, ...subjects],
      splitting: true,
      external: ['nearmetal', 'nearmetal/*', 'bun', page],
    }),
    build({ ...options, entryPoints: ['bench/_lib/html.ts'], minify: true }),
  ]);
  return built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
}

/** Examples and fixtures, file by file: `nearmetal` resolves to dist/ from there. */
async function programs() {
  const sources = ['examples', 'test/fixtures']
    .flatMap(filesBelow)
    .filter((path) => /\.ts$/.test(path) && !/\.(test|d)\.ts$/.test(path));
  if (sources.length === 0) return;
  const result = await build({
    ...common,
    entryPoints: sources,
    outbase: '.',
    outdir: '.dev',
    metafile: true,
  });
  sweep('.dev', Object.keys(result.metafile.outputs));
}

const [bundled, measured] = await Promise.all([
  bundle(common, { ...entries, ...inside }, { cli }),
  benchmarks(),
  programs(),
]);
const typed = types();
sweep('dist', [
  ...bundled,
  ...measured,
  ...filesBelow('dist/types'),
  ...filesBelow('dist/types-cjs'),
]);
if (!typed) {
  console.error(
    'The declarations have errors (above); the JavaScript in dist/ was written all the same.',
  );
  process.exitCode = 2;
}
