/** Makes prebuilds/ for this platform, in a folder of its own: prebuildify moves what it builds. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gypEnvironment, root } from './native-build.mjs';

const work = join(root, 'build-prebuild');
rmSync(work, { recursive: true, force: true });
for (const name of ['package.json', 'binding.gyp', 'native']) {
  cpSync(join(root, name), join(work, name), { recursive: true });
}

const require = createRequire(import.meta.url);
const tool = join(dirname(require.resolve('prebuildify/package.json')), 'bin.js');
const target = `node@${process.versions.node}`;
const args = [
  tool,
  '--napi',
  '--strip',
  '--tag-libc',
  '--target',
  target,
  '--cwd',
  work,
  '--out',
  root,
];
const result = spawnSync(process.execPath, args, { stdio: 'inherit', env: gypEnvironment() });
process.exitCode = result.status ?? 1;
