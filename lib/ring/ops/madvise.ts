/** Tells the kernel how a part of memory will be used. */
import { IORING_OP_MADVISE } from '../../abi.js';
import { ADVICE, type Advice, DISCARDS } from '../../memory/advice.js';
import { Mapping } from '../../memory/mapping.js';
import { invalidValue, oneOf } from '../../validate.js';
import { BYTES_MAX, type CommonOptions, kind, nothing, Operation } from '../operation.js';

const MADVISE = kind<void>({
  name: 'madvise',
  code: IORING_OP_MADVISE,
  since: '5.6',
  inWorker: true,
  decode: nothing,
});

/** What the mapping has to know of, or what would let a child share what the kernel writes to. */
const OWN_BUSINESS: readonly Advice[] = [...DISCARDS, 'guard-remove', 'dofork'];

/** Advice that an operation can give. */
export type MemoryAdvice = Exclude<
  Advice,
  'dontneed' | 'dontneed-locked' | 'free' | 'remove' | 'guard-install' | 'guard-remove' | 'dofork'
>;

const NAMES = (Object.keys(ADVICE) as Advice[]).filter((name) => !OWN_BUSINESS.includes(name));

/**
 * Gives advice on a mapping, or on a view of one that begins at a page, as `mapping.advise` does,
 * but beside the loop: for what takes long, such as 'populate-write', 'collapse' and 'pageout'.
 * What discards bytes is for the mapping itself.
 *
 * @errno EINVAL the memory does not begin at a page, or the kernel does not know the advice
 * @errno EAGAIN 'collapse' found no memory right now
 * @kernel 5.6 IORING_OP_MADVISE; 5.14 populate-read, populate-write; 6.1 collapse
 * @man madvise(2)
 */
export function madvise(
  memory: Mapping | ArrayBufferView,
  advice: MemoryAdvice,
  options: CommonOptions = {},
): Operation<void> {
  const operation = new Operation(MADVISE).common(options);
  if (memory instanceof Mapping) operation.point(memory, 0, memory.size);
  else operation.fixed('memory', memory);
  if ((memory instanceof Mapping ? memory.size : memory.byteLength) > BYTES_MAX) {
    throw invalidValue('memory', `must be at most ${BYTES_MAX} bytes`, memory);
  }
  const [number] = ADVICE[oneOf('advice', advice, NAMES) as MemoryAdvice];
  operation.operationFlags = number;
  return operation;
}
