/** Makes a pipe. */
import { IORING_OP_PIPE, O_CLOEXEC, O_DIRECT, O_NONBLOCK } from '../../abi.js';
import { type DirectFd, OwnedFd } from '../../fd/fd.js';
import { invalidType } from '../../validate.js';
import { type Into, placeInto } from '../into.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { takePair } from '../pairs.js';
import { FileTable } from '../registrations/file-table.js';
import type { Block } from '../staging.js';
import { flagBits } from './flags.js';

/** Both ends of a pipe. */
export interface PipeEnds<End = OwnedFd> {
  readonly read: End;
  readonly write: End;
}

const PIPE = kind<PipeEnds>({
  name: 'pipe',
  code: IORING_OP_PIPE,
  since: '6.16',
  yieldsPair: true,
  decode: (_result, _flags, _operation, block) => {
    const [read, write] = takePair(block as Block);
    return { read: OwnedFd.adopt(read), write: OwnedFd.adopt(write) };
  },
});

const PIPE_DIRECT = kind<PipeEnds<DirectFd>>({
  name: 'pipe',
  code: IORING_OP_PIPE,
  since: '6.16',
  toldInMemory: true,
  decode: (_result, _flags, { table }, block) => {
    const [read, write] = (block as Block).words as unknown as [number, number];
    const opened = (slot: number): DirectFd => (table as FileTable).opened(slot, undefined);
    return { read: opened(read), write: opened(write) };
  },
});

const FLAGS = { nonblock: O_NONBLOCK, packet: O_DIRECT } as const;

export interface PipeOptions extends CommonOptions {
  /** O_NONBLOCK: what must not wait, as `splice` would for it. Default false. */
  nonblock?: boolean;
  /** O_DIRECT: each read gets what one write wrote, and no more. Default false. */
  packet?: boolean;
}

/**
 * Makes a pipe; gives both ends as `OwnedFd`s, close-on-exec, or, with `into: ring.files`, as
 * `DirectFd`s.
 *
 * @errno EMFILE no two descriptors are free in this process
 * @errno ENFILE no two slots are free in the table, or too many files are open in all
 * @kernel 6.16 IORING_OP_PIPE
 * @man pipe2(2)
 */
export function pipe(options?: PipeOptions): Operation<PipeEnds>;
export function pipe(options: PipeOptions & Into<FileTable>): Operation<PipeEnds<DirectFd>>;
export function pipe(
  options: PipeOptions & Partial<Into<FileTable>> = {},
): Operation<PipeEnds> | Operation<PipeEnds<DirectFd>> {
  const direct = options?.into !== undefined;
  const operation = new Operation<PipeEnds<OwnedFd | DirectFd>>(direct ? PIPE_DIRECT : PIPE);
  operation.common(options, 'into', ...Object.keys(FLAGS));
  if (direct) {
    // Two slots in a row may not be free, so none can be reserved for it.
    if (!(options.into instanceof FileTable)) {
      throw invalidType('into', 'the `files` of a ring', options.into);
    }
    placeInto(operation, options.into);
  }
  operation.fd = 0;
  operation.operationFlags = flagBits(FLAGS, options) | (direct ? 0 : O_CLOEXEC);
  operation.arguments(8, (self, block) => {
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
  return operation as Operation<PipeEnds> | Operation<PipeEnds<DirectFd>>;
}
