/**
 * A disk between a log and its files: it can fail, and it knows what is durable, so that a power
 * failure can be acted out: of what was written since the last sync, any sectors may be there.
 */
import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { ECANCELED, EIO } from '../../lib/abi.js';
import type { OwnedFd } from '../../lib/fd/fd.js';
import type { DurableWrite, FileCalls } from '../../lib/fs/calls.js';

const SECTOR = 512;

/** What is to happen to a call: fail with `-errno`, or write only so many bytes. */
export type Fault = (call: 'write' | 'sync' | 'truncate') => number | undefined;

const pathOf = (file: OwnedFd): string => readlinkSync(`/proc/self/fd/${file.fd}`);
const injected = (errno: number): Error =>
  Object.assign(new Error('injected'), { errno, syscall: 'injected' });

export class Disk {
  readonly calls: FileCalls;
  fault: Fault | undefined = undefined;
  /** Nothing reaches it any more. */
  dead = false;
  /** The content of each file when it was last durable. */
  readonly #durable = new Map<string, Buffer>();

  constructor(real: FileCalls) {
    const overrides = this.#over(real);
    this.calls = new Proxy(real, {
      get(target, name) {
        const own = Reflect.get(overrides, name) ?? Reflect.get(target, name);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
  }

  /** Makes of each file what a power failure could leave of it. `chance` gives numbers below 1. */
  cutPower(chance: () => number): void {
    for (const [path, old] of this.#durable) {
      if (existsSync(path)) writeFileSync(path, leftOf(old, readFileSync(path), chance));
    }
    this.#durable.clear();
    this.dead = false;
    this.fault = undefined;
  }

  #answer(call: 'write' | 'sync' | 'truncate'): number | undefined {
    return this.dead ? -EIO : this.fault?.(call);
  }

  #synced(file: OwnedFd): void {
    const path = pathOf(file);
    if (statSync(path).isFile()) this.#durable.set(path, readFileSync(path));
  }

  #over(real: FileCalls): Partial<FileCalls> {
    return {
      writeDurably: async (file, source, offset, what): Promise<DurableWrite> => {
        const answer = this.#answer('write');
        if (answer !== undefined && answer < 0) return { written: answer, synced: -ECANCELED };
        const bytes = source.subarray(0, answer ?? source.length);
        const { written } = await real.writeDurably(file, bytes, offset, 'none');
        if (what === 'none' || written < 0) return { written, synced: -ECANCELED };
        // What was written is durable by itself; the file is only when all of it was written.
        if (what === 'file' && written < source.length) return { written, synced: -ECANCELED };
        const error = this.#answer('sync');
        if (error !== undefined) return { written, synced: error };
        await real.fsync(file, true, undefined);
        this.#synced(file);
        return { written, synced: 0 };
      },
      fsync: async (file, datasync, signal): Promise<void> => {
        const error = this.#answer('sync');
        if (error !== undefined) throw injected(error);
        await real.fsync(file, datasync, signal);
        this.#synced(file);
      },
      ftruncate: async (file, length, signal): Promise<void> => {
        const error = this.#answer('truncate');
        if (error !== undefined) throw injected(error);
        await real.ftruncate(file, length, signal);
      },
      rename: async (from, to, signal): Promise<void> => {
        await real.rename(from, to, signal);
        const content = this.#durable.get(String(from));
        if (content !== undefined) this.#durable.set(String(to), content);
        this.#durable.delete(String(from));
      },
    };
  }
}

/** Any size between the two, and each sector as it was or as it is. */
function leftOf(old: Buffer, now: Buffer, chance: () => number): Buffer {
  const [least, most] = [Math.min(old.length, now.length), Math.max(old.length, now.length)];
  const left = Buffer.alloc(least + Math.floor(chance() * (most - least + 1)));
  for (let at = 0; at < left.length; at += SECTOR) {
    const from = chance() < 0.5 ? old : now;
    left.set(from.subarray(at, Math.min(at + SECTOR, left.length)), at);
  }
  return left;
}
