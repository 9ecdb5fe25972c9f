/** TCP echo by a group of workers; an argument says how many. Prints its port. */
import { launch } from 'nearmetal/workers';

const group = await launch({
  entry: new URL('./cores-worker.js', import.meta.url),
  workers: Number(process.argv[2] ?? 1),
  listen: { port: 0, backlog: 1024 },
});

console.log(JSON.stringify({ port: group.port }));
process.stdin.on('end', () => process.exit()).resume();
