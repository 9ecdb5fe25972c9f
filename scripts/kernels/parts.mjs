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
