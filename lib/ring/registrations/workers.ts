/** The kernel's worker threads (io-wq) of a ring: how many there may be, and on which CPUs. */
import {
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_UNREGISTER_IOWQ_AFF,
} from '../../abi.js';
import { check } from '../../errors.js';
import { requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { parseList } from '../../proc/machine.js';
import { readLine } from '../../proc/read.js';
import { integer, invalidValue, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { Registration } from './registration.js';

export interface WorkerLimits {
  /** For what ends by itself, as reads of regular files. */
  bounded?: number;
  /** For what may wait for ever, as reads of pipes. */
  unbounded?: number;
}

const POSSIBLE = '/sys/devices/system/cpu/possible';
const WORKERS_MAX = 2 ** 31 - 1;

/** Sets what is given; answers what was in force before. */
export function registerIowqMaxWorkers(
  engine: Engine,
  limits: WorkerLimits,
): Required<WorkerLimits> {
  onlyKeys('limits', limits, ['bounded', 'unbounded']);
  // To the kernel 0 means to leave it.
  const words = new Uint32Array([
    limits.bounded === undefined ? 0 : integer('bounded', limits.bounded, 1, WORKERS_MAX),
    limits.unbounded === undefined ? 0 : integer('unbounded', limits.unbounded, 1, WORKERS_MAX),
  ]);
  requireFeature('register:IOWQ_MAX_WORKERS');
  const opcode = IORING_REGISTER_IOWQ_MAX_WORKERS;
  const result = native.ioUringRegister(engine.fd, opcode, words, 2);
  check(result, 'io_uring_register', { facts: { opcode } });
  return { bounded: words[0] as number, unbounded: words[1] as number };
}

/** Until disposed, the workers run on `cpus` only. */
export function registerIowqAff(engine: Engine, cpus: readonly number[]): Registration {
  if (!Array.isArray(cpus) || cpus.length === 0) {
    throw invalidValue('cpus', 'must be an array of CPU numbers', cpus);
  }
  // The kernel would leave out, without a word, what the machine cannot have.
  const last = Math.max(0, ...parseList(readLine(POSSIBLE)));
  const highest = Math.max(...cpus.map((cpu, index) => integer(`cpus[${index}]`, cpu, 0, last)));
  // The kernel reads whole words of 64 bits.
  const bytes = new Uint8Array(Math.ceil((highest + 1) / 64) * 8);
  for (const cpu of cpus) bytes[cpu >>> 3] = (bytes[cpu >>> 3] as number) | (1 << (cpu & 7));
  requireFeature('register:IOWQ_AFF');
  const opcode = IORING_REGISTER_IOWQ_AFF;
  const result = native.ioUringRegister(engine.fd, opcode, bytes, bytes.length);
  check(result, 'io_uring_register', { facts: { opcode } });
  return new Registration(() => {
    if (engine.open) native.ioUringRegister(engine.fd, IORING_UNREGISTER_IOWQ_AFF, null, 0);
  });
}
