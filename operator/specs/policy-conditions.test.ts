import { describe, expect, it } from 'vitest';
import type { Finding } from './condition.ts';
import { type ParsedPolicy, parsedPolicy } from './parsed-policy.ts';
import { type AcceptedInput, policyAccepted } from './policy-accepted.ts';
import { type EnforcedInput, policyEnforced } from './policy-enforced.ts';
import type { DatabaseNames } from './policy-names.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const SPEC = { connectionRef: { name: 'shop', namespace: 'data' }, subjects: [{ pod: {} }] };
const CONNECTION = {
  metadata: { name: 'shop', namespace: 'data' },
  spec: { host: 'db', database: 'shop', credentials: { secretRef: { name: 's' } }, allowedNamespaces: {} },
};

const parse = (spec: object = {}, connection: typeof CONNECTION | null = CONNECTION): ParsedPolicy =>
  parsedPolicy({
    policy: { metadata: { name: 'reading', namespace: 'agents' }, spec: { ...SPEC, ...spec } as never },
    connection: connection ?? undefined,
    namespaceLabels: {},
    secrets: { values: new Map(), broken: new Set() },
  });

const NAMES: DatabaseNames = {
  relations: new Map(),
  functions: new Set(),
  otherRelations: [],
  otherFunctions: [],
  schemas: new Set(),
  extensions: [],
  settings: [],
  broken: new Map(),
};

const accepted = (changes: Partial<AcceptedInput>): readonly string[] => {
  const { status, reason, message } = policyAccepted({
    parsed: parse(),
    connectionExists: true,
    keptFromAgents: undefined,
    names: NAMES,
    notAsked: 'Nobody asked.',
    unreadSecrets: [],
    now: NOW,
    ...changes,
  });
  return [status, reason, message];
};

describe('policyAccepted()', () => {
  it.each<[Partial<AcceptedInput>, readonly string[]]>([
    [{}, ['True', 'Accepted', 'The database has what the policy names.']],
    [{ names: undefined }, ['True', 'DatabaseNotAsked', 'The policy is well formed. Nobody asked.']],
    [
      { parsed: parse({ mode: 'Enfore' }) },
      ['False', 'Invalid', 'spec.mode: "Enfore" is not one of Enforce, Audit. Did you mean "Enforce"?'],
    ],
    [
      { parsed: parse({}, null), connectionExists: false },
      [
        'False',
        'ConnectionNotFound',
        'spec.connectionRef.name: DatabaseConnection "data/shop" does not exist. Add a DatabaseConnection of this name.',
      ],
    ],
    [{ keptFromAgents: 'No agent is given it.', names: undefined }, ['False', 'ServerNotVerified', 'No agent is given it.']],
    [
      { parsed: parse({ validity: { notAfter: '2026-05-31T00:00:00Z' } }) },
      [
        'False',
        'Expired',
        'The policy ended at 2026-05-31T00:00:00.000Z. Set spec.validity.notAfter to a later time, or delete the policy.',
      ],
    ],
    [
      { unreadSecrets: ['masking'] },
      ['Unknown', 'SecretNotRead', 'The operator may not read Secret "masking", or the API server did not answer.'],
    ],
    [
      { parsed: parse({ extensions: ['pgcrypto'], functions: [{ name: 'public.f' }] }) },
      [
        'False',
        'FunctionNotFound',
        'Function public.f does not exist. Correct the name, or create it. Extension "pgcrypto" is not installed in the database. Install it, or take it out of the policy.',
      ],
    ],
  ])('of %#', (changes, expected) => {
    expect(accepted(changes)).toEqual(expected);
  });

  it('tells of the first problems of many', () => {
    const extensions = Array.from({ length: 12 }, (_, index) => `extension_${index}`);
    expect(accepted({ parsed: parse({ extensions }) })[2]).toMatch(/And 4 more\.$/);
  });
});

const FINE: Finding<'Accepted'> = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' };

const enforced = (changes: Partial<EnforcedInput>): readonly string[] => {
  const { status, reason } = policyEnforced({
    accepted: FINE,
    notBefore: undefined,
    now: NOW,
    agents: 2,
    pods: 2,
    mode: 'Enforce',
    ...changes,
  });
  return [status, reason];
};

describe('policyEnforced()', () => {
  it.each<[Partial<EnforcedInput>, readonly string[]]>([
    [{}, ['True', 'InForce']],
    [{ pods: 1 }, ['False', 'NotYetEverywhere']],
    [{ agents: 0, pods: 0 }, ['True', 'NoAgents']],
    [{ pods: 3 }, ['True', 'InForce']],
    [{ notBefore: new Date('2026-07-01T00:00:00Z') }, ['False', 'NotYetValid']],
    [{ accepted: { ...FINE, status: 'False', reason: 'Expired' } }, ['False', 'Expired']],
    [{ accepted: { ...FINE, status: 'False', reason: 'Invalid' } }, ['False', 'NotAccepted']],
    // The rest of it is in force all the same.
    [{ accepted: { ...FINE, status: 'False', reason: 'RelationNotFound' } }, ['True', 'InForce']],
  ])('of %#', (changes, expected) => {
    expect(enforced(changes)).toEqual(expected);
  });
});
