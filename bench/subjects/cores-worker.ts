/** One worker of `cores-nearmetal`: `serve` on its share of the port. */
import { serve } from 'nearmetal/net';
import { workerContext } from 'nearmetal/workers';

serve({
  listener: workerContext().listener(),
  data(connection, received) {
    connection.write(received);
  },
});
