/** Which CPU the server gets and which the client, so that they never take time from each other. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Placement {
  /** Undefined: not pinned. */
  readonly server: number | undefined;
  readonly client: number | undefined;
  /** What to tell the reader about it. */
  readonly description: string;
}

/** Reads the kernel's list format, `0-3,8`. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const [, first, last = first] of text.matchAll(/(\d+)(?:-(\d+))?/g)) {
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.push(cpu);
  }
  return cpus;
}

function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '');
}

/** Threads of the same core, which would share its execution units. */
function siblings(cpu: number): number[] {
  try {
    const file = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`;
    return parseCpuList(readFileSync(file, 'utf8'));
  } catch {
    return [cpu];
  }
}

/** The server on the last allowed CPU: the first serves most interrupts. The client elsewhere. */
export function choosePlacement(): Placement {
  const cpus = allowedCpus();
  const server = cpus.at(-1);
  if (server === undefined || cpus.length < 2) {
    return {
      server: undefined,
      client: undefined,
      description: 'one CPU: server and client share it',
    };
  }
  if (spawnSync('taskset', ['--version'], { stdio: 'ignore' }).error) {
    return { server: undefined, client: undefined, description: 'not pinned: taskset is missing' };
  }
  const apart = cpus.find((cpu) => !siblings(server).includes(cpu));
  const client = apart ?? (cpus[0] as number);
  const sharing = apart === undefined ? ' (two threads of one core)' : '';
  return {
    server,
    client,
    description: `server on CPU ${server}, client on CPU ${client}${sharing}`,
  };
}

/** The command that runs `command` on `cpu`. `taskset` becomes the command, so its pid stays. */
export function pinned(command: readonly string[], cpu: number | undefined): string[] {
  return cpu === undefined ? [...command] : ['taskset', '-c', String(cpu), ...command];
}

/** Brings all threads of a process to `cpu`; nothing happens when it has ended. */
export function pin(pid: number, cpu: number): void {
  spawnSync('taskset', ['-a', '-c', '-p', String(cpu), String(pid)], { stdio: 'ignore' });
}

/** The two CPUs for the threads of a program; without two, both run on the first. */
export function twoCpus({ server, client }: Placement): string[] {
  return server === undefined || client === undefined ? ['0', '0'] : [`${server}`, `${client}`];
}
