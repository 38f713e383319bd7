/**
 * What the Secrets of a connection hold, or what is missing in them.
 */
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';
import { connectionOf } from '../../kernel/manifest/connection.ts';
import { fieldText } from '../../kernel/manifest/field-path.ts';
import type { Fault } from '../../kernel/manifest/problem.ts';
import type { Connection } from '../../kernel/policy.ts';
import type { Finding } from './condition.ts';

/** What asking for a Secret came to. */
export type SecretAnswer =
  | { readonly type: 'Found'; readonly values: ReadonlyMap<string, Uint8Array> }
  | { readonly type: 'Missing' }
  | { readonly type: 'Forbidden' }
  /** The API server did not answer, or not so. */
  | { readonly type: 'Failed' };

/** Reason of `Unknown` where the API server did not answer. */
export const NOT_READ = 'NotRead';

export type SourceCredentials = {
  readonly finding: Finding<'CredentialsAvailable'>;
  /**
   * Complete: what to log in with. Incomplete: it is known that there is nothing. Unknown: nobody could say, and what was before goes on.
   */
  readonly credentials:
    | { readonly type: 'Complete'; readonly connection: Connection }
    | { readonly type: 'Incomplete' }
    | { readonly type: 'Unknown' };
};

type Named = { readonly metadata: { readonly name: string; readonly namespace: string }; readonly spec: DatabaseConnection['spec'] };

/** Names of the Secrets that a connection needs, each once. */
export const sourceSecretNames = ({ credentials, tls }: DatabaseConnection['spec']): readonly string[] => [
  ...new Set([credentials.secretRef.name, ...(tls.caSecretRef === undefined ? [] : [tls.caSecretRef.name])]),
];

const keysOf = ({ credentials, tls }: DatabaseConnection['spec'], name: string): readonly string[] => [
  ...(credentials.secretRef.name === name ? [credentials.secretRef.usernameKey, credentials.secretRef.passwordKey] : []),
  ...(tls.caSecretRef?.name === name ? [tls.caSecretRef.key] : []),
];

const incomplete = (status: 'False' | 'Unknown', reason: string, message: string): SourceCredentials => ({
  finding: { type: 'CredentialsAvailable', status, reason, message },
  credentials: { type: status === 'False' ? 'Incomplete' : 'Unknown' },
});

const sentence = ({ path, message, remedy }: Fault): string => `${fieldText(path)}: ${message}. ${remedy}`;

/** Judges what the Secrets hold. `answers` by name, for each of `sourceSecretNames`. */
export const sourceCredentials = ({ metadata, spec }: Named, answers: ReadonlyMap<string, SecretAnswer>): SourceCredentials => {
  const { namespace, name: connectionName } = metadata;
  for (const name of sourceSecretNames(spec)) {
    const answer = answers.get(name) ?? { type: 'Failed' };
    const secret = `Secret "${namespace}/${name}"`;
    switch (answer.type) {
      case 'Found':
        break;
      case 'Missing': {
        const keys = keysOf(spec, name).map((key) => `"${key}"`);
        return incomplete('False', 'SecretNotFound', `${secret} does not exist. Create it with ${keys.join(' and ')}.`);
      }
      case 'Forbidden':
        return incomplete('Unknown', 'Forbidden', `The operator may not read ${secret}. Let its service account "get" Secrets there.`);
      case 'Failed':
        return incomplete('Unknown', NOT_READ, `${secret} could not be read; it is asked for again.`);
      default:
        answer satisfies never;
    }
  }
  const values = new Map(
    [...answers].flatMap(([name, answer]) => (answer.type === 'Found' ? [[`${namespace}/${name}`, answer.values] as const] : [])),
  );
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const key = `${namespace}/${connectionName}`;
  const building = {
    namespace,
    secrets: { values, broken: new Set<string>() },
    agent: undefined,
    fault: (fault: Fault) => faults.push(fault),
    warn: (fault: Fault) => warnings.push(fault),
  };
  const document = { file: key, number: 1, value: undefined, lineOf: () => 1 };
  const value = { apiVersion: '', kind: 'DatabaseConnection', metadata, spec };
  const connection = connectionOf(building, { document, key, namespace, value });
  if (connection === undefined || faults.length > 0) {
    return incomplete('False', 'SecretIncomplete', faults.map(sentence).join(' '));
  }
  const names = sourceSecretNames(spec).map((name) => `"${namespace}/${name}"`);
  const complete = `Secret ${names.join(' and ')} holds what is needed.`;
  return {
    finding: {
      type: 'CredentialsAvailable',
      status: 'True',
      reason: warnings.length === 0 ? 'Complete' : 'CompleteWithWarning',
      message: [complete, ...warnings.map(sentence)].join(' '),
    },
    credentials: { type: 'Complete', connection },
  };
};
