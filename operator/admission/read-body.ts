/**
 * The body of a request, within limits of one and of all together.
 */
import type { IncomingMessage } from 'node:http';

/** Twice what an object may have for the API server, plus what is around: object and old object. */
export const LARGEST_BODY = 8 * 1024 * 1024;

/**
 * Of all requests that are being received: whoever reaches the port could otherwise fill the memory. Once it is reached, only those wait who
 * have more than their share: addresses that send share it equally.
 */
const MOST_BYTES = 96 * 1024 * 1024;

export type Body =
  | { readonly type: 'Body'; readonly bytes: Buffer }
  | { readonly type: 'TooLarge' }
  | { readonly type: 'Busy' }
  | { readonly type: 'Aborted' };

export type BodyReader = (request: IncomingMessage) => Promise<Body>;

/** Reads bodies; readers do not share their limits. */
export const bodyReader = (largest = LARGEST_BODY, most = MOST_BYTES): BodyReader => {
  let held = 0;
  const shares = new Map<string, number>();
  const hold = (address: string, bytes: number): void => {
    held += bytes;
    const share = (shares.get(address) ?? 0) + bytes;
    if (share > 0) shares.set(address, share);
    else shares.delete(address);
  };
  const isTooMuch = (address: string): boolean => held > most && (shares.get(address) ?? 0) > most / shares.size;
  return async (request) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > largest) return { type: 'TooLarge' };
    const address = request.socket?.remoteAddress ?? '';
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      // What is not read to its end must still be answered: the connection stays.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        length += chunk.length;
        hold(address, chunk.length);
        if (length > largest) return { type: 'TooLarge' };
        if (isTooMuch(address)) return { type: 'Busy' };
        chunks.push(chunk);
      }
      return { type: 'Body', bytes: Buffer.concat(chunks) };
    } catch {
      return { type: 'Aborted' };
    } finally {
      hold(address, -length);
    }
  };
};
