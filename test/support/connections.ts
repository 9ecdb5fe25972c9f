/** Two connections that are each other's peers, closed when the test is over. */
import { Connection, Listener } from 'nearmetal/net';
import { onTestFinished } from 'vitest';

export async function pairOf(
  backend: 'io_uring' | 'epoll',
): Promise<{ near: Connection; far: Connection }> {
  const listener = Listener.open({ backend });
  const far = await Connection.open({ port: listener.port as number, host: '127.0.0.1', backend });
  const near = (await listener.accept()) as Connection;
  listener.close();
  onTestFinished(async () => {
    near.close();
    far.close();
    await Promise.all([near.closed, far.closed]);
  });
  return { near, far };
}
