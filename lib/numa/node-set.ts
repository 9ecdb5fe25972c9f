/** Sets of nodes as the kernel takes and gives them: a bit for each. */

/** As many nodes as any kernel is built for. */
const NODES_MAX = 1024;

export function emptySet(): Uint8Array {
  return new Uint8Array(NODES_MAX / 8);
}

export function setOf(nodes: readonly number[]): Uint8Array {
  const bits = emptySet();
  for (const node of nodes) bits[node >> 3] = (bits[node >> 3] ?? 0) | (1 << (node & 7));
  return bits;
}

export function nodesOf(bits: Uint8Array): number[] {
  const nodes: number[] = [];
  bits.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) nodes.push(index * 8 + bit);
  });
  return nodes;
}
