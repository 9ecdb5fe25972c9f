/** All commands, by family. */
import type { Command } from '../server/command.js';
import { CLIENT } from './client.js';
import { CLUSTER } from './cluster.js';
import { CONNECTIONS } from './connections.js';
import { EXPIRY } from './expiry.js';
import { HASHES } from './hashes.js';
import { INFO } from './info.js';
import { KEYS } from './keys.js';
import { LIST_MIDDLES } from './list-middles.js';
import { LISTS } from './lists.js';
import { OBJECT } from './object.js';
import { PUBSUB } from './pubsub.js';
import { SCANS } from './scan.js';
import { SETS } from './sets.js';
import { SORTED_COMBINED } from './sorted-combined.js';
import { SORTED_RANGES } from './sorted-ranges.js';
import { SORTED_SETS } from './sorted-sets.js';
import { STRING_PARTS } from './string-parts.js';
import { STRINGS } from './strings.js';
import { TRANSACTIONS } from './transactions.js';

export const COMMANDS: readonly Command[] = [
  ...[...STRINGS, ...STRING_PARTS, ...KEYS, ...EXPIRY, ...SCANS, ...OBJECT],
  ...[...HASHES, ...LISTS, ...LIST_MIDDLES, ...SETS],
  ...[...SORTED_SETS, ...SORTED_RANGES, ...SORTED_COMBINED],
  ...[...PUBSUB, ...TRANSACTIONS, ...CONNECTIONS, ...CLIENT, ...CLUSTER, ...INFO],
];
