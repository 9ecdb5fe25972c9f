/** On which nodes the pages of a mapping are. */
import { EPERM } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import type { Mapping } from './mapping.js';
import type { Range } from './options.js';

const PAGES_AT_ONCE = 16_384;

/** Asks the kernel page by page; a negative answer is why there is none, -ENOENT if not there. */
export function eachPageNode(
  mapping: Mapping,
  { offset, length }: Range,
  visit: (node: number) => void,
): void {
  const step = mapping.pageSize;
  const count = Math.ceil(length / step);
  for (let done = 0; done < count; ) {
    const status = new Int32Array(Math.min(PAGES_AT_ONCE, count - done));
    const start = offset + done * step;
    check(native.movePages(mapping.region, start, step, null, status, 0), 'move_pages');
    for (const node of status) visit(node);
    done += status.length;
  }
}

/** Whether move_pages may be called at all: Docker never allows it. */
export function mayAskPages(mapping: Mapping): boolean {
  const status = new Int32Array(1);
  const result = native.movePages(mapping.region, 0, mapping.pageSize, null, status, 0);
  return result >= 0 || result < -EPERM;
}
