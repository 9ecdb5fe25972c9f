/** TCP echo on `serve`, as its users write it; an argument says which backend. Prints its port. */
import { serve } from 'nearmetal/net';

const [, , backend] = process.argv;
const { port } = serve({
  backlog: 1024,
  ...(backend === undefined ? {} : { backend: backend as 'io_uring' | 'epoll' }),
  data(connection, received) {
    connection.write(received);
  },
});

console.log(JSON.stringify({ port }));
process.stdin.on('end', () => process.exit()).resume();
