/** Durable appends to an AppendLog by many writers: FOLDER WRITERS. */
import { join } from 'node:path';
import { AppendLog } from 'nearmetal/log';
import { RECORD_BYTES } from '../_lib/records.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const [folder = '', writers] = process.argv.slice(2);
await using log = await AppendLog.open(join(folder, 'nearmetal'));
const record = Buffer.alloc(RECORD_BYTES, 0xa5);

/** One of the writers, which waits for each of its records; answers how many they were. */
async function writer(end: number): Promise<number> {
  let records = 0;
  do {
    await log.append(record);
    records++;
  } while (performance.now() < end);
  return records;
}

await serveRequests(async ([seconds]) => {
  await log.dropBefore(log.sequence + 1);
  const end = deadline(seconds);
  const all = Array.from({ length: Number(writers) }, () => writer(end));
  return (await Promise.all(all)).reduce((sum, records) => sum + records, 0);
});
