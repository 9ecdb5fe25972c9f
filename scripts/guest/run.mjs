/** Runs commands in a guest, or here, and answers the lines that they printed. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const SETTINGS = {
  GUEST_TIMEOUT: '3600',
  GUEST_MEMORY: '3072',
  GUEST_SCRATCH: '800',
  GUEST_PROGRAMS: 'flock setpriv prlimit',
};

const STDIO = ['ignore', 'pipe', 'inherit'];

/** The kernel's own complaints come last. */
const COMPLAINTS =
  "dmesg | grep -iE 'lockup|BUG:|WARNING:|Oops|rcu.*stall' | head -20 | sed 's/^/DMESG /'";

/** In a guest of kernel `version`. What the environment says wins over `settings`. */
export function guest(version, folder, commands, settings = {}, by = 'scripts/kernel-guest.sh') {
  const kind = settings.GUEST_KIND ?? 'emulated';
  const script = [`export GUEST_KIND='${kind}'`, ...commands, COMPLAINTS].join('\n');
  const env = { ...SETTINGS, ...settings, ...process.env };
  return linesOf(version, spawn(by, [version, folder, script], { env, stdio: STDIO }));
}

/** In this machine, on the kernel that runs. */
export function here(folder, commands, settings = {}) {
  const env = { ...settings, ...process.env };
  const options = { cwd: folder, env, stdio: STDIO };
  return linesOf('here', spawn('bash', ['-c', commands.join('\n')], options));
}

function told({ file, ms = 0, tests, errors }) {
  const failed = tests.filter(({ state }) => state === 'failed').length + errors.length;
  const seconds = (ms / 1000).toFixed(1);
  return `${file}: ${tests.length} tests, ${failed} failed, ${seconds} s`;
}

async function linesOf(name, child) {
  const lines = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('RESULT {')) console.error(`${name}: ${told(JSON.parse(line.slice(7)))}`);
  }
  return lines;
}
