/** Gives buffers to the kernel one group at a time: the way from before `BufferRing`. */
import { IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS } from '../../abi.js';
import { Mapping } from '../../memory/mapping.js';
import { integer, invalidType, onlyKeys } from '../../validate.js';
import { GROUP_MAX } from '../buffer-groups.js';
import { type CommonOptions, byteCount as count, kind, nothing, Operation } from '../operation.js';

const PROVIDE_BUFFERS = kind<void>({
  name: 'provide_buffers',
  code: IORING_OP_PROVIDE_BUFFERS,
  since: '5.7',
  keepsMapping: true,
  decode: nothing,
});

const REMOVE_BUFFERS = kind<number>({
  name: 'remove_buffers',
  code: IORING_OP_REMOVE_BUFFERS,
  since: '5.7',
  decode: count,
});

/** Equal buffers in a mapping, under a group number of the user's choice. */
export interface BufferGroup {
  readonly mapping: Mapping;
  /** Bytes of each buffer: buffer `id` starts at `id * size`. */
  readonly size: number;
  /** From 0 to 65535; `ring.provideBuffers` takes the lowest that it can. */
  readonly group: number;
}

export interface ProvideBuffersOptions extends CommonOptions {
  /** The first buffer to give. Default 0. */
  firstId?: number;
  /** How many. Default: all that fit the mapping from there on. */
  count?: number;
}

const ID_MAX = 65_535;

/**
 * Gives buffers of `group` to the kernel, which uses each one once: what an operation has filled is
 * to be given again. `ring.provideBuffers` is the faster and safer way since 5.19.
 *
 * The mapping stays mapped until the ring is closed: nobody knows which buffers the kernel has.
 *
 * @errno EINVAL the group belongs to a `BufferRing`
 * @kernel 5.7 IORING_OP_PROVIDE_BUFFERS
 * @man io_uring_enter(2)
 */
export function provideBuffers(
  group: BufferGroup,
  options: ProvideBuffersOptions = {},
): Operation<void> {
  const { mapping, size } = checkGroup(group);
  const operation = new Operation(PROVIDE_BUFFERS).common(options, 'firstId', 'count');
  const all = Math.min(Math.floor(mapping.size / size), ID_MAX + 1);
  const first = integer('firstId', options.firstId ?? 0, 0, all - 1);
  const wanted = integer('count', options.count ?? all - first, 1, all - first);
  operation.point(mapping, first * size, wanted * size);
  operation.length = size;
  operation.fd = wanted;
  operation.offsetLow = first;
  operation.buffer = group.group;
  return operation;
}

/**
 * Takes up to `most` buffers of a group back from the kernel; gives how many there were.
 *
 * @errno ENOENT there is no such group
 * @kernel 5.7 IORING_OP_REMOVE_BUFFERS
 * @man io_uring_enter(2)
 */
export function removeBuffers(
  group: number,
  most: number,
  options: CommonOptions = {},
): Operation<number> {
  const operation = new Operation(REMOVE_BUFFERS).common(options);
  operation.buffer = integer('group', group, 0, GROUP_MAX);
  operation.fd = integer('most', most, 1, ID_MAX + 1);
  return operation;
}

/** A group with what it needs. */
export function checkGroup(group: BufferGroup): BufferGroup {
  onlyKeys('group', group, ['mapping', 'size', 'group']);
  if (!(group.mapping instanceof Mapping) || group.mapping.disposed) {
    throw invalidType('group.mapping', 'a Mapping that is not disposed', group.mapping);
  }
  integer('group.size', group.size, 1, group.mapping.size);
  integer('group.group', group.group, 0, GROUP_MAX);
  return group;
}
