/** Promise 16: the event loop stays fair and honest. */
import { describe, expect, test } from 'vitest';
import { outputOf, passes } from '../support/process.js';

describe.concurrent.each(['uv', 'thread'])('woken by %s', (loop) => {
  const run = (name: string) => passes('promises/fair', [name, loop]);

  test('timers and immediates fire within 100,000 handled completions', () => run('handlers'));
  test('a timer fires within 100,000 promises', () => run('promises'));
  test('a burst of 100,000 comes in turns', () => run('burst'));
  test('an idle ring lets the process end', () => run('idle'));
  test('an unreferenced ring lets the process end', () => run('unref'));
  test('so does one unreferenced before it had work', () => run('unref-first'));
  test('a cancelled operation lets the process end', () => run('cancelled'));
  test('a pending operation keeps the process alive', async () => {
    const output = await outputOf('promises/fair', ['pending', loop]);
    expect(output).toBe('passed\nthe operation came\nexit\n');
  });
  test('a ring referenced again keeps the process alive', async () => {
    const output = await outputOf('promises/fair', ['ref-again', loop]);
    expect(output).toContain('the operation came');
  });
});
