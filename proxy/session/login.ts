import { type Failure, protocolUnsupported, protocolViolation } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import { ClientFrames } from '../wire/client-frames.ts';
import { FRONTEND } from '../wire/message-type.ts';
import { encodeNegotiateProtocolVersion } from '../wire/server-status.ts';
import type { Authenticator } from './dependencies.ts';
import type { Arrival } from './startup-door.ts';
import type { StartupRequest } from './startup-options.ts';

/** The newest minor version of protocol 3 that there is (PostgreSQL 18). */
const LATEST_MINOR = 2;

/** `PG_MAX_AUTH_TOKEN_LENGTH` of `src/include/libpq/auth.h`: nobody unknown makes us hold more. */
const MAX_TOKEN_LENGTH = 65_535;

/**
 * Agrees on a minor version. What the client asks beyond 3.2 is told to be unknown, as libpq 19 expects: it asks for 3.9999 on
 * purpose. Throws `Failure` for another major version.
 */
export const negotiateVersion = ({ startup, socket }: Arrival, request: Pick<StartupRequest, 'unknownExtensions'>): number => {
  const minor = Math.min(startup.minor, LATEST_MINOR);
  if (startup.minor > LATEST_MINOR || request.unknownExtensions.length > 0) {
    socket.write(encodeNegotiateProtocolVersion({ minor, unknownParameters: request.unknownExtensions }));
  }
  return minor;
};

/** Throws `Failure` where the packet is not of protocol 3. */
export const checkMajor = ({ startup }: Arrival): void => {
  if (startup.major !== 3) {
    throw protocolUnsupported(startup.major, startup.minor);
  }
};

/** Leads the client through authentication; undefined: it went away. Throws `Failure`. */
export const logIn = async ({ socket, reader }: Arrival, authenticator: Authenticator): Promise<Identity | undefined> => {
  const frames = new ClientFrames(MAX_TOKEN_LENGTH, reader.queue);
  let step = authenticator.start();
  for (;;) {
    for (const message of step.messages) {
      socket.write(message);
    }
    if (step.type === 'Done') {
      return step.identity;
    }
    let frame = frames.next();
    while (frame === undefined) {
      if (!(await reader.more())) {
        return undefined;
      }
      frame = frames.next();
    }
    if (frame.type !== FRONTEND.password) {
      throw unexpectedMessage(frame.type);
    }
    step = await authenticator.respond(frame.body);
  }
};

const unexpectedMessage = (type: number): Failure => protocolViolation(`expected SASL response, got message type ${type}`);
