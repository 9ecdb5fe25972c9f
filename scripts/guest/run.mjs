/** Runs commands in a guest, `kernel-guest.sh`, and answers the lines that they printed. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const SETTINGS = {
  GUEST_TIMEOUT: '3600',
  GUEST_MEMORY: '3072',
  GUEST_SCRATCH: '800',
  GUEST_PROGRAMS: 'flock setpriv prlimit',
};

/** The kernel's own complaints come last. */
const COMPLAINTS =
  "dmesg | grep -iE 'lockup|BUG:|WARNING:|Oops|rcu.*stall' | head -20 | sed 's/^/DMESG /'";

/** What the environment says wins over `settings`. */
export async function guest(version, folder, commands, settings = {}) {
  const script = [...commands, COMPLAINTS].join('\n');
  const child = spawn('scripts/kernel-guest.sh', [version, folder, script], {
    env: { ...SETTINGS, ...settings, ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('FILE ')) console.error(`${version}: ${JSON.parse(line.slice(5)).file}`);
  }
  return lines;
}
