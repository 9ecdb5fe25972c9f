/** Building for another processor, with Debian's cross compilers. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './native-build.mjs';

/** What the names of the tools begin with, by Node's name of the processor. */
const PREFIXES = { arm64: 'aarch64-linux-gnu' };

/**
 * The compilers as node-gyp and prebuildify look for them; none for this processor, where it is the
 * user's choice. Throws where they are not installed.
 */
export function toolsFor(arch) {
  if (arch === process.arch) return {};
  const prefix = PREFIXES[arch];
  if (prefix === undefined) throw new Error(`no cross compiler is known for ${arch}`);
  if (spawnSync(`${prefix}-g++`, ['--version']).status !== 0) {
    throw new Error(`${prefix}-g++ is missing: apt-get install g++-${prefix}`);
  }
  const [CC, CXX, AR, PREBUILD_STRIP_BIN] = ['gcc', 'g++', 'ar', 'strip'].map(
    (name) => `${prefix}-${name}`,
  );
  return { CC, CXX, AR, PREBUILD_STRIP_BIN };
}

/** A copy of what the addon is built from, in a folder of its own. */
export function copySources(folder) {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['package.json', 'binding.gyp', 'native']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
}
