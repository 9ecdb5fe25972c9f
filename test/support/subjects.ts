/** Every structure of `nearmetal/shared`, with its model and the calls of each thread. */
import type { Subject } from './histories.js';
import { broadcast, channel, deque, messages, mpmc, spsc } from './models-queues.js';
import {
  barrier,
  count,
  directory,
  map,
  mutex,
  once,
  register,
  semaphore,
} from './models-values.js';

const three = (...names: string[]) => [names, names, names];

export const subjects: Readonly<Record<string, Subject>> = {
  'a queue of records': {
    kind: 'spsc',
    size: 4,
    model: spsc(4),
    threads: [
      ['push', 'push', 'pushBlocking', 'pushMany', 'stage', 'publish', 'length'],
      ['pop', 'pop', 'popBlocking', 'popMany', 'ended'],
    ],
    most: 8,
  },
  'a queue of one record': {
    kind: 'spsc',
    size: 1,
    model: spsc(1),
    threads: [
      ['push', 'pushBlocking', 'pushBlocking'],
      ['pop', 'popBlocking', 'popBlocking'],
    ],
    most: 8,
  },
  'a queue that is closed': {
    kind: 'spsc',
    size: 2,
    model: spsc(2),
    threads: [
      ['push', 'pushBlocking'],
      ['pop', 'popBlocking', 'ended'],
    ],
    most: 6,
    last: [['close'], ['popBlocking', 'ended', 'popBlocking', 'popBlocking']],
  },
  'a queue of messages': {
    kind: 'messages',
    size: 64,
    model: messages(64),
    threads: [
      ['push', 'pushBlocking', 'claim'],
      ['pop', 'popRead', 'popBlocking'],
    ],
    most: 9,
  },
  'a queue of many, from two to one': {
    kind: 'mpmc',
    size: 2,
    model: mpmc(2),
    threads: [
      ['push', 'pushBlocking'],
      ['push', 'pushBlocking'],
      ['pop', 'popBlocking'],
    ],
    most: 6,
  },
  'a queue of many': {
    kind: 'mpmc',
    size: 2,
    model: mpmc(2),
    threads: three('push', 'pushBlocking', 'pop', 'popBlocking'),
    most: 5,
  },
  'a broadcast ring': {
    kind: 'broadcast',
    size: 2,
    model: broadcast(2),
    threads: [['push'], ['read', 'readBlocking'], ['read', 'readBlocking']],
    most: 7,
  },
  'a deque': {
    kind: 'deque',
    size: 2,
    model: deque(2),
    threads: [['push', 'push', 'pop', 'length'], ['steal'], ['steal']],
    most: 6,
  },
  'a value': {
    kind: 'register',
    size: 0,
    model: register(),
    threads: three('write', 'read', 'read'),
    most: 4,
  },
  'a map': {
    kind: 'map',
    size: 2,
    model: map(2),
    threads: [
      ['set', 'set', 'delete', 'get'],
      ['set', 'delete', 'get', 'has', 'size'],
      ['get', 'get', 'has'],
    ],
    most: 5,
  },
  counters: {
    kind: 'counters',
    size: 0,
    model: count(),
    threads: [['add'], ['add', 'read'], ['read']],
    most: 6,
  },
  'a histogram': {
    kind: 'histogram',
    size: 0,
    model: count(),
    threads: [['add'], ['add', 'read'], ['read']],
    most: 2,
  },
  'the directory': {
    kind: 'directory',
    size: 0,
    model: directory(),
    threads: three('create', 'has'),
    most: 4,
  },
  'a semaphore': {
    kind: 'semaphore',
    size: 1,
    model: semaphore(1),
    threads: three('tryAcquire', 'acquire', 'release', 'available'),
    most: 5,
  },
  'a mutex': {
    kind: 'mutex',
    size: 0,
    model: mutex(),
    threads: three('lock', 'tryLock', 'unlock', 'unlock', 'isMine'),
    most: 5,
    last: three('unlock'),
  },
  'a condition': {
    kind: 'mutex',
    size: 0,
    model: mutex(),
    threads: three('lock', 'wait', 'unlock', 'notify'),
    most: 4,
    last: three('unlock'),
  },
  'a barrier': {
    kind: 'barrier',
    size: 3,
    model: barrier(3),
    threads: three('come'),
    most: 4,
    even: true,
  },
  'what is done once': {
    kind: 'once',
    size: 0,
    model: once(),
    threads: three('run', 'runAndFail'),
    most: 3,
  },
};

/** With one mistake each. */
export const mistakes: Readonly<Record<string, Subject>> = {
  'a semaphore that looks and then stores': {
    kind: 'broken',
    size: 1,
    model: semaphore(1),
    threads: three('tryAcquire', 'release', 'available'),
    most: 4,
  },
  'a value that is not looked at again': {
    kind: 'torn',
    size: 0,
    model: register(),
    threads: [['write'], ['read']],
    most: 4,
  },
  'a record that is shown before it is there': {
    kind: 'lossy',
    size: 2,
    model: spsc(2),
    threads: [['push'], ['pop']],
    most: 4,
  },
  'a sleeper who does not look again': {
    kind: 'sleepy',
    size: 1,
    model: semaphore(1),
    threads: [['acquire'], ['release']],
    most: 3,
  },
};

/** It waits beside the loop, so it is never stepped. */
export const channels: Subject = {
  kind: 'channel',
  size: 64,
  model: channel(),
  threads: [
    ['send', 'send', 'trySend', 'request', 'take'],
    ['send', 'send', 'trySend', 'request', 'take'],
  ],
  most: 8,
};
