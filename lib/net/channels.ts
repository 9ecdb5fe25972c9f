/**
 * What `nearmetal/net` tells on `diagnostics_channel`: nothing is made for it while nobody listens.
 *
 * | channel | message |
 * |---|---|
 * | `nearmetal.net.accept` | `{ server, connection }` |
 * | `nearmetal.net.connect` | `{ connection }` |
 * | `nearmetal.net.close` | `{ connection }` |
 * | `nearmetal.net.error` | `{ server?, connection?, error }` |
 */
import { channel } from 'node:diagnostics_channel';

export const accepts = channel('nearmetal.net.accept');
export const connects = channel('nearmetal.net.connect');
export const closes = channel('nearmetal.net.close');
export const errors = channel('nearmetal.net.error');
