/**
 * What controllers have found and others of them build upon. In memory: a new leader finds it again.
 */
import { createHash } from 'node:crypto';
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';
import type { AccessPolicy } from '../../kernel/policy.ts';
import type { Finding } from '../specs/condition.ts';
import { type DatabaseNames, wantedNames } from '../specs/policy-names.ts';
import type { ReachOutcome } from '../specs/reachable.ts';
import type { SourceCredentials } from '../specs/source-credentials.ts';

export type KnownSource = SourceCredentials & {
  /** Digest of where the database is and what opens it. */
  readonly target: string;
};

export type KnownDatabase = {
  /** Of the source that was tried. */
  readonly target: string;
  /** Digest of what the policies named. */
  readonly wanted: string;
  readonly outcome: ReachOutcome;
  readonly leastPrivilege: Finding<'LeastPrivilege'> | undefined;
  readonly names: DatabaseNames | undefined;
  /** What each policy named that was asked about, by its `namespace/name`. */
  readonly covers: ReadonlyMap<string, string>;
  /** Monotonic: not before. */
  readonly nextAt: number;
  /** One after the other. */
  readonly failures: number;
};

/** By `namespace/name` of the connection. */
export type Ledger = {
  readonly sources: Map<string, KnownSource>;
  readonly databases: Map<string, KnownDatabase>;
};

export const createLedger = (): Ledger => ({ sources: new Map(), databases: new Map() });

/** Digest of values, with bytes in hex; nothing of a password shows in it. */
export const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(value, (_key, inner: unknown) => {
        if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
        return inner instanceof Set ? [...inner] : inner;
      }),
    )
    .digest('hex');

/** Digest of what a policy names. */
export const namedBy = (policy: AccessPolicy): string => digestOf([wantedNames([policy]), policy.rules]);

/** Digest of a connection with its credentials. */
export const targetOf = ({ host, port, database, tls }: DatabaseConnection['spec'], source: SourceCredentials): string =>
  digestOf([host, port, database, tls, source.credentials]);
