/** Numbers for pools of buffers, which the kernel knows by 16 bits. */
import type { Mapping } from '../memory/mapping.js';

export const GROUP_MAX = 65_535;

interface Retired {
  readonly group: number;
  readonly mapping: Mapping;
}

export class BufferGroups {
  #next = 0;
  /** In the order in which they were given back. */
  #retired: Retired[] = [];

  /** A number that nothing in flight names. */
  take(): number {
    const first = this.#retired[0];
    if (first !== undefined && first.mapping.inFlight === 0) {
      this.#retired.shift();
      return first.group;
    }
    if (this.#next <= GROUP_MAX) return this.#next++;
    const at = this.#retired.findIndex(({ mapping }) => mapping.inFlight === 0);
    if (at < 0) throw new RangeError(`more than ${GROUP_MAX + 1} pools of buffers on one ring`);
    return (this.#retired.splice(at, 1)[0] as Retired).group;
  }

  /**
   * The pool is gone. What was submitted on it may be in flight still, and would pick buffers of
   * another pool with its number.
   */
  give(group: number, mapping: Mapping): void {
    this.#retired.push({ group, mapping });
  }
}
