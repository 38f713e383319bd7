/**
 * Reads what is added to the files of a folder, line by line.
 */
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK = 4 * 1024 * 1024;

export class Tail {
  readonly #folder: string;
  readonly #ending: string;
  /** Behind the last whole line of each file: what has been begun may be cut off by whoever opens the file next. */
  readonly #offsets = new Map<string, number>();

  /** `ending`: of the names of the files that are read. */
  constructor(folder: string, ending: string) {
    this.#folder = folder;
    this.#ending = ending;
  }

  /** Hands out every whole line that has come since the last time. */
  async read(take: (line: string) => void): Promise<void> {
    for (const file of await this.#files()) {
      let offset = this.#offsets.get(file) ?? 0;
      let rest = Buffer.alloc(0);
      const handle = await open(join(this.#folder, file), 'r');
      try {
        for (;;) {
          const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, offset);
          if (bytesRead === 0) break;
          offset += bytesRead;
          const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
          const end = text.lastIndexOf(10);
          rest = Buffer.from(text.subarray(end + 1));
          if (end >= 0) for (const line of text.toString('utf8', 0, end).split('\n')) take(line);
        }
      } finally {
        await handle.close();
      }
      this.#offsets.set(file, offset - rest.length);
    }
  }

  /** Removes the files that are read to their end, except the newest. */
  async prune(): Promise<void> {
    for (const file of (await this.#files()).slice(0, -1)) if (this.#offsets.has(file)) await rm(join(this.#folder, file), { force: true });
  }

  async #files(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => name.endsWith(this.#ending)).sort();
  }
}
