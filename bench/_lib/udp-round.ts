/** How many datagrams the subjects of `udp` send before they receive: as in `reference/udp.c`. */

/** A round fits the receive buffer that everybody may have. */
export const BUFFER_BYTES = 212_992;
const ROUND = 256;
const ROUND_BYTES = 200_000;
const DATAGRAM_MOST = 65_507;
const SEGMENTS = 64;

export interface Round {
  /** Datagrams in one send, where the kernel cuts. */
  readonly each: number;
  readonly sends: number;
}

export function roundOf(size: number, offload: boolean): Round {
  const each = offload ? Math.min(Math.floor(DATAGRAM_MOST / size), SEGMENTS) : 1;
  const most = Math.min(Math.floor(ROUND_BYTES / size), ROUND);
  return { each, sends: Math.floor(most / each) };
}
