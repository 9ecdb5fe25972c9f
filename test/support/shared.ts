/** What the tests of shared memory share: memory, and peers in other threads and processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SharedError, SharedMemory, type SharedMemoryOptions } from 'nearmetal/shared';
import { expect, onTestFinished } from 'vitest';

const built = fileURLToPath(new URL('../../.dev/test/fixtures/', import.meta.url));

/** Memory that is closed after the test. */
export function sharedMemory(options: Partial<SharedMemoryOptions> = {}): SharedMemory {
  const memory = SharedMemory.create({ size: 2 ** 18, ...options });
  onTestFinished(() => memory.close());
  return memory;
}

/** The memory again, as another participant. */
export function attached(memory: SharedMemory): SharedMemory {
  if (memory.fd === undefined) throw new Error('only who made it has the descriptor');
  const other = SharedMemory.attach(memory.fd);
  onTestFinished(() => other.close());
  return other;
}

export interface Peer {
  /** The next thing that it says. */
  said(): Promise<string>;
  /** Resolves when it has ended, with what is wrong with that. */
  readonly ended: Promise<string>;
  kill(): Promise<unknown>;
}

/** A worker of this process that runs `shared-peer.ts`. */
export function worker(memory: SharedMemory, command: string, ...words: string[]): Peer {
  const thread = new Worker(`${built}shared-peer.js`, {
    workerData: [command, String(memory.fd?.fd), ...words],
  });
  let trouble = '';
  thread.on('error', (error) => {
    trouble = String(error);
  });
  const messages = queue();
  thread.on('message', messages.put);
  const ended = once(thread, 'exit').then(() => trouble);
  onTestFinished(() => void thread.terminate());
  return { said: messages.take, ended, kill: () => thread.terminate() };
}

/** A process that has the memory as descriptor 3. */
export function processOf(memory: SharedMemory, command: readonly string[]): Peer {
  const [file = '', ...rest] = command;
  const child: ChildProcess = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'pipe', memory.fd?.fd ?? 'ignore'],
  });
  const messages = queue();
  let trouble = '';
  child.stdout?.on('data', (text) => messages.put(String(text).trim()));
  child.stderr?.on('data', (text) => {
    trouble += text;
  });
  const ended = once(child, 'close').then(([code, signal]) =>
    code === 0 ? trouble : `${trouble}${signal ?? code}`,
  );
  const kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  onTestFinished(() => void kill());
  return { said: messages.take, ended, kill };
}

/** A process of Node that runs `shared-peer.ts`. */
export function nodeProcess(memory: SharedMemory, command: string, ...words: string[]): Peer {
  return processOf(memory, [process.execPath, `${built}shared-peer.js`, command, '3', ...words]);
}

function queue(): { put(text: string): void; take(): Promise<string> } {
  const there: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  return {
    put(text) {
      const resolve = waiting.shift();
      if (resolve) resolve(text);
      else there.push(text);
    },
    take() {
      const text = there.shift();
      return text === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(text);
    },
  };
}

/** `call` throws a SharedError with that code. */
export function expectShared(call: () => unknown, code: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SharedError);
  expect((thrown as SharedError).code).toBe(`ERR_NEARMETAL_${code}`);
}

/** What the declarations leave out. */
interface Inside {
  readonly buffer: ArrayBuffer;
  find(name: string, kind: number, what: string): { offset: number; bytes: number };
}
const inside = (memory: SharedMemory) => memory as unknown as Inside;

/** Words of the memory, from a byte on. */
export function wordsAt(memory: SharedMemory, offset: number, count: number): Int32Array {
  return new Int32Array(inside(memory).buffer, offset, count);
}

/** The words of a structure, by its name and the four letters of its kind. */
export function wordsOf(memory: SharedMemory, name: string, kind: string): Int32Array {
  const { offset, bytes } = inside(memory).find(name, Buffer.from(kind).readInt32LE(0), kind);
  return wordsAt(memory, offset, bytes / 4);
}
