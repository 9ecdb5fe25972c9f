/** Credentials that operations can be run with. */
import { IORING_REGISTER_PERSONALITY, IORING_UNREGISTER_PERSONALITY } from '../../abi.js';
import { check } from '../../errors.js';
import { native } from '../../native.js';
import type { Engine } from '../engine.js';
import { Registration } from './registration.js';

/**
 * The rights that the process had when this was registered: operations with `personality` are run
 * with them, whatever the process has become since.
 *
 * @man io_uring_register(2)
 */
export class Personality extends Registration {
  /** @internal */
  readonly ring: object;
  readonly #id: number;

  /** @internal */
  constructor(engine: Engine, id: number) {
    super(() => {
      if (engine.open) native.ioUringRegister(engine.fd, IORING_UNREGISTER_PERSONALITY, null, id);
    });
    this.ring = engine;
    this.#id = id;
  }

  /** The number that goes to the kernel; 0, for none, once disposed. */
  get id(): number {
    return this.disposed ? 0 : this.#id;
  }
}

export function registerPersonality(engine: Engine): Personality {
  const opcode = IORING_REGISTER_PERSONALITY;
  const id = native.ioUringRegister(engine.fd, opcode, null, 0);
  return new Personality(engine, check(id, 'io_uring_register', { facts: { opcode } }));
}
