/** Every benchmark, in the order in which `all` runs them. */
import type { Bench } from './_lib/session.js';
import { affinity } from './affinity.bench.js';
import { alloc } from './alloc.bench.js';
import { channel } from './channel.bench.js';
import { copy } from './copy.bench.js';
import { cores } from './cores.bench.js';
import { crossing } from './crossing.bench.js';
import { echo } from './echo.bench.js';
import { faults } from './faults.bench.js';
import { fread } from './fread.bench.js';
import { futex } from './futex.bench.js';
import { fwrite } from './fwrite.bench.js';
import { http } from './http.bench.js';
import { latency } from './latency.bench.js';
import { log } from './log.bench.js';
import { modesOfRings } from './modes.bench.js';
import { mpmc } from './mpmc.bench.js';
import { nop } from './nop.bench.js';
import { numa } from './numa.bench.js';
import { proxy } from './proxy.bench.js';
import { readiness } from './readiness.bench.js';
import { sendfile } from './sendfile.bench.js';
import { spsc } from './spsc.bench.js';
import { stat } from './stat.bench.js';
import { timers } from './timers.bench.js';
import { tlb } from './tlb.bench.js';
import { udp } from './udp.bench.js';

export const benches: readonly Bench[] = [
  nop,
  modesOfRings,
  crossing,
  echo,
  latency,
  cores,
  http,
  udp,
  fread,
  fwrite,
  log,
  sendfile,
  proxy,
  stat,
  copy,
  readiness,
  tlb,
  alloc,
  faults,
  affinity,
  numa,
  spsc,
  mpmc,
  channel,
  futex,
  timers,
];
