/**
 * Makes prebuilds/ for this platform, or another: `prebuild.mjs [--arch arm64] [--libc musl]`. In a
 * folder of its own, since prebuildify moves what it builds. Each gets a record of its provenance.
 */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copySources, toolsFor } from './cross.mjs';
import { gypEnvironment, root } from './native-build.mjs';
import { addonsOf, writeRecord } from './provenance.mjs';

const options = { arch: { type: 'string', default: process.arch }, libc: { type: 'string' } };
const { arch, libc } = parseArgs({ options }).values;
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
if (libc !== undefined) args.push('--libc', libc);
const tools = toolsFor(arch, libc);
const env = { ...gypEnvironment(), ...tools };
const started = Date.now();
const result = spawnSync(process.execPath, args, { stdio: 'inherit', env });
process.exitCode = result.status ?? 1;

const said = (command, ...words) =>
  spawnSync(command, words, { cwd: root, encoding: 'utf8' }).stdout?.trim().split('\n')[0] ?? '';
const [compiler, ...first] = (tools.CXX ?? process.env.CXX ?? 'g++').split(' ');
const isNew = (addon) => statSync(addon).mtimeMs >= started;
for (const addon of result.status === 0 ? addonsOf(root).filter(isNew) : []) {
  writeRecord(root, addon, {
    commit: said('git', 'describe', '--always', '--dirty', '--exclude=*'),
    compiler: said(compiler, ...first, '--version'),
    headers: `Node ${process.version}`,
  });
}
