/**
 * Runs our code in a process that is refused things: system calls by seccomp, memory by a limit.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
let launcher: string | undefined;

/** Compiled when first wanted, once per test process; or before, for a machine without compiler. */
function nouring(): string {
  launcher ??= process.env.NEARMETAL_NOURING;
  if (launcher === undefined) {
    launcher = join(mkdtempSync(join(tmpdir(), 'nearmetal-')), 'nouring');
    execFileSync('cc', ['-O1', '-o', launcher, join(root, 'test/support/nouring.c')]);
  }
  return launcher;
}

export const IO_URING_CALLS: readonly number[] = [425, 426, 427];

/** A child that has not ended by then hangs. */
const LIMIT_MS = process.env.NEARMETAL_SLOW ? 240_000 : 120_000;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Circumstances {
  /** Calls that answer `errno`. */
  readonly refuse?: { readonly calls: readonly number[]; readonly errno: number };
  readonly env?: Readonly<Record<string, string>>;
  /** Soft and hard RLIMIT_MEMLOCK in bytes, without the capability that lifts it. */
  readonly memlock?: number;
  /** As the user 'nobody', without any capability; wants a test that runs as root. */
  readonly nobody?: boolean;
}

/**
 * Runs node with `words` in the root of the package, so that its name resolves to what was built.
 */
export function runNode(words: readonly string[], circumstances: Circumstances = {}): Outcome {
  const { refuse, env, memlock, nobody } = circumstances;
  const command = [process.execPath, ...words];
  if (refuse !== undefined) {
    command.unshift(nouring(), String(refuse.errno), ...refuse.calls.map(String), '--');
  }
  if (memlock !== undefined) {
    const drop =
      process.geteuid?.() === 0
        ? ['setpriv', '--bounding-set', '-ipc_lock', '--inh-caps', '-ipc_lock']
        : [];
    command.unshift('prlimit', `--memlock=${memlock}:${memlock}`, ...drop);
  }
  if (nobody === true) {
    command.unshift('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups');
  }
  const [program = '', ...rest] = command;
  const done = spawnSync(program, rest, {
    cwd: root,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  if (done.error !== undefined) throw done.error;
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** Runs a module given as text and reads the JSON that it prints. */
export function evaluate(source: string, circumstances: Circumstances = {}): unknown {
  const { status, stdout, stderr } = runNode(['--input-type=module', '-e', source], circumstances);
  if (status !== 0) throw new Error(`the child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
