/** How the tests run: in processes, over the test build of the addon unless another is named. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const faces = [
  'ring',
  'memory',
  'cpu',
  'workers',
  'numa',
  'net',
  'http',
  'dgram',
  'fd',
  'shared',
  'epoll',
  'loop',
  'fs',
  'zerocopy',
  'log',
];

export default defineConfig({
  resolve: {
    // Tests that name the package get its sources, so that one run never holds two copies of it.
    alias: [
      { find: /^nearmetal$/, replacement: path('lib/index.ts') },
      ...faces.map((name) => ({
        find: `nearmetal/${name}`,
        replacement: path(`lib/${name}/index.ts`),
      })),
      { find: /^nearmetal\/(errors|features)$/, replacement: path('lib/$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    env: { NEARMETAL_ADDON: process.env.NEARMETAL_ADDON ?? path('build/seam/nearmetal_seam.node') },
    // Only what hangs takes this long, also on a machine that has other things to do.
    testTimeout: process.env.NEARMETAL_SANITIZED ? 360_000 : 120_000,
    // Most tests wait for the kernel or another process: two at a time, also on two CPUs.
    maxWorkers: 2,
    hookTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: 'build/test-results.json' }]],
  },
});
