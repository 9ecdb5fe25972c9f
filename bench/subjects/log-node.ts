/** Durable appends with fs.promises, each followed by its own datasync: FOLDER WRITERS. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_BYTES } from '../_lib/records.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const [folder = '', writers] = process.argv.slice(2);
const file = await open(join(folder, 'node'), 'a');
const record = Buffer.alloc(RECORD_BYTES, 0xa5);

async function writer(end: number): Promise<number> {
  let records = 0;
  do {
    await file.appendFile(record);
    await file.datasync();
    records++;
  } while (performance.now() < end);
  return records;
}

await serveRequests(async ([seconds]) => {
  await file.truncate(0);
  const end = deadline(seconds);
  const all = Array.from({ length: Number(writers) }, () => writer(end));
  return (await Promise.all(all)).reduce((sum, records) => sum + records, 0);
});
await file.close();
