/** Builds the TypeScript: bundles and declarations in dist/, our own programs in .dev/. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { filesBelow } from './files.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** The faces of the package: name in dist/ and in the exports map, and where it starts. */
const entries = {
  index: 'lib/index.ts',
  ring: 'lib/ring/index.ts',
  memory: 'lib/memory/index.ts',
  net: 'lib/net/index.ts',
  fd: 'lib/fd/index.ts',
  features: 'lib/features.ts',
  errors: 'lib/errors.ts',
};
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

/** What each face exports, in the order of `entries`; faces that are not there yet are left out. */
async function namesOfFaces() {
  const faces = Object.entries(entries).filter(([, path]) => existsSync(path));
  const result = await build({
    ...common,
    entryPoints: faces.map(([, path]) => path),
    bundle: true,
    packages: 'external',
    outdir: 'dist',
    outbase: 'lib',
    write: false,
    metafile: true,
  });
  const outputs = Object.values(result.metafile.outputs);
  return faces.map(([name, path]) => {
    const names = outputs.find((output) => output.entryPoint === path).exports;
    return { name, path, names };
  });
}

/** Leaves `lib/errors.ts` out of the core: it must be there where the addon is not. */
const errorsApart = {
  name: 'errors-apart',
  setup(context) {
    context.onResolve({ filter: /(^|\/)errors\.js$/ }, ({ path, resolveDir }) => {
      const source = resolve(resolveDir, path.replace(/\.js$/, '.ts'));
      return source === resolve(entries.errors)
        ? { path: './errors.js', external: true }
        : undefined;
    });
  },
};

/**
 * A class that names itself is bundled as `var Ring = class _Ring`, which errors would then show.
 */
function giveNamesBack(file) {
  let code = readFileSync(file, 'utf8');
  for (const [, name] of code.matchAll(/\b(\w+) = class _\1\b/g)) {
    code = code.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name);
  }
  writeFileSync(file, code);
}

/**
 * One file holds everything and each face names its share of it: every file costs 0.4 ms to import,
 * and there must be one copy of each class. All lie one level below the root, where native.ts
 * looks for the addon.
 */
async function bundle() {
  const faces = (await namesOfFaces()).filter(({ name }) => name !== 'errors');
  const shares = faces.map(({ name, path, names }) => {
    const share = names.map((each) => `${each} as ${name}_${each}`).join(', ');
    return `export { ${share} } from './${path}';`;
  });
  const whole = { ...common, bundle: true, packages: 'external' };
  const core = {
    ...whole,
    stdin: { contents: shares.join('\n'), resolveDir: '.', sourcefile: 'core.ts', loader: 'ts' },
    outfile: 'dist/core.js',
    plugins: [errorsApart],
  };
  const errors = { ...whole, entryPoints: [entries.errors], outfile: 'dist/errors.js' };
  const program = { ...whole, entryPoints: [cli], outfile: 'dist/cli.js' };
  await Promise.all([build(core), build(errors), existsSync(cli) && build(program)]);

  for (const file of ['dist/core.js', 'dist/errors.js']) giveNamesBack(file);

  const written = ['core.js', 'core.js.map', 'errors.js', 'errors.js.map', 'errors.cjs'];
  writeFileSync('dist/errors.cjs', `module.exports = require('./errors.js');\n`);
  for (const { name, names } of faces) {
    const share = names.map((each) => `${name}_${each} as ${each}`).join(', ');
    writeFileSync(`dist/${name}.js`, `export { ${share} } from './core.js';\n`);
    writeFileSync(`dist/${name}.cjs`, `module.exports = require('./${name}.js');\n`);
    written.push(`${name}.js`, `${name}.cjs`);
  }
  if (existsSync(cli)) {
    const text = readFileSync('dist/cli.js', 'utf8');
    if (!text.startsWith('#!')) writeFileSync('dist/cli.js', `#!/usr/bin/env node\n${text}`);
    chmodSync('dist/cli.js', 0o755);
    written.push('cli.js', 'cli.js.map');
  }
  return written.map((name) => `dist/${name}`);
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

/** Benchmarks, examples and fixtures, file by file: `nearmetal` resolves to dist/ from there. */
async function programs() {
  const sources = ['bench', 'examples', 'test/fixtures']
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

const [bundled] = await Promise.all([bundle(), programs()]);
const typed = types();
sweep('dist', [...bundled, ...filesBelow('dist/types'), ...filesBelow('dist/types-cjs')]);
if (!typed) {
  console.error(
    'The declarations have errors (above); the JavaScript in dist/ was written all the same.',
  );
  process.exitCode = 2;
}
