/** The parts of the suite that run on other kernels and processors, by the starts of paths. */
import { filesBelow } from '../files.mjs';

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
  'log/full-disk',
].map((part) => `test/${part}`);

/**
 * Of these what a kernel that is a process cannot do: it has no hugepages, no transparent ones, no
 * nodes and no second CPU, on which many threads and processes that wait for each other depend (of
 * structures in shared memory only the futex is the kernel's).
 */
const NOT_IN_PROCESS = /^test\/(memory|numa|shared\/(?!futex)|fd\/lives|ring\/liburing)\b/;

const FIRST = ['ring/ops', 'features', 'epoll', 'fd', 'log/full-disk'].map(
  (part) => `test/${part}`,
);

const tests = filesBelow('test').filter((path) => path.endsWith('.test.ts'));
const inProcess = [...FIRST, ...PARTS].flatMap((part) =>
  tests.filter((path) => path.startsWith(part) && !NOT_IN_PROCESS.test(path)),
);
export const PROCESS_PARTS = [...new Set(inProcess)].map((path) => path.slice(0, -'.ts'.length));

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
