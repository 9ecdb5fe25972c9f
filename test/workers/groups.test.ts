/** Groups of pinned workers, each scene a process of its own: it must end by itself. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

describe('a group begins', () => {
  test.each(['context', 'failures', 'aborts', 'options', 'readiness', 'statistics'])(
    '%s',
    (scene) => passes('workers/groups', [scene]),
  );
});

describe('its workers are supervised', () => {
  test.each([
    'killed',
    'endless',
    'blocked',
    'givesUp',
    'warnings',
    'finished',
    'finishing',
    'reload',
    'ownLoop',
    'leaks',
  ])('%s', (scene) => passes('workers/supervision', [scene]));
});

describe('it listens', () => {
  test.each(['shares', 'steered', 'rolling', 'backlog', 'retired', 'path', 'descriptors'])(
    '%s',
    (scene) => passes('workers/ports', [scene]),
  );
});

describe('it has channels', () => {
  test.each(['between', 'passes', 'killed', 'finishes', 'stops', 'own', 'leaks'])('%s', (scene) =>
    passes('workers/channels', [scene]),
  );
});
