/**
 * Bundles lib/ into dist/: every file costs 0.4 ms to import, and there must be one copy of each
 * class. `errors.js` stands alone, since it must be there where the addon is not, and so does each
 * program; `core.js` holds what `import 'nearmetal'` needs, and `later.cjs` what it may need one
 * day (`later.mjs`); the other faces hold what is their own and take the rest from the core.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { build } from 'esbuild';
import { asFunctionOfParts, isLater, laterEntry, nameIn, standIns } from './later.mjs';

/** The faces whose code is the core: what `nearmetal` itself exports. */
const CORE_FACES = ['index', 'features'];

const NAMED_NUMBER =
  /^(export )?const ([A-Z][A-Z0-9_]*) = (-?[0-9]\w*(?: (?:<<|\*\*) [0-9]+)?);$/gm;

/**
 * esbuild puts a constant's value where it is used only if it comes from a file of nothing but
 * constants. So numbers with a name are moved to one of their own; all other lines stay in theirs.
 */
const constantsApart = {
  name: 'constants-apart',
  setup(context) {
    const constants = new Map();
    context.onLoad({ filter: /\/lib\/.*\.ts$/, namespace: 'file' }, ({ path }) => {
      const taken = [];
      const given = [];
      const rest = readFileSync(path, 'utf8').replace(NAMED_NUMBER, (_, exported, name, value) => {
        taken.push([name, value]);
        if (exported) given.push(name);
        return '';
      });
      if (taken.length === 0) return undefined;
      const lines = taken.map(([name, value]) => `export const ${name} = ${value};`);
      // Where this checkout is concerns nobody: the name is left in the bundle.
      const short = relative('.', path);
      constants.set(short, lines.join('\n'));
      const names = taken.map(([name]) => name).join(', ');
      const imports = `import { ${names} } from 'constants:${short}';`;
      const exports = given.length > 0 ? `export { ${given.join(', ')} };` : '';
      return { contents: `${imports}${exports}${rest}`, loader: 'ts' };
    });
    context.onResolve({ filter: /^constants:/ }, ({ path }) => ({
      path: path.slice('constants:'.length),
      namespace: 'constants',
      sideEffects: false,
    }));
    context.onLoad({ filter: /.*/, namespace: 'constants' }, ({ path }) => ({
      contents: constants.get(path),
      loader: 'ts',
    }));
  },
};

const whole = (common, ...plugins) => ({
  ...common,
  bundle: true,
  packages: 'external',
  plugins: [...plugins, constantsApart],
});

/** What each of `paths` exports, and all that they are made of. */
async function analyse(common, paths) {
  const result = await build({
    ...whole(common, standIns),
    entryPoints: paths,
    outdir: 'dist',
    outbase: 'lib',
    write: false,
    metafile: true,
  });
  const outputs = Object.values(result.metafile.outputs);
  const namesOf = (path) => outputs.find((output) => output.entryPoint === path).exports;
  return {
    files: Object.keys(result.metafile.inputs),
    names: new Map(paths.map((path) => [path, namesOf(path)])),
  };
}

/** The file that an import in lib/ means, as a path from the root. */
const sourceOf = ({ path, resolveDir }) =>
  relative('.', resolve(resolveDir, path.replace(/\.js$/, '.ts')));

/** Leaves `lib/errors.ts` out of a bundle. */
const errorsApart = (errors) => ({
  name: 'errors-apart',
  setup(context) {
    context.onResolve({ filter: /(^|\/)errors\.js$/ }, (asked) =>
      sourceOf(asked) === errors ? { path: './errors.js', external: true } : undefined,
    );
  },
});

const comesLater = ({ importer, namespace }) =>
  namespace === 'later-entry' || isLater(relative('.', importer));

/** Leaves the core's files out of a bundle: their names are taken from core.js. */
const coreApart = (names) => ({
  name: 'core-apart',
  setup(context) {
    context.onResolve({ filter: /^\.\.?\// }, (asked) => {
      if (asked.path === './core.js') return { path: asked.path, external: true };
      const source = sourceOf(asked);
      // Among themselves those that come later need no stand-ins.
      if (isLater(source) && comesLater(asked)) return undefined;
      return names.has(source) ? { path: source, namespace: 'core' } : undefined;
    });
    context.onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => {
      const taken = names.get(path).map((name) => `${nameIn(path, name)} as ${name}`);
      return { contents: `export { ${taken.join(', ')} } from './core.js';`, resolveDir: '.' };
    });
  },
});

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

