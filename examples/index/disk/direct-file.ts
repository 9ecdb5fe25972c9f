/** Files past the page cache, where the file system can do that. */
import { type File, type FileOpenOptions, open } from 'nearmetal/fs';

/** With O_DIRECT, or through the page cache where there is none (EINVAL). */
export async function openDirect(path: string, options: FileOpenOptions): Promise<File> {
  try {
    return await open(path, { ...options, direct: true });
  } catch (error) {
    if ((error as { code?: string }).code !== 'EINVAL') throw error;
    return open(path, options);
  }
}
