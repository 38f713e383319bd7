/**
 * Things start here: one server session for one client session.
 */
import { upstreamUnreachable } from '../../kernel/failure.ts';
import type { Connection } from '../../kernel/policy.ts';
import { attempt } from './attempt.ts';
import { cancelStatement } from './cancel.ts';
import { type Channel, dial } from './dial.ts';
import { type StartedSession, startSession } from './start-session.ts';
import { createUpstream, type Upstream } from './upstream.ts';

/** Where to, with which settings, and for how long to try. */
export type OpenUpstreamOptions = {
  readonly connection: Connection;
  /** Settings for the startup message, already judged: `application_name`, `TimeZone` and the like. */
  readonly parameters: Readonly<Record<string, string>>;
  /** For everything together: name resolution, TCP, TLS, log-in, start. */
  readonly timeoutMs: number;
  /** The client went away. */
  readonly signal?: AbortSignal | undefined;
};

/** Connects, logs in and starts a session. Rejects with Failure, and leaves no socket behind. */
export const openUpstream = async (options: OpenUpstreamOptions): Promise<Upstream> => {
  const { connection, timeoutMs } = options;
  const { channel, session } = await openSession(options);
  const { key } = session;
  return createUpstream(channel, session, async () => {
    if (key === undefined)
      throw upstreamUnreachable('The database gave no key to cancel statements with.', 'Wait for the statement to end.');
    await cancelStatement({ connection, key, address: channel.address }, { timeoutMs });
  });
};

/** A channel on which a session has started: for the proxy's own statements, which no agent has a hand in. */
export const openSession = async (
  options: OpenUpstreamOptions,
): Promise<{ readonly channel: Channel; readonly session: StartedSession }> => {
  const { connection, parameters, timeoutMs, signal } = options;
  return attempt({ timeoutMs, signal }, async (current) => {
    const channel = await dial(connection, current);
    return { channel, session: await startSession(connection, channel, parameters, current) };
  });
};
