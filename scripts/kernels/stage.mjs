/**
 * A folder with the suite made ready for a machine without a compiler and with little time:
 * `stage.mjs FOLDER`. Every TypeScript file is JavaScript in the same place, imported by Node
 * itself, so that nothing is transformed there; C programs are compiled here.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { filesBelow } from '../files.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the suite loads at run time; npm's lock file says what these need themselves. */
const MODULES = [
  ...['vitest', 'fast-check', 'node-gyp-build', 'ws', 'express', 'fastify', 'undici', 'ioredis'],
  'pg',
];

/** Looks at our own sources and machine, not at the kernel. */
const NOT_THERE =
  /^test\/(tidy|abi|types|import|examples|bench|bench-report|doctor|topology-command)\.test/;

function closure(names) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const visit = (name, from) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
      if (packages[path] !== undefined) {
        if (found.has(path)) return;
        found.add(path);
        const { dependencies = {}, optionalDependencies = {} } = packages[path];
        for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) {
          visit(each, path);
        }
        return;
      }
      if (at === '') return;
    }
  };
  for (const name of names) visit(name, '');
  return [...found].filter((path) => existsSync(join(root, path)));
}

/** The package's faces are its sources under this condition, as vitest.config.ts has them. */
function manifest() {
  const read = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const [face, doors] of Object.entries(read.exports)) {
    if (typeof doors === 'string') continue;
    const name = face === '.' ? 'index' : face.slice(2);
    const file = existsSync(join(root, `lib/${name}.ts`)) ? `${name}.js` : `${name}/index.js`;
    read.exports[face] = { sources: `./lib/${file}`, ...doors };
  }
  return `${JSON.stringify(read, null, 2)}\n`;
}

/** Where the addons are, and what compiles C. */
const HERE = {
  addons: {
    'build/Release/nearmetal.node': 'build/Release/nearmetal.node',
    'build/seam/nearmetal_seam.node': 'build/seam/nearmetal_seam.node',
  },
  compiler: 'cc',
};

export async function stage(folder, { addons, compiler } = HERE) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const here = (path) => join(root, path);
  const there = (path) => join(folder, path);
  const sources = ['lib', 'test', 'bench']
    .flatMap((name) => filesBelow(here(name)))
    .map((path) => path.slice(root.length));
  const kept = sources.filter((path) => !NOT_THERE.test(path));
  await build({
    entryPoints: kept.filter((path) => /(?<!\.d)\.ts$/.test(path)).map(here),
    outbase: root,
    outdir: folder,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, target: 'es2022' } },
    logLevel: 'warning',
  });
  // Some tests read the sources.
  for (const path of kept) cpSync(here(path), there(path), { recursive: true });
  for (const path of ['dist', '.dev', 'docs', 'examples', 'scripts', ...closure(MODULES)]) {
    cpSync(here(path), there(path), { recursive: true });
  }
  for (const [to, from] of Object.entries(addons)) cpSync(here(from), there(to));
  writeFileSync(there('package.json'), manifest());
  const launcher = there('build/nouring');
  mkdirSync(there('build'), { recursive: true });
  execFileSync(compiler, ['-O1', '-o', launcher, here('test/support/nouring.c')]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('stage.mjs FOLDER');
  await stage(resolve(folder));
}
