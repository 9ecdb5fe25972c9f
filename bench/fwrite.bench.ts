/** Random writes of 4 KiB into a file that is there, to the page cache and past it. */
import { blocksBench } from './_lib/blocks-bench.js';

export const fwrite = blocksBench({
  name: 'fwrite',
  title: 'random 4 KiB writes at depth 1 and 32, cached and O_DIRECT; for durable ones see log',
  verb: 'write',
  depths: [1, 32],
});
