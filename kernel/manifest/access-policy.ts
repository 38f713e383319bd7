/**
 * A DatabaseAccessPolicy as the proxy decides with it.
 */
import type { AccessPolicy, PasswordSubject } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import { limitsOf } from './amounts.ts';
import { repeated } from './list-uniqueness.ts';
import { uniqueNames } from './names.ts';
import { relationGrants } from './relation-grant.ts';
import type { Building, Resource } from './resource.ts';
import { rulesOf } from './rules.ts';
import { secretPassword } from './secret-value.ts';

type SubjectDocument = DatabaseAccessPolicy['spec']['subjects'][number];

const IN_CLUSTER = ['pod', 'serviceAccount', 'token'] as const;

/** `namespace/name` of the connection that a policy is about. */
export const connectionKey = ({ namespace, value }: Resource<DatabaseAccessPolicy>): string =>
  `${value.spec.connectionRef.namespace ?? namespace}/${value.spec.connectionRef.name}`;

const agentsOf = (building: Building, subjects: readonly SubjectDocument[]): readonly PasswordSubject[] => {
  if (building.agent !== undefined) return [{ agent: building.agent, password: undefined }];
  const agents = subjects.flatMap((subject, index) => {
    const path = ['spec', 'subjects', index];
    const elsewhere = IN_CLUSTER.filter((kind) => subject[kind] !== undefined);
    if (elsewhere.length > 0) {
      building.warn({
        path,
        message: `matches nobody outside a cluster, for it asks for ${elsewhere.join(' and ')}`,
        remedy: 'Here only a subject of agent alone matches.',
      });
    }
    const { agent } = subject;
    if (agent === undefined) return [];
    const reference = agent.passwordSecretRef;
    const password = reference && secretPassword(building, reference, [...path, 'agent', 'passwordSecretRef']);
    return elsewhere.length > 0 ? [] : [{ index, agent: agent.name, password }];
  });
  for (const { index } of repeated(agents, ({ agent }) => agent)) {
    const again = agents[index];
    if (again === undefined) continue;
    building.fault({
      path: ['spec', 'subjects', again.index, 'agent', 'name'],
      message: `agent "${again.agent}" stands twice in subjects`,
      remedy: 'Remove one of them.',
    });
  }
  return agents.map(({ agent, password }) => ({ agent, password }));
};

const instant = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

/** Makes the policy; what is wrong goes to `building`. */
export const accessPolicy = (building: Building, resource: Resource<DatabaseAccessPolicy>): AccessPolicy => {
  const { spec } = resource.value;
  const functions = (spec.functions ?? []).map(({ name }, index) => ({ text: name, path: ['spec', 'functions', index, 'name'] }));
  return {
    key: resource.key,
    connection: connectionKey(resource),
    mode: spec.mode,
    agents: agentsOf(building, spec.subjects),
    notBefore: instant(spec.validity?.notBefore),
    notAfter: instant(spec.validity?.notAfter),
    relations: relationGrants(building, spec.relations ?? [], ['spec', 'relations']),
    functions: uniqueNames(building, functions).flatMap((name) => name ?? []),
    extensions: spec.extensions ?? [],
    settings: spec.settings ?? [],
    rules: rulesOf(building, spec.rules ?? [], ['spec', 'rules']),
    detect: spec.detect ?? [],
    limits: limitsOf(building, spec.limits, ['spec', 'limits']),
    notices: spec.notices,
  };
};
