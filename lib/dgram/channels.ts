/**
 * What `nearmetal/dgram` tells on `diagnostics_channel`: nothing is made for it while nobody
 * listens.
 *
 * | channel | message |
 * |---|---|
 * | `nearmetal.dgram.open` | `{ socket }` |
 * | `nearmetal.dgram.close` | `{ socket }` |
 * | `nearmetal.dgram.error` | `{ socket, error, lost }` |
 */
import { channel } from 'node:diagnostics_channel';

export const opens = channel('nearmetal.dgram.open');
export const closes = channel('nearmetal.dgram.close');
export const errors = channel('nearmetal.dgram.error');
