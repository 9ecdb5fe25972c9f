/** Child processes that answer in lines of JSON, with nothing left behind however we end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pin, pinned } from './cpus.js';
import { family } from './family.js';

const STOP_TIMEOUT_MS = 2000;
/** Characters of stderr that are kept. */
const SAID_MOST = 16_000;
/** USER_HZ, which Linux fixes for what it shows in /proc. */
const TICKS_PER_SECOND = 100;

const running = new Set<Child>();
/** Set once we are told to end: nobody is told of the children's ends any more. */
let leaving = false;

/** Those that are yet to be brought to their CPU; undefined where each starts on its own. */
let unpinned: [pid: number, cpu: number][] | undefined;

/** What `work` starts runs on any CPU until all of it is there. */
export async function pinnedLater(work: () => Promise<unknown>): Promise<void> {
  const late: [pid: number, cpu: number][] = [];
  unpinned = late;
  try {
    await work();
  } finally {
    unpinned = undefined;
    for (const [pid, cpu] of late) pin(pid, cpu);
  }
}

/** CPU time of all threads of a process, for lack of a better clock; 0 when it is gone. */
export function cpuNs(pid: number): number {
  try {
    let total = 0;
    for (const tid of readdirSync(`/proc/${pid}/task`))
      total += threadCpuNs(`/proc/${pid}/task/${tid}`);
    return total;
  } catch {
    return 0;
  }
}

function threadCpuNs(folder: string): number {
  try {
    return Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    // Kernels without scheduler statistics count in ticks. The name may hold blanks and brackets.
    const fields = readFileSync(`${folder}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1e9) / TICKS_PER_SECOND;
  }
}

export class Child {
  readonly pid: number;
  readonly name: string;
  readonly #foreign: boolean;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: string[] = [];
  readonly ended: Promise<void>;
  #waiting: { resolve(line: string): void; reject(error: Error): void } | undefined;
  #errors = '';
  #status: string | undefined;

  /** Starts `command`; its end is an error for whoever waits for a line. */
  constructor(name: string, command: readonly string[], options: ChildOptions = {}) {
    const { cpu } = options;
    const [file, ...rest] = pinned(command, unpinned ? undefined : cpu);
    this.name = name;
    this.#foreign = options.foreign ?? false;
    this.#process = spawn(file as string, rest, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    this.pid = this.#process.pid ?? 0;
    if (cpu !== undefined) unpinned?.push([this.pid, cpu]);
    running.add(this);
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-SAID_MOST);
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#deliver(line));
    this.ended = new Promise((resolve) => {
      this.#process.once('error', (error) => this.#end(error.message, resolve));
      this.#process.once('close', (code, signal) =>
        this.#end(`ended with ${signal ?? code}`, resolve),
      );
    });
  }

  #deliver(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve(line);
    else this.#lines.push(line);
  }

  #end(status: string, resolve: () => void): void {
    this.#status ??= status;
    running.delete(this);
    if (!leaving) this.#waiting?.reject(this.failure());
    resolve();
  }

  /** Nothing has ended it yet. */
  get runs(): boolean {
    return this.#status === undefined;
  }

  /** How it ended, and what it said of that. */
  failure(): Error {
    // Node prints where before it prints what.
    const lines = this.#errors.split('\n').filter((line) => line.trim() !== '');
    const reason = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0];
    return new Error(`${this.name} ${this.#status}${reason ? `: ${reason}` : ''}`);
  }

  /** The next line of its output, as JSON. */
  async answer<Answer>(): Promise<Answer> {
    let line = this.#lines.shift();
    if (line === undefined) {
      if (this.#status !== undefined) throw this.failure();
      line = await new Promise<string>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    }
    return JSON.parse(line) as Answer;
  }

  /** Sends a line, and waits for the answer to it. */
  ask<Answer>(request: string): Promise<Answer> {
    this.#process.stdin.write(`${request}\n`);
    return this.answer();
  }

  /** Closes its stdin, which ends every program of ours; what does not listen is killed. */
  async stop(): Promise<void> {
    if (this.#foreign) this.kill();
    this.#process.stdin.end();
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  kill(signal: 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): void {
    this.#process.kill(signal);
  }

  /** What it has written to stderr: the end of it, if that is long. */
  get said(): string {
    return this.#errors;
  }
}

export interface ChildOptions {
  /** Somebody else's program, which does not care for its stdin. */
  readonly foreign?: boolean;
  readonly cpu?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** Stops all of them at the same time. */
export async function stopAll(children: Iterable<Child>): Promise<void> {
  await Promise.all([...children].map((child) => child.stop()));
}

/** Ends everything that was started, at once, with what that has started. */
function killAll(): void {
  const all = [...running].flatMap(({ pid }) => (pid === 0 ? [] : family(pid)));
  for (const pid of all) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/**
 * From now on nothing that we started outlives us, on Ctrl-C included; `last` has the last word
 * then.
 */
export function endChildrenWithUs(last: () => void = () => {}): void {
  process.once('exit', killAll);
  const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  for (const [signal, number] of Object.entries(signals)) {
    process.once(signal, () => {
      leaving = true;
      const ends = [...running].map((child) => child.ended);
      killAll();
      // Waited for, so that they are not left as zombies to a first process that may not reap.
      Promise.all(ends).then(() => {
        last();
        process.exit(128 + number);
      });
    });
  }
}
