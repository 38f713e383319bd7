/**
 * Opens the way to the server: TCP or a Unix socket, and TLS on top as the connection demands.
 */
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { upstreamUnreachable } from '../../kernel/failure.ts';
import type { Connection } from '../../kernel/policy.ts';
import { certificateHash } from '../identity/certificate-hash.ts';
import { encodeStartupPacket } from '../wire/startup-packet.ts';
import type { Attempt } from './attempt.ts';
import { readExactly } from './read-exactly.ts';
import { isUnixSocket, tlsOptionsOf } from './tls-options.ts';

/** A connection on which nothing of the protocol has been said, except for TLS. */
export type Channel = {
  readonly socket: Socket;
  /** Under TLS: whether somebody vouches for who is at the other end, and what to bind a log-in to. */
  readonly tls: { readonly verified: boolean; readonly certificateHash: Buffer | undefined } | undefined;
  /** Where the server really is, so that a cancel request finds the same one behind a name of several. */
  readonly address: string | undefined;
};

/** Seconds of silence before the kernel asks whether the server is still there. */
const KEEPALIVE_MS = 30_000;

/** Connects; `address` takes the place of the connection's host name, whose certificate is expected all the same. */
export const dial = async (connection: Connection, attempt: Attempt, address?: string): Promise<Channel> => {
  attempt.enter('connecting');
  const socket = attempt.adopt(
    isUnixSocket(connection)
      ? connectSocket({ path: `${connection.host}/.s.PGSQL.${connection.port}` })
      : connectSocket({
          host: address ?? connection.host,
          port: connection.port,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: KEEPALIVE_MS,
        }),
  );
  await once(socket, 'connect');
  const options = tlsOptionsOf(connection);
  const reached = isUnixSocket(connection) ? undefined : socket.remoteAddress;
  if (options === undefined) return { socket, tls: undefined, address: reached };

  attempt.enter('negotiating TLS');
  await requestTls(socket);
  const secured = attempt.adopt(connectTls({ ...options.tls, socket }));
  await once(secured, 'secureConnect');
  return { socket: secured, tls: { verified: options.verified, certificateHash: hashOf(secured) }, address: reached };
};

/** SSLRequest: one byte answers it, `S` for yes. */
const requestTls = async (socket: Socket): Promise<void> => {
  socket.write(encodeStartupPacket({ type: 'SSLRequest' }));
  const answer = (await readExactly(socket, 1)).toString('latin1');
  if (answer === 'N') {
    throw upstreamUnreachable(
      'The database does not offer TLS, and the DatabaseConnection demands it.',
      // Not to do without: whoever leads the connection elsewhere wants to hear just that.
      'Ask the platform team to switch TLS on in the database, and to see that spec.host of the DatabaseConnection leads to it.',
    );
  }
  // Its text came from nobody that we have verified, so it is not even read (CVE-2024-10977).
  if (answer === 'E') throw upstreamUnreachable('The database answered the request for TLS with an error.');
  if (answer !== 'S') {
    throw upstreamUnreachable('What answers at the address of the database does not speak its protocol.', CHECK_ADDRESS);
  }
  // INVARIANT: bytes before the handshake were not sent by whom we are about to verify (CVE-2021-23222).
  if (socket.readableLength > 0) {
    throw upstreamUnreachable(
      'Unencrypted bytes arrived where the TLS handshake was expected.',
      'Somebody may be changing the connection to the database.',
    );
  }
};

const CHECK_ADDRESS = 'Ask the platform team to check spec.host and spec.port of the DatabaseConnection.';

const hashOf = (socket: TLSSocket): Buffer | undefined => {
  const der = socket.getPeerX509Certificate()?.raw;
  return der === undefined ? undefined : certificateHash(der);
};
