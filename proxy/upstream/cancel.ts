/**
 * Cancel requests travel on a connection of their own, under the same TLS rules as the session's.
 */
import { once } from 'node:events';
import type { Connection } from '../../kernel/policy.ts';
import type { BackendKeyData } from '../wire/server-status.ts';
import { encodeStartupPacket } from '../wire/startup-packet.ts';
import { type AttemptLimits, attempt } from './attempt.ts';
import { dial } from './dial.ts';

/** Which server session, and where it is: behind one host name there may be several servers. */
export type CancelTarget = { readonly connection: Connection; readonly key: BackendKeyData; readonly address: string | undefined };

/** Resolves when the server has taken the request, which says nothing of whether there was a statement to cancel. Rejects with Failure. */
export const cancelStatement = async ({ connection, key, address }: CancelTarget, limits: AttemptLimits): Promise<void> =>
  attempt(limits, async (current) => {
    const { socket } = await dial(connection, current, address);
    current.enter('cancelling a statement');
    socket.write(encodeStartupPacket({ type: 'CancelRequest', processId: key.processId, secretKey: key.secretKey }));
    socket.resume();
    // The server answers by closing, politely or not (libpq: PQcancel waits for it likewise).
    await once(socket, 'close').catch(() => undefined);
  });
