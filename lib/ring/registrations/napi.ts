/** Busy polling of network cards by a waiting ring. */
import { IORING_REGISTER_NAPI, IORING_UNREGISTER_NAPI } from '../../abi.js';
import { check } from '../../errors.js';
import { requireFeature, requireKernel } from '../../features.js';
import { native } from '../../native.js';
import { boolean, integer, oneOf, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { Registration } from './registration.js';

/** How the ring comes to know the queues of the cards that it polls. */
const TRACKING = { dynamic: 0, static: 1 } as const;
const ADD = 1;
const REMOVE = 2;

export interface NapiOptions {
  /** Microseconds to poll for. Default 0. */
  busyPollTo?: number;
  /** Instead of interrupts while there is traffic. Default false. */
  preferBusyPoll?: boolean;
  /** 'static' polls only queues that `addNapiId` named (6.13). Default 'dynamic'. */
  tracking?: keyof typeof TRACKING;
}

/** Busy polling that a ring does while it waits, until disposed. */
class NapiRegistration extends Registration {
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine, undo: () => void) {
    super(undo);
    this.#engine = engine;
  }

  /**
   * Polls the queue of this number too, with `tracking: 'static'`: getsockopt SO_INCOMING_NAPI_ID
   * tells it.
   *
   * @errno EINVAL no card has such a queue, or the tracking is not 'static'
   */
  addNapiId(id: number): void {
    change(this.#engine, ADD, id);
  }

  removeNapiId(id: number): void {
    change(this.#engine, REMOVE, id);
  }
}

export type { NapiRegistration };

/** `struct io_uring_napi`. */
function argument(microseconds: number, prefer: number, opcode: number, parameter: number) {
  return new Uint32Array([microseconds, prefer | (opcode << 8), parameter, 0]);
}

function register(engine: Engine, words: Uint32Array): void {
  const opcode = IORING_REGISTER_NAPI;
  const result = native.ioUringRegister(engine.fd, opcode, words, 1);
  check(result, 'io_uring_register', { facts: { opcode } });
}

function change(engine: Engine, opcode: number, id: number): void {
  register(engine, argument(0, 0, opcode, integer('id', id, 1, 2 ** 32 - 1)));
}

export function registerNapi(engine: Engine, options: NapiOptions = {}): NapiRegistration {
  onlyKeys('options', options, ['busyPollTo', 'preferBusyPoll', 'tracking']);
  const microseconds = integer('busyPollTo', options.busyPollTo ?? 0, 0, 2 ** 31 - 1);
  const prefer = boolean('preferBusyPoll', options.preferBusyPoll ?? false) ? 1 : 0;
  const tracking = oneOf('tracking', options.tracking ?? 'dynamic', ['dynamic', 'static'] as const);
  requireFeature('register:NAPI');
  if (tracking === 'static') requireKernel('napi:tracking', '6.13');
  register(engine, argument(microseconds, prefer, 0, TRACKING[tracking]));
  return new NapiRegistration(engine, () => {
    if (!engine.open) return;
    native.ioUringRegister(engine.fd, IORING_UNREGISTER_NAPI, argument(0, 0, 0, 0), 1);
  });
}
