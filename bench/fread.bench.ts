/** Random reads of 4 KiB at several depths, from the page cache and past it. */
import { blocksBench } from './_lib/blocks-bench.js';

export const fread = blocksBench({
  name: 'fread',
  title: 'random 4 KiB reads at depth 1, 32 and 128, cached and O_DIRECT',
  verb: 'read',
  depths: [1, 32, 128],
});
