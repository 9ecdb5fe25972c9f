/** Memory and files registered with a ring: looked up once here instead of at every operation. */
import {
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_FILES,
} from '../abi.js';
import { check } from '../errors.js';
import { DirectFd, type FdLike, plainDescriptor } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import { invalidType, invalidValue } from '../validate.js';
import type { Engine } from './engine.js';

const IOVEC_WORDS = 4;
/** The kernel's own limits. */
const BUFFERS_MAX = 16_384;
const FILES_MAX = 2 ** 20;

/** Registered until disposed, or until the ring is closed. */
export class Registration implements Disposable {
  readonly #undo: () => void;
  #done = false;

  constructor(undo: () => void) {
    this.#undo = undo;
  }

  dispose(): void {
    if (this.#done) return;
    this.#done = true;
    this.#undo();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Files in the ring's table, as descriptors that its operations take. */
export class RegisteredFiles extends Registration {
  readonly files: readonly DirectFd[];

  constructor(files: readonly DirectFd[], undo: () => void) {
    super(undo);
    this.files = files;
  }
}

export function registerBuffers(engine: Engine, mappings: readonly Mapping[]): Registration {
  if (!Array.isArray(mappings) || mappings.length === 0 || mappings.length > BUFFERS_MAX) {
    throw invalidValue('mappings', `must be an array of 1 to ${BUFFERS_MAX} mappings`, mappings);
  }
  if (engine.fixedBuffers.size > 0) throw new TypeError('buffers are registered already');
  const iovecs = new Int32Array(mappings.length * IOVEC_WORDS);
  let bytes = 0;
  for (const [index, mapping] of mappings.entries()) {
    if (!(mapping instanceof Mapping) || mapping.disposed) {
      throw invalidType(`mappings[${index}]`, 'a Mapping that is not disposed', mapping);
    }
    iovecs[index * IOVEC_WORDS] = mapping.addressLow;
    iovecs[index * IOVEC_WORDS + 1] = mapping.addressHigh;
    iovecs[index * IOVEC_WORDS + 2] = mapping.size | 0;
    iovecs[index * IOVEC_WORDS + 3] = Math.floor(mapping.size / 2 ** 32);
    bytes += mapping.size;
  }
  const opcode = IORING_REGISTER_BUFFERS;
  const result = native.ioUringRegister(engine.fd, opcode, iovecs, mappings.length);
  check(result, 'io_uring_register', { facts: { opcode, bytes } });
  for (const [index, mapping] of mappings.entries()) {
    if (!mapping.users.has(engine)) engine.hold(mapping);
    engine.fixedBuffers.set(mapping, index);
    mapping.registeredWith = engine;
    mapping.registeredAs = index;
  }
  return new Registration(() => {
    for (const mapping of mappings) {
      if (mapping.registeredWith === engine) mapping.registeredWith = undefined;
    }
    engine.fixedBuffers.clear();
    if (engine.open) native.ioUringRegister(engine.fd, IORING_UNREGISTER_BUFFERS, null, 0);
  });
}

export function registerFiles(engine: Engine, fds: readonly FdLike[]): RegisteredFiles {
  if (!Array.isArray(fds) || fds.length === 0 || fds.length > FILES_MAX) {
    throw invalidValue('fds', `must be an array of 1 to ${FILES_MAX} descriptors`, fds);
  }
  const numbers = Int32Array.from(fds, (fd, index) => plainDescriptor(`fds[${index}]`, fd).fd);
  const opcode = IORING_REGISTER_FILES;
  const result = native.ioUringRegister(engine.fd, opcode, numbers, numbers.length);
  check(result, 'io_uring_register', { facts: { opcode, count: numbers.length } });
  const files = fds.map((_, slot) => new DirectFd(slot, engine));
  return new RegisteredFiles(files, () => unregisterFiles(engine, files));
}

/**
 * An operation that waits for others looks its slot up late: the table stays until all have
 * completed.
 */
function unregisterFiles(engine: Engine, files: readonly DirectFd[]): void {
  for (const file of files) file.revoked = true;
  const unregister = (): void => {
    if (!engine.open || files.some((file) => file.inFlight > 0)) return;
    native.ioUringRegister(engine.fd, IORING_UNREGISTER_FILES, null, 0);
  };
  for (const file of files) if (file.inFlight > 0) file.onIdle = unregister;
  unregister();
}
