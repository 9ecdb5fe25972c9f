/** Puts files of descriptors into slots of the ring's table. */
import { IORING_FILE_INDEX_ALLOC, IORING_OP_FILES_UPDATE } from '../../abi.js';
import { DirectFd, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { invalidType, invalidValue } from '../../validate.js';
import type { Into } from '../into.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { FILES_MAX, FileTable } from '../registrations/file-table.js';
import type { Block } from '../staging.js';

const FILES_UPDATE = kind<DirectFd[]>({
  name: 'files_update',
  code: IORING_OP_FILES_UPDATE,
  since: '5.6',
  toldInMemory: true,
  decode: (result, _flags, { table, into }, block) => {
    if (into !== undefined) return [into];
    // The kernel has put the numbers of the slots where the descriptors were.
    const slots = (block as Block).words.slice(0, result);
    return Array.from(slots, (slot) => (table as FileTable).opened(slot, undefined));
  },
});

/**
 * Registers files, as `ring.registerFiles` does, but in order with other operations: with `into:
 * ring.files` in slots that the kernel chooses, with a slot reserved of it one file in that. Gives
 * a `DirectFd` for each; the descriptors may be closed then.
 *
 * @errno ENFILE no slot is free: what there was room for is registered, and given
 * @kernel 5.6 IORING_OP_FILES_UPDATE; 6.0 for slots that the kernel chooses
 * @man io_uring_enter(2), io_uring_registered_files(7)
 */
export function filesUpdate(
  fds: readonly FdLike[],
  options: CommonOptions & Into,
): Operation<DirectFd[]> {
  if (!Array.isArray(fds) || fds.length === 0 || fds.length > FILES_MAX) {
    throw invalidValue('fds', `must be an array of 1 to ${FILES_MAX} descriptors`, fds);
  }
  const sources = fds.map((fd, index) => plainDescriptor(`fds[${index}]`, fd));
  const operation = new Operation(FILES_UPDATE).common(options, 'into');
  const { into } = options;
  if (into instanceof FileTable) {
    operation.table = into;
    operation.offsetLow = IORING_FILE_INDEX_ALLOC | 0;
  } else if (into instanceof DirectFd && !into.closed) {
    if (fds.length > 1) throw invalidValue('fds', 'must be one, for one slot', fds);
    operation.table = into.table as FileTable;
    operation.into = into;
    operation.offsetLow = into.fd;
  } else throw invalidType('into', 'the `files` of a ring, or a slot reserved of them', into);
  // The slot too: closed meanwhile, it is given back when this has completed.
  operation.others = operation.into === undefined ? sources : [...sources, operation.into];
  operation.length = sources.length;
  return operation.arguments(sources.length * 4, (self, block) => {
    for (const [index, source] of sources.entries()) block.words[index] = source.fd;
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
}
