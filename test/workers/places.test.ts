/** How many workers there are and where, on machines that we do not have. */
import { describe, expect, test } from 'vitest';
import { readTopology } from '../../lib/cpu/topology.js';
import { type PlaceOptions, planPlaces } from '../../lib/workers/places.js';
import { type Files, MACHINES, readerOf } from '../support/machines.js';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';

function plan(files: Files, options: PlaceOptions = {}): string[] {
  const places = planPlaces(options, readTopology(readerOf(files)));
  return places.map(({ cpus, node }) => `${cpus}@${node}`);
}

const quota = (files: Files, text: string): Files => ({
  ...files,
  '/sys/fs/cgroup/cpu.max': `${text}\n`,
});

describe('without a quota', () => {
  test('one for each allowed CPU, with its node', () => {
    expect(plan(MACHINES.single())).toEqual(['0@0']);
    const server = plan(MACHINES.server());
    expect(server).toHaveLength(28);
    expect([server[0], server[7], server[8], server[27]]).toEqual(['0@0', '7@0', '8@1', '29@1']);
    expect(plan(MACHINES.container())).toEqual(['0@0', '1@0']);
  });

  test('by cores, and by nodes, which several share', () => {
    expect(plan(MACHINES.server(), { placement: 'core', workers: 2 })).toEqual([
      '0,16@0',
      '1,17@0',
    ]);
    const [first, second, third] = plan(MACHINES.server(), { placement: 'node', workers: 3 });
    expect([first, second, third]).toEqual(['0-7,16-23@0', '8-13,24-29@1', '0-7,16-23@0']);
    expect(plan(MACHINES.server(), { placement: ['0-1', [7, 8]] })).toEqual([
      '0-1@0',
      '7-8@undefined',
    ]);
  });

  test('more than there are CPUs only where that is wanted', () => {
    const single = MACHINES.single();
    const asked = (options: PlaceOptions) => () => plan(single, options);
    expectRefusal(asked({ workers: 2 }), RANGE, 'without oversubscribe');
    expectRefusal(asked({ workers: 2, placement: 'node' }), RANGE, 'of 1 CPUs');
    expectRefusal(asked({ placement: [0, 0] }), RANGE, 'of 1 CPUs');
    expectRefusal(asked({ workers: 0 }), RANGE, 'options.workers');
    expectRefusal(asked({ placement: [] }), VALUE, 'options.placement');
    expectRefusal(asked({ placement: [''] }), VALUE, 'options.placement[0]');
    expectRefusal(asked({ placement: 7 as never }), TYPE, 'options.placement');
    expect(plan(single, { workers: 2, oversubscribe: true })).toEqual(['0@0', '0@0']);
    const cores = { placement: 'core', workers: 15 } as const;
    expectRefusal(() => plan(MACHINES.server(), cores), RANGE, '<= 14');
  });
});

describe('with a quota of the cgroup', () => {
  test('as many as it pays for whole, and not pinned to the first CPUs', () => {
    const limited = quota(MACHINES.server(), '350000 100000');
    expect(plan(limited)).toEqual(['0-7,16-23@0', '8-13,24-29@1', '0-7,16-23@0']);
    expect(plan(limited, { placement: 'cpu' })).toEqual(['0@0', '1@0', '2@0']);
    expectRefusal(() => plan(limited, { workers: 4 }), RANGE, "the cgroup's quota is 3.5 CPUs");
    expect(plan(limited, { workers: 4, oversubscribe: true })).toHaveLength(4);
    // Less than one CPU is still one worker; more than there are, or none, is no limit.
    expect(plan(quota(MACHINES.server(), '50000 100000'))).toHaveLength(1);
    expect(plan(quota(MACHINES.single(), '400000 100000'))).toEqual(['0@0']);
    expect(plan(quota(MACHINES.server(), 'max 100000'))).toHaveLength(28);
  });
});
