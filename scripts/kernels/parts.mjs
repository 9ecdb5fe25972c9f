/** In this order: what depends on the kernel most comes first, should time run out. */
export const PARTS = [
  'ring',
  'features',
  'fd',
  'epoll',
  'shared',
  'memory',
  'numa',
  'promises',
  'contract',
].map((part) => `test/${part}`);

/** What depends on the processor most: the queues, structs of the kernel, memory, threads. */
export const ARM64_PARTS = [
  'ring/ops',
  'ring/ring',
  'features',
  'memory',
  'epoll',
  'cpu',
  'fd',
  'shared',
  'contract',
].map((part) => `test/${part}`);
