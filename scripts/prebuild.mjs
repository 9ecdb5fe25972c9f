/**
 * Makes prebuilds/ for this platform, or another processor: `prebuild.mjs [--arch arm64]`. In a
 * folder of its own, since prebuildify moves what it builds.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copySources, toolsFor } from './cross.mjs';
import { gypEnvironment, root } from './native-build.mjs';

const { arch } = parseArgs({ options: { arch: { type: 'string', default: process.arch } } }).values;
const work = join(root, 'build-prebuild');
copySources(work);

const require = createRequire(import.meta.url);
const tool = join(dirname(require.resolve('prebuildify/package.json')), 'bin.js');
const target = `node@${process.versions.node}`;
const args = [
  tool,
  '--napi',
  '--strip',
  '--tag-libc',
  '--arch',
  arch,
  '--target',
  target,
  '--cwd',
  work,
  '--out',
  root,
];
const env = { ...gypEnvironment(), ...toolsFor(arch) };
const result = spawnSync(process.execPath, args, { stdio: 'inherit', env });
process.exitCode = result.status ?? 1;
