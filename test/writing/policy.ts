/**
 * The agents' policy as manifests.
 */
import { PROFILES, type Profile, TABLES, type WorldColumn, type WorldTable } from './world.ts';

const API = 'pg-airlock.dev/v1alpha1';

const names = (columns: readonly WorldColumn[]): readonly string[] => columns.map(({ name }) => name);

const grantOf = ({ name, columns, where, delete: deletes }: WorldTable, { masks }: Profile): unknown => {
  const list = (right: 'insert' | 'update'): unknown => {
    const granted = names(columns.filter((column) => column[right]));
    return granted.length > 0 && { [right]: { columns: granted } };
  };
  const clear = names(columns.filter(({ read }) => read === true));
  const masked = names(columns.filter(({ read }) => read === 'masked' && masks));
  const select = clear.length > 0 && {
    select: {
      columns: clear,
      ...(masked.length > 0 && { masks: masked.map((column) => ({ column, mask: { type: 'Redact' } })) }),
    },
  };
  const parts = [select, list('insert'), list('update'), deletes && { delete: {} }].filter((part) => part !== false);
  return parts.length === 0
    ? undefined
    : Object.assign({ name: `public.${name}`, ...(where !== undefined && { where }) }, ...(parts as object[]));
};

/** Manifests by file name: one connection and one policy for each agent, to the same database. */
export const policyFiles = (port: number): Record<string, unknown> => {
  const files: Record<string, unknown> = {
    'agent-secret.json': { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'agent' }, stringData: { password: 'agent password' } },
  };
  for (const profile of PROFILES) {
    const { agent: name, upstream } = profile;
    files[`${name}-secret.json`] = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData: { username: upstream, password: upstream },
    };
    files[`${name}-connection.json`] = {
      apiVersion: API,
      kind: 'DatabaseConnection',
      metadata: { name },
      spec: {
        host: '127.0.0.1',
        port,
        database: 'subject',
        tls: { mode: 'Disable' },
        credentials: { secretRef: { name } },
        audit: { durability: 'Write' },
      },
    };
    files[`${name}-policy.json`] = {
      apiVersion: API,
      kind: 'DatabaseAccessPolicy',
      metadata: { name },
      spec: {
        connectionRef: { name },
        subjects: [{ agent: { name, passwordSecretRef: { name: 'agent' } } }],
        // Random statements violate constraints all the time.
        limits: { probesPerSession: 1_000_000, probesPerHour: 1_000_000 },
        relations: TABLES.map((table) => grantOf(table, profile)).filter((grant) => grant !== undefined),
      },
    };
  }
  return files;
};
