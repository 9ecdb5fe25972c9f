/** What each worker does: echoes on its share of the port until it is to finish. */
import { serve } from 'nearmetal/net';
import { workerContext } from 'nearmetal/workers';

const context = workerContext();

const serving = serve({
  listener: context.listener(),
  data: (connection, received) => void connection.write(received),
  stopping: (connection) => connection.end(),
});

context.report(() => ({ ...serving.stats }));
context.onDrain(() => serving.drain());
