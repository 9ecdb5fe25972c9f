/** What `reference/numa.c` does, through nearmetal: NODE BYTES. */
import { allocateOnNode } from 'nearmetal/numa';
import { chaseOnRequest } from '../_lib/chase.js';

const [node = '', bytes = ''] = process.argv.slice(2);
const mapping = allocateOnNode(Number(node), { size: Number(bytes), hugePage: 'transparent' });
await chaseOnRequest(new Uint32Array(mapping.bytes.buffer, 0, Number(bytes) / 4));
