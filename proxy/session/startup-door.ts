import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { protocolViolation, tlsRequired } from '../../kernel/failure.ts';
import { type StartupPacket, takeStartupPacket } from '../wire/startup-packet.ts';
import type { CancelKey } from './cancel-registry.ts';
import { SocketReader } from './socket-reader.ts';

/** How the client's side of the door is set up. */
export type DoorOptions = {
  readonly tls: { readonly context: SecureContext; readonly required: boolean } | undefined;
  readonly cancel: (key: CancelKey) => Promise<void>;
};

export type StartupMessage = Extract<StartupPacket, { type: 'StartupMessage' }>;

/** A client that wants a session. What it sent behind the startup message is in the reader's queue. */
export type Arrival = {
  readonly socket: Socket;
  readonly reader: SocketReader;
  readonly encrypted: boolean;
  readonly startup: StartupMessage;
};

/** First byte of a TLS handshake record: no startup packet begins with it. */
const TLS_HANDSHAKE = 0x16;

/** ALPN name of PostgreSQL's protocol, which direct TLS has to offer (protocol chapter "SSL Session Encryption"). */
const ALPN = 'postgresql';

const YES = Buffer.from('S');
const NO = Buffer.from('N');

/**
 * Answers what comes before the startup message, and returns the client that wants a session; undefined: it wanted to cancel, or went.
 * `onSocket` is told of the socket that answers go to. Throws `Failure`.
 */
export const openDoor = async (socket: Socket, options: DoorOptions, onSocket: (socket: Socket) => void): Promise<Arrival | undefined> => {
  let reader = new SocketReader(socket);
  let current = socket;
  const asked = new Set<StartupPacket['type']>();
  const encrypt = async (): Promise<TLSSocket | undefined> => {
    const secured = await startTls(socket, reader, options);
    if (secured !== undefined) {
      current = secured;
      reader = new SocketReader(secured);
      onSocket(secured);
    }
    return secured;
  };
  for (;;) {
    const direct = current === socket && asked.size === 0 && reader.queue.length > 0 && reader.queue.uint8(0) === TLS_HANDSHAKE;
    if (direct && options.tls !== undefined) {
      const secured = await encrypt();
      if (secured === undefined || secured.alpnProtocol !== ALPN) {
        // As PostgreSQL: without ALPN it is another protocol that has strayed here, which no answer of ours would help.
        current.destroy();
        return undefined;
      }
      continue;
    }
    const packet = takeStartupPacket(reader.queue);
    if (packet === undefined) {
      if (!(await reader.more())) {
        return undefined;
      }
      continue;
    }
    if (asked.has(packet.type)) {
      throw protocolViolation(`unexpected ${packet.type}: it was answered before`);
    }
    asked.add(packet.type);
    switch (packet.type) {
      case 'SSLRequest':
        if (options.tls === undefined || current !== socket) {
          current.write(NO);
          break;
        }
        // INVARIANT: what came in clear behind the request is somebody else's, and must not be read as if it were encrypted (CVE-2021-23214).
        if (reader.queue.length > 0) {
          throw protocolViolation('received unencrypted data after SSL request', 'This could be an attack from between client and server.');
        }
        socket.write(YES);
        if ((await encrypt()) === undefined) {
          return undefined;
        }
        break;
      case 'GSSENCRequest':
        current.write(NO);
        break;
      case 'CancelRequest':
        // The client may go on only when its cancel is on the way, or it would hit a later statement: it waits for us to close.
        await options.cancel(packet);
        current.end();
        return undefined;
      case 'StartupMessage':
        if (options.tls?.required === true && current === socket) {
          throw tlsRequired();
        }
        return { socket: current, reader, encrypted: current !== socket, startup: packet };
      default:
        packet satisfies never;
    }
  }
};

/** The server's side of a TLS handshake; undefined: it failed, and the socket is closed. */
const startTls = (socket: Socket, reader: SocketReader, options: DoorOptions): Promise<TLSSocket | undefined> => {
  reader.detach();
  if (reader.queue.length > 0) {
    socket.unshift(reader.queue.take(reader.queue.length).view());
  }
  const secured = new TLSSocket(socket, {
    isServer: true,
    ...(options.tls === undefined ? {} : { secureContext: options.tls.context }),
    ALPNProtocols: [ALPN],
  });
  return new Promise((resolve) => {
    secured.once('secure', () => resolve(secured));
    secured.once('close', () => resolve(undefined));
    // What went wrong is the client's to see; ours is to let go of the socket.
    secured.on('error', () => secured.destroy());
  });
};
