/** The ring by which a thread waits for words without blocking, where the kernel has that. */
import { IORING_OP_FUTEX_WAIT } from '../abi.js';
import { SystemError, UnsupportedError } from '../errors.js';
import { opSupported } from '../features.js';
import { Ring } from '../ring/ring.js';

const ENTRIES = 64;

let ring: Ring | undefined;
let refused = false;

/** One for each thread, made at the first wait; undefined where io_uring cannot wait for words. */
export function waitingRing(): Ring | undefined {
  if (refused) return undefined;
  if (ring !== undefined && !ring.closed) return ring;
  try {
    ring = opSupported(IORING_OP_FUTEX_WAIT) ? Ring.open({ entries: ENTRIES }) : undefined;
  } catch (error) {
    if (!SystemError.is(error) && !(error instanceof UnsupportedError)) throw error;
  }
  refused = ring === undefined || ring.closed;
  return refused ? undefined : ring;
}
