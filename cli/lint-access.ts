/** Checks of who may come in, until when, and with what power: agents, validity, functions, extensions, the database role. */
import { nearestName } from '../kernel/manifest/nearest-name.ts';
import { READY_EXTENSIONS, readyExtension } from '../proxy/catalog/builtin/extensions.ts';
import { functionClass, refusedFunctionDetail } from '../proxy/catalog/builtin/functions.ts';
import { type Check, type Finding, inConnection, inPolicy } from './lint-finding.ts';

/** Agents that no policy gives a password. */
export const agentsWithoutPassword: Check = ({ bundle }) => {
  const known = new Set(
    bundle.policies.flatMap(({ agents }) => agents.filter(({ password }) => password !== undefined).map(({ agent }) => agent)),
  );
  const told = new Set<string>();
  return bundle.policies.flatMap((policy) =>
    policy.agents.flatMap(({ agent }): Finding[] => {
      if (known.has(agent) || told.has(agent)) return [];
      told.add(agent);
      return [
        inPolicy('agent-without-password', policy, {
          severity: 'Warning',
          path: ['spec', 'subjects'],
          message: `agent "${agent}" has no password in any policy, and cannot log in`,
          remedy: 'Name one by passwordSecretRef, unless the proxy is started with this agent as its --identity.',
        }),
      ];
    }),
  );
};

/** Policies that have ended. */
export const endedPolicies: Check = ({ bundle, now }) =>
  bundle.policies
    .filter(({ notAfter }) => notAfter !== undefined && notAfter.getTime() <= now)
    .map((policy) =>
      inPolicy('ended-policy', policy, {
        severity: 'Warning',
        path: ['spec', 'validity', 'notAfter'],
        message: `the policy ended at ${policy.notAfter?.toISOString() ?? ''}, and grants nothing any more`,
        remedy: 'Remove it, or move the end.',
      }),
    );

/** Functions that reach more than the rows of a statement, and functions that are not there. */
export const grantedFunctions: Check = ({ bundle, databases }) =>
  bundle.policies.flatMap((policy) =>
    policy.functions.flatMap(({ schema, name }, index): Finding[] => {
      const path = ['spec', 'functions', index, 'name'];
      const catalog = databases.get(policy.connection)?.catalog;
      const builtin = schema === 'pg_catalog';
      if (catalog !== undefined) {
        const there = builtin ? catalog.builtinFunctions.has(name) : catalog.functions.get(name)?.some((each) => each.schema === schema);
        if (there !== true && schema !== 'information_schema') {
          const own = [...catalog.functions.values()].flat().map((each) => `${each.schema}.${each.name}`);
          const all = builtin ? [...catalog.builtinFunctions].map((each) => `pg_catalog.${each}`) : own;
          const nearest = nearestName(`${schema}.${name}`, all);
          const message = `function ${schema}.${name} does not exist in database "${catalog.database}"`;
          const remedy = nearest === undefined ? 'Correct the name, or remove it.' : `Did you mean "${nearest}"?`;
          return [inPolicy('unknown-function', policy, { severity: 'Error', path, message, remedy })];
        }
      }
      const known = functionClass(schema, name);
      if (known === 'harmless') {
        const message = `function ${schema}.${name} is allowed without being granted`;
        return [inPolicy('needless-function', policy, { severity: 'Warning', path, message, remedy: 'Remove it.' })];
      }
      if (known !== undefined && known !== 'judged') {
        const message = `function ${schema}.${name} is granted, and with it more than its result (class ${known})`;
        const remedy = `${refusedFunctionDetail(known)} It passes masks and filters: remove it unless that is meant.`;
        return [inPolicy('powerful-function', policy, { severity: 'Warning', path, message, remedy })];
      }
      const extension = catalog?.functions.get(name)?.find((each) => each.schema === schema)?.extension;
      if (extension !== undefined && readyExtension(extension)?.refused.includes(name) === true) {
        const message = `function ${schema}.${name} of extension "${extension}" reaches more than the rows of a statement`;
        const remedy = 'It passes masks and filters: remove it unless that is meant.';
        return [inPolicy('powerful-function', policy, { severity: 'Warning', path, message, remedy })];
      }
      return [];
    }),
  );

/** Extensions that were not reviewed: naming them grants nothing. */
export const unreviewedExtensions: Check = ({ bundle }) =>
  bundle.policies.flatMap((policy) =>
    policy.extensions.flatMap((name, index): Finding[] => {
      if (readyExtension(name) !== undefined) return [];
      const nearest = nearestName(name, READY_EXTENSIONS);
      const message = `extension "${name}" is not one of those that were reviewed, and is not allowed by naming it`;
      const remedy = `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}Name the functions that are needed in spec.functions.`;
      return [inPolicy('unreviewed-extension', policy, { severity: 'Error', path: ['spec', 'extensions', index], message, remedy })];
    }),
  );

/** A database role with more power than reading and writing. */
export const powerfulRole: Check = ({ bundle, databases }) =>
  [...bundle.connections.values()].flatMap((connection): Finding[] => {
    const role = databases.get(connection.key)?.role;
    if (role === undefined || role.powers.length === 0) return [];
    const message = `database role "${role.name}" has ${role.powers.join(', ')}`;
    const remedy = 'Use a role with nothing but the privileges that agents need: it is what remains if a rule here is wrong.';
    return [inConnection('powerful-role', connection, { severity: 'Warning', path: ['spec', 'credentials'], message, remedy })];
  });
