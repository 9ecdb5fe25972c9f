/** Gives a file of the ring's table a descriptor too. */
import { IORING_FIXED_FD_NO_CLOEXEC, IORING_OP_FIXED_FD_INSTALL } from '../../abi.js';
import { DirectFd, descriptor, OwnedFd } from '../../fd/fd.js';
import { invalidType } from '../../validate.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { flagBits } from './flags.js';

const FIXED_FD_INSTALL = kind<OwnedFd>({
  name: 'fixed_fd_install',
  code: IORING_OP_FIXED_FD_INSTALL,
  since: '6.8',
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const FLAGS = { noCloexec: IORING_FIXED_FD_NO_CLOEXEC } as const;

export interface FixedFdInstallOptions extends CommonOptions {
  /** IORING_FIXED_FD_NO_CLOEXEC: programs that this process starts inherit it. Default false. */
  noCloexec?: boolean;
}

/**
 * Makes a descriptor of the file in a slot, which stays there: for what takes descriptors only.
 * Gives an `OwnedFd`, close-on-exec.
 *
 * @errno EMFILE no descriptor is free in this process
 * @kernel 6.8 IORING_OP_FIXED_FD_INSTALL
 * @man io_uring_enter(2)
 */
export function fixedFdInstall(
  file: DirectFd,
  options: FixedFdInstallOptions = {},
): Operation<OwnedFd> {
  if (!(file instanceof DirectFd)) throw invalidType('file', 'a DirectFd', file);
  const operation = new Operation(FIXED_FD_INSTALL, descriptor('file', file));
  operation.common(options, ...Object.keys(FLAGS)).operationFlags = flagBits(FLAGS, options);
  return operation;
}
