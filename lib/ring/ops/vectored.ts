/** What readv and writev share: `struct iovec`s in front of the staged bytes. */
import type { Descriptor } from '../../fd/fd.js';
import { Mapping } from '../../memory/mapping.js';
import { bytesView, integer, invalidValue } from '../../validate.js';
import { asBytes, BYTES_MAX, Operation, type OperationKind } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';

const IOVEC_BYTES = 16;
const IOVEC_WORDS = 4;
/** The kernel's UIO_MAXIOV. */
const IOVECS_MAX = 1024;

interface Part {
  readonly bytes: Uint8Array;
  readonly mapping: Mapping | undefined;
}

/**
 * An operation over several views; those of one mapping are used in place, all others are staged.
 */
export function vectored(
  of: OperationKind<number>,
  target: Descriptor,
  name: string,
  views: readonly ArrayBufferView[],
  direction: 'source' | 'target',
): Operation<number> {
  if (!Array.isArray(views) || views.length === 0 || views.length > IOVECS_MAX) {
    throw invalidValue(name, `must be an array of 1 to ${IOVECS_MAX} views`, views);
  }
  const parts = views.map((view, index) => partOf(`${name}[${index}]`, view));
  // An operation keeps one mapping alive; with several, their bytes are staged.
  const mapping = parts.find((part) => part.mapping !== undefined)?.mapping;
  const inPlace = parts.every((part) => part.mapping === mapping) ? mapping : undefined;
  if (of.fixedBuffer && inPlace === undefined) {
    throw invalidValue(name, 'must be views of one Mapping', views);
  }
  const total = parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  if (inPlace === undefined) integer(`total length of ${name}`, total, 0, BYTES_MAX);
  const operation = new Operation(of, target);
  operation.direction = inPlace === undefined ? direction : 'none';
  operation.mapping = inPlace;
  operation.staged = inPlace === undefined ? parts.map((part) => part.bytes) : [];
  operation.length = parts.length;
  return operation.arguments(parts.length * IOVEC_BYTES, (self, block) => {
    writeIovecs(block, parts, inPlace);
    if (block.targets !== undefined) block.targetBytes = parts.map(({ bytes }) => bytes.byteLength);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = parts.length;
  });
}

function partOf(name: string, value: unknown): Part {
  const bytes = asBytes(bytesView(name, value));
  return { bytes, mapping: Mapping.of(bytes) };
}

function writeIovecs(block: Block, parts: readonly Part[], mapping: Mapping | undefined): void {
  let staged = block.payloadOffset;
  for (const [index, { bytes }] of parts.entries()) {
    const base = mapping ?? block;
    const offset = mapping === undefined ? staged : bytes.byteOffset;
    const low = (base.addressLow >>> 0) + offset;
    const word = index * IOVEC_WORDS;
    block.words[word] = low | 0;
    block.words[word + 1] = base.addressHigh + highWord(low);
    block.words[word + 2] = bytes.byteLength | 0;
    block.words[word + 3] = highWord(bytes.byteLength);
    staged += bytes.byteLength;
  }
}
