/**
 * What `spec.tls` of a DatabaseConnection means for Node's TLS client.
 */
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Connection } from '../../kernel/policy.ts';

/** TLS options, and whether they establish who the server is (and not only that nobody listens in). */
export type UpstreamTls = { readonly tls: ConnectionOptions; readonly verified: boolean };

/** A host that is a path is a folder with a Unix socket in it, as for libpq. */
export const isUnixSocket = (connection: Connection): boolean => connection.host.startsWith('/');

/** Undefined: no TLS. A Unix socket never has any (libpq: "sslmode is ignored for Unix domain socket communication"). */
export const tlsOptionsOf = (connection: Connection): UpstreamTls | undefined => {
  const { mode, ca } = connection.tls;
  if (mode === 'Disable' || isUnixSocket(connection)) return undefined;
  const common: ConnectionOptions = {
    secureContext: secureContextOf(ca),
    ALPNProtocols: ['postgresql'],
    // A server name must not be an address (RFC 6066, section 3).
    ...(isIP(connection.host) === 0 ? { servername: connection.host } : {}),
  };
  switch (mode) {
    case 'Require':
      return { tls: { ...common, rejectUnauthorized: false }, verified: false };
    case 'VerifyCA':
      // Any name will do: that identifies the server only where the authority signs for nobody else, which the public ones do.
      return { tls: { ...common, rejectUnauthorized: true, checkServerIdentity: () => undefined }, verified: ca !== undefined };
    case 'VerifyFull':
      return {
        tls: {
          ...common,
          rejectUnauthorized: true,
          checkServerIdentity: (_name, certificate) => checkServerIdentity(connection.host, certificate),
        },
        verified: true,
      };
    default:
      return mode satisfies never;
  }
};

const contexts = new Map<string, SecureContext>();

/** Loading authorities costs milliseconds, and there are few sets of them: the last ones are kept. */
const secureContextOf = (ca: string | undefined): SecureContext => {
  const key = ca ?? '';
  const context = contexts.get(key) ?? createSecureContext({ ca: ca ?? systemAuthorities(), minVersion: 'TLSv1.2' });
  if (contexts.size >= 16) contexts.clear();
  contexts.set(key, context);
  return context;
};

/** The machine's own authorities, and Node's where an image has none. */
const systemAuthorities = (): string[] => [...new Set([...getCACertificates('system'), ...getCACertificates('default')])];
