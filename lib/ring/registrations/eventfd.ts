/** An eventfd of the user's own that the kernel signals for completions. */
import {
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_UNREGISTER_EVENTFD,
} from '../../abi.js';
import { check } from '../../errors.js';
import { type FdLike, plainDescriptor } from '../../fd/fd.js';
import { native } from '../../native.js';
import { boolean, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { Registration } from './registration.js';

export interface EventfdOptions {
  /** Only for completions that did not come while they were submitted (5.6). Default false. */
  async?: boolean;
}

export function registerEventfd(
  engine: Engine,
  fd: FdLike,
  options: EventfdOptions = {},
): Registration {
  onlyKeys('options', options, ['async']);
  const { fd: number } = plainDescriptor('fd', fd);
  const opcode = boolean('async', options.async ?? false)
    ? IORING_REGISTER_EVENTFD_ASYNC
    : IORING_REGISTER_EVENTFD;
  if (engine.plan.loop !== 'own') {
    throw new TypeError("a ring has one eventfd, which wakes its loop: open it with loop: 'own'");
  }
  const result = native.ioUringRegister(engine.fd, opcode, new Int32Array([number]), 1);
  check(result, 'io_uring_register', { facts: { opcode } });
  return new Registration(() => {
    if (engine.open) native.ioUringRegister(engine.fd, IORING_UNREGISTER_EVENTFD, null, 0);
  });
}
