/** Building for another processor, by Debian's cross compilers, or another C library, by Zig's. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './native-build.mjs';

/** What the names of the tools begin with, by Node's name of the processor. */
const PREFIXES = { arm64: 'aarch64-linux-gnu' };
/** Zig's names of processors. */
const PROCESSORS = { arm64: 'aarch64', x64: 'x86_64' };

/** With its own C++ library inside, as not every root with musl has one. */
function toolsForMusl(arch) {
  if (spawnSync('zig', ['version']).status !== 0) {
    throw new Error('zig, a compiler with headers of musl, is missing');
  }
  const target = `-target ${PROCESSORS[arch]}-linux-musl`;
  const strip = arch === process.arch ? 'strip' : `${PREFIXES[arch]}-strip`;
  const tools = { CC: `zig cc ${target}`, CXX: `zig c++ ${target}`, AR: 'zig ar' };
  return { ...tools, PREBUILD_STRIP_BIN: strip };
}

/**
 * The compilers as node-gyp and prebuildify look for them; none for this processor and library,
 * where it is the user's choice. Throws where they are not installed.
 */
export function toolsFor(arch, libc) {
  if (libc === 'musl') return toolsForMusl(arch);
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