/** What the core is made of, and the names in each of its files. */
async function coreNames(common, faces, errors) {
  const starts = CORE_FACES.map((name) => faces[name]);
  const { files } = await analyse(common, starts);
  const sources = files.filter((path) => path !== errors && /^lib\//.test(path));
  const { names } = await analyse(common, sources);
  // The constants are in their places already, also in the other bundles.
  names.delete('lib/abi.ts');
  return names;
}

/** Everything that starts from a face, without the core. */
async function others(common, entryPoints, errors, names) {
  const result = await build({
    ...whole(common, errorsApart(errors), coreApart(names)),
    entryPoints,
    outdir: 'dist',
    // What two of them share is a file of its own.
    splitting: true,
    chunkNames: 'shared-[hash]',
    metafile: true,
  });
  return Object.keys(result.metafile.outputs);
}

/** What comes later, with copies of what little it shares with faces outside the core. */
async function later(common, errors, names) {
  await build({
    ...whole(common, errorsApart(errors), coreApart(names), laterEntry),
    entryPoints: { later: 'later:entry' },
    outdir: 'dist',
  });
  return 'dist/later.js';
}

/** From the ES module, of which the names could be read, to the file that is loaded. */
async function requirable(common, module) {
  const { banner, footer } = asFunctionOfParts;
  await build({
    ...common,
    format: 'cjs',
    entryPoints: [module],
    outfile: 'dist/later.cjs',
    bundle: true,
    external: ['./core.js', './errors.js'],
    banner: { js: banner },
    footer: { js: footer },
  });
  for (const path of [module, `${module}.map`]) rmSync(path);
  giveNamesBack('dist/later.cjs');
  return ['dist/later.cjs', 'dist/later.cjs.map'];
}

/** The core exports what the other bundles take from it, and no more. */
async function core(common, errors, names, takers) {
  const taken = new Set();
  for (const file of takers) {
    const code = readFileSync(file, 'utf8');
    for (const [, list] of code.matchAll(/import \{([^}]*)\} from "\.\/core\.js"/g)) {
      for (const name of list.matchAll(/\w+/g)) taken.add(name[0]);
    }
  }
  const lines = [...names].flatMap(([path, each]) => {
    const wanted = each.filter((name) => taken.has(nameIn(path, name)));
    const list = wanted.map((name) => `${name} as ${nameIn(path, name)}`).join(', ');
    return list === '' ? [] : [`export { ${list} } from './${path}';`];
  });
  await build({
    ...whole(common, errorsApart(errors), standIns),
    stdin: { contents: lines.join('\n'), resolveDir: '.', sourcefile: 'core.ts', loader: 'ts' },
    outfile: 'dist/core.js',
  });
}

/** `faces` and `programs` by name; answers the files written. */
export async function bundle(common, faces, programs) {
  const { errors, ...rest } = faces;
  await build({ ...whole(common), entryPoints: [errors], outfile: 'dist/errors.js' });
  await build({ ...whole(common), entryPoints: programs, outdir: 'dist' });
  const names = await coreNames(common, rest, errors);
  const written = await others(common, rest, errors, names);
  const module = await later(common, errors, names);
  const takers = [...written.filter((path) => path.endsWith('.js')), module];
  await core(common, errors, names, takers);
  written.push(...(await requirable(common, module)));
  written.push('dist/core.js', 'dist/core.js.map', 'dist/errors.js', 'dist/errors.js.map');
  for (const file of written.filter((path) => path.endsWith('.js'))) giveNamesBack(file);
  for (const name of Object.keys(faces)) {
    writeFileSync(`dist/${name}.cjs`, `module.exports = require('./${name}.js');\n`);
    written.push(`dist/${name}.cjs`);
  }
  for (const name of Object.keys(programs)) {
    const file = `dist/${name}.js`;
    const text = readFileSync(file, 'utf8');
    if (!text.startsWith('#!')) writeFileSync(file, `#!/usr/bin/env node\n${text}`);
    chmodSync(file, 0o755);
    written.push(file, `${file}.map`);
  }
  return written;
}
