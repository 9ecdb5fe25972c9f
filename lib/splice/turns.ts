/** Files on their way share the turns of this thread's loop: those that have to wait, in order. */

/** In one turn, by all files together. */
const TURN_BYTES = 8 << 20;
/**
 * By one of them, when others wait. So little that a client of many finds some everywhere and falls
 * behind: what waits in a full socket costs us a third of what goes out at once.
 */
const SHARE_BYTES = 384 << 10;

const waiting: (() => void)[] = [];
let left = TURN_BYTES;
let scheduled = false;

/** Bytes that one file may still move in this turn. */
export const turnLeft = (): number => (waiting.length > 0 ? Math.min(left, SHARE_BYTES) : left);

export function moved(bytes: number): void {
  left -= bytes;
  schedule();
}

/** Calls `go` when it is its turn, behind all who wait already. */
export function waitForTurn(go: () => void): void {
  waiting.push(go);
  schedule();
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(begin);
}

function begin(): void {
  scheduled = false;
  left = TURN_BYTES;
  try {
    for (let count = waiting.length; count > 0 && left > 0; count--) waiting.shift()?.();
  } finally {
    if (waiting.length > 0) schedule();
  }
}
