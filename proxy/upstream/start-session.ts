/**
 * From the startup message to the first ReadyForQuery.
 */
import type { Socket } from 'node:net';
import { startupOptionRefused, upstreamProtocolViolation, upstreamUnreachable } from '../../kernel/failure.ts';
import type { Connection } from '../../kernel/policy.ts';
import type { Authentication } from '../wire/authentication.ts';
import { type BackendMessage, decodeBackend } from '../wire/backend-message.ts';
import type { BackendKeyData } from '../wire/server-status.ts';
import { encodeStartupPacket } from '../wire/startup-packet.ts';
import type { Attempt } from './attempt.ts';
import type { Channel } from './dial.ts';
import { startLogIn } from './log-in.ts';
import { readExactly } from './read-exactly.ts';
import { describeRefusal } from './server-refusal.ts';

/** What the server said of itself and of the session. */
export type StartedSession = {
  readonly parameters: ReadonlyMap<string, string>;
  /** Undefined: the server (a pooler, say) takes no cancel requests. */
  readonly key: BackendKeyData | undefined;
};

/** No message of a start is long: PostgreSQL's are below 2 kB but for an error, which libpq caps at 30,000 (`MAX_ERRLEN`). */
const MESSAGE_LIMIT = 32_000;

/** A start has some thirty messages; the cap is for a server that never ends. */
const MESSAGES_LIMIT = 1_000;

/** Startup parameters that only the connection decides. */
const RESERVED: readonly string[] = ['user', 'database', 'replication', 'options'];

/** Logs in and waits until the server is ready. Throws Failure. */
export const startSession = async (
  connection: Connection,
  channel: Channel,
  parameters: Readonly<Record<string, string>>,
  attempt: Attempt,
): Promise<StartedSession> => {
  const { socket } = channel;
  attempt.enter('authenticating');
  socket.write(startupMessage(connection, parameters));
  const logIn = startLogIn(connection, channel);
  const reported = new Map<string, string>();
  let key: BackendKeyData | undefined;
  let authenticated = false;
  for (let count = 0; count < MESSAGES_LIMIT; count += 1) {
    const message = await readMessage(socket);
    if (isAuthentication(message)) {
      if (authenticated) throw upstreamProtocolViolation(`The message ${message.type} came after the log-in.`);
      const reply = await logIn(message);
      if (reply !== undefined && reply.bytes.length > 0) socket.write(reply.bytes);
      authenticated = reply === undefined;
      if (authenticated) attempt.enter('starting the session');
      continue;
    }
    if (message.type === 'ErrorResponse') throw describeRefusal(message.fields);
    // We asked for 3.0 without extensions, so there is nothing to negotiate.
    if (message.type === 'NoticeResponse' || message.type === 'NegotiateProtocolVersion') continue;
    if (!authenticated) throw upstreamProtocolViolation(`The message ${message.type} came before the log-in.`);
    switch (message.type) {
      case 'ParameterStatus':
        reported.set(message.name, message.value);
        continue;
      case 'BackendKeyData':
        key = message;
        continue;
      case 'ReadyForQuery':
        return { parameters: reported, key };
      default:
        throw upstreamProtocolViolation(`The message ${message.type} came before the session was ready.`);
    }
  }
  throw upstreamProtocolViolation('The start of the session does not end.');
};

const startupMessage = (connection: Connection, parameters: Readonly<Record<string, string>>): Buffer => {
  for (const name of Object.keys(parameters)) {
    // INVARIANT: nothing that the agent sends decides who we are, where, or which settings `options` smuggles in.
    if (RESERVED.includes(name) || name.startsWith('_pq_.')) {
      throw startupOptionRefused(name, 'The DatabaseConnection decides it.');
    }
  }
  const all = { user: connection.username, database: connection.database, client_encoding: 'UTF8', ...parameters };
  return encodeStartupPacket({ type: 'StartupMessage', major: 3, minor: 0, parameters: new Map(Object.entries(all)) });
};

const isAuthentication = (message: BackendMessage): message is Authentication => message.type.startsWith('Authentication');

const readMessage = async (socket: Socket): Promise<BackendMessage> => {
  const head = await readExactly(socket, 5);
  const length = head.readInt32BE(1);
  if (length < 4 || length > MESSAGE_LIMIT) {
    throw upstreamUnreachable(
      'What answers at the address of the database does not speak its protocol.',
      'Ask the platform team to check spec.host and spec.port of the DatabaseConnection.',
    );
  }
  const body = length === 4 ? Buffer.alloc(0) : await readExactly(socket, length - 4);
  return decodeBackend(head.readUInt8(0), body, upstreamProtocolViolation);
};
