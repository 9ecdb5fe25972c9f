/** The chase through an array of Node's own, wherever the kernel puts it: NODE BYTES. */
import { chaseOnRequest } from '../_lib/chase.js';

await chaseOnRequest(new Uint32Array(Number(process.argv[3]) / 4));
