/**
 * Files of lib/ that a program's first ring does not need: in the bundle they are in later.cjs,
 * which is loaded when one of their functions is called. Reading them took a fifth of the import.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const operations =
  'bind control-in epoll fadvise fallocate files-update fixed-fd-install ftruncate futex-wait ' +
  'futex-waitv futex-wake linkat listen madvise mkdirat nop128 openat2 pipe poll-remove ' +
  'provide-buffers read-multishot recv-select recv-zc renameat send-zc sendmsg socket-option ' +
  'splice symlinkat sync-file-range timeout-remove tx-timestamp unlinkat unsafe-uring-cmd ' +
  'uring-cmd waitid xattr';
const registrations = 'clock clone eventfd napi restrictions sync-cancel workers zcrx';

const later = new Set([
  'lib/hints.ts',
  'lib/memory/file.ts',
  'lib/refusals.ts',
  'lib/ring/send-pool-of.ts',
  ...operations.split(' ').map((name) => `lib/ring/ops/${name}.ts`),
  ...registrations.split(' ').map((name) => `lib/ring/registrations/${name}.ts`),
]);

export const isLater = (path) => later.has(path);

/** The functions that `path` exports; anything else could not be loaded when it is called. */
function functionsOf(path) {
  const names = [];
  const exports = readFileSync(path, 'utf8').matchAll(/^export (\S+)(?: (\w+))?.*/gm);
  for (const [line, what, name] of exports) {
    if (what === 'type' || what === 'interface') continue;
    if (what !== 'function') throw new Error(`${path} cannot be loaded later: ${line}`);
    if (!names.includes(name)) names.push(name);
  }
  return names;
}

/** What the name that `path` exports is called where several files are one. */
export const nameIn = (path, name) =>
  `${path.replace(/^lib\/|\.ts$/g, '').replace(/\W/g, '_')}_${name}`;

/**
 * It is CommonJS: Node ends the process when a thread is stopped while it requires an ES module
 * (`v8::Module::IsGraphAsync`). What it takes from ES modules is given to it.
 */
const LOADER = `
import { createRequire } from 'node:module';
import * as core from './core.js';
import * as errors from './errors.js';
let loaded;
export function load() {
  const parts = { './core.js': core, './errors.js': errors };
  return (loaded ??= createRequire(import.meta.url)('./later.cjs')(parts));
}`;

/** Makes a module a function of those that it is made of, which it would require otherwise. */
export const asFunctionOfParts = {
  banner: `module.exports = (parts) => {
const named = require, module = { exports: {} };
return ((require) => {`,
  footer: `return module.exports;
})((name) => parts[name] ?? named(name)); };`,
};

/** In the core, functions that load the real ones stand for what comes later. */
export const standIns = {
  name: 'stand-ins',
  setup(context) {
    context.onResolve({ filter: /^later:load$/ }, ({ path }) => ({ path, namespace: 'later' }));
    context.onLoad({ filter: /.*/, namespace: 'later' }, () => ({ contents: LOADER }));
    context.onResolve({ filter: /^\.\/(core|errors)\.js$/, namespace: 'later' }, ({ path }) => ({
      path,
      external: true,
    }));
    context.onLoad({ filter: /\/lib\/.*\.ts$/, namespace: 'file' }, ({ path }) => {
      const source = relative('.', path);
      if (!isLater(source)) return undefined;
      const lines = functionsOf(source).map(
        (name) =>
          `export function ${name}(...all) { return load().${nameIn(source, name)}(...all); }`,
      );
      return { contents: `import { load } from 'later:load';\n${lines.join('\n')}`, loader: 'js' };
    });
  },
};

/** All that comes later, as one file whose exports the stand-ins call. */
export const laterEntry = {
  name: 'later-entry',
  setup(context) {
    context.onResolve({ filter: /^later:entry$/ }, () => ({
      path: 'entry',
      namespace: 'later-entry',
    }));
    context.onLoad({ filter: /.*/, namespace: 'later-entry' }, () => ({
      contents: [...later]
        .map((path) => {
          const names = functionsOf(path).map((name) => `${name} as ${nameIn(path, name)}`);
          return `export { ${names.join(', ')} } from './${path}';`;
        })
        .join('\n'),
      resolveDir: '.',
    }));
  },
};
