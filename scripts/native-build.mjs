/** How node-gyp is found and run, without a download where Node brought its own headers. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The directory above `include/node` that belongs to this very Node, when there is one. */
function headersBesideNode() {
  const prefix = dirname(dirname(process.execPath));
  const file = join(prefix, 'include/node/node_version.h');
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  const version = `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
  return version === process.version ? prefix : undefined;
}

/** For node-gyp: headers beside Node win over a download, a setting of the user's over both. */
export function gypEnvironment() {
  const prefix = process.env.npm_config_nodedir ?? headersBesideNode();
  return prefix === undefined ? process.env : { ...process.env, npm_config_nodedir: prefix };
}

function nodeGyp() {
  try {
    return [
      process.execPath,
      [join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js')],
    ];
  } catch {
    const npms = process.env.npm_config_node_gyp;
    return npms ? [process.execPath, [npms]] : ['node-gyp', []];
  }
}

/** Runs node-gyp in `cwd`; answers its exit code, or 127 when there is none to run. */
export function runNodeGyp(args, { cwd = root, quiet = false, tools = {} } = {}) {
  const [command, first] = nodeGyp();
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
  const env = { ...gypEnvironment(), ...tools };
  const result = spawnSync(command, [...first, ...args], { cwd, env, stdio });
  if (quiet && result.status !== 0) {
    process.stderr.write(result.stdout ?? '');
    process.stderr.write(result.stderr ?? '');
  }
  return result.status ?? 127;
}

/** The tools of a source build that this machine lacks, as names of Debian packages. */
export function missingTools() {
  const has = (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  const missing = [];
  if (!has(process.env.CXX || 'g++') && !has('c++')) missing.push('g++');
  if (!has('make')) missing.push('make');
  if (!has('python3')) missing.push('python3');
  if (!existsSync('/usr/include/linux/io_uring.h')) missing.push('linux-libc-dev');
  return missing;
}
