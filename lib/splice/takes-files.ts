/** What a stream of a file looks for where it is piped into: a way past JavaScript. */
import type { OwnedFd } from '../fd/fd.js';

export const takeFile: unique symbol = Symbol('nearmetal.takeFile');

/** A stream that files can be sent to, behind what is written to it. */
export interface TakesFiles {
  /**
   * Sends a part of a file; `done` gets 0 or `-errno`, and the bytes that were taken. Answers what
   * ends it early; undefined: this one is to be written to.
   */
  [takeFile](
    file: OwnedFd,
    offset: number,
    length: number,
    done: (result: number, bytes: number) => void,
  ): (() => void) | undefined;
}

export function takesFiles(target: object): target is TakesFiles {
  return takeFile in target;
}
