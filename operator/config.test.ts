import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from './config-fields.ts';
import { parseOperatorConfig } from './config.ts';

const GIVEN = {
  namespace: 'pg-airlock',
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    uid: 64_000,
    resources: { requests: { cpu: 1, memory: '64Mi' } },
    staleAfter: 300,
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  control: { listen: '0.0.0.0:8444', url: 'https://pg-airlock-control.pg-airlock.svc:8444' },
  admission: { listen: '[::]:8443', mutatingConfiguration: 'pg-airlock', validatingConfiguration: 'pg-airlock' },
  certificates: { source: 'SelfManaged', secret: 'pg-airlock-certificates', dnsNames: ['pg-airlock-webhook.pg-airlock.svc'] },
  metrics: { listen: '0.0.0.0:9633' },
  leaderElection: { lease: 'pg-airlock-operator' },
  logLevel: 'info',
};

/** The configuration with one value replaced, or taken out. */
const withValue = (path: string, value: unknown): string => {
  const copy: Record<string, unknown> = structuredClone(GIVEN);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let around = copy;
  for (const step of steps) around = around[step] as Record<string, unknown>;
  if (value === undefined) delete around[last];
  else around[last] = value;
  return stringify(copy);
};

const problemOf = (yaml: string): string => {
  try {
    parseOperatorConfig(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'nothing is wrong';
};

describe('parseOperatorConfig()', () => {
  it('reads what the chart writes', () => {
    expect(parseOperatorConfig(stringify(GIVEN))).toEqual({
      ...GIVEN,
      connections: { allowUnverifiedServers: false },
      sidecar: { ...GIVEN.sidecar, resources: { requests: { cpu: '1', memory: '64Mi' } } },
      control: { ...GIVEN.control, listen: { host: '0.0.0.0', port: 8444 } },
      admission: { ...GIVEN.admission, listen: { host: '::', port: 8443 } },
      metrics: { listen: { host: '0.0.0.0', port: 9633 } },
    });
  });

  it('reads certificates from files, and webhook configurations that are not ours', () => {
    const certificates = { source: 'Files', directory: '/etc/pg-airlock/certificates' };
    expect(parseOperatorConfig(withValue('certificates', certificates)).certificates).toEqual(certificates);
    expect(parseOperatorConfig(withValue('admission.mutatingConfiguration', '')).admission.mutatingConfiguration).toBe('');
  });

  it('lets servers go unverified only when told', () => {
    const connections = { allowUnverifiedServers: true };
    expect(parseOperatorConfig(withValue('connections', connections)).connections).toEqual(connections);
  });

  it.each([
    ['colour', 'red', 'colour is not known'],
    ['sidecar.imagePulPolicy', 'Always', 'sidecar.imagePulPolicy is not known: did you mean imagePullPolicy?'],
    ['sidecar.env', { NODE_OPTIONS: '--inspect' }, 'sidecar.env is not known'],
    ['sidecar.image', undefined, 'sidecar.image takes the name of an image, not nothing'],
    ['sidecar.imagePullPolicy', 'Sometimes', 'sidecar.imagePullPolicy is one of Always, IfNotPresent, Never, not "Sometimes"'],
    ['sidecar.uid', 0, 'sidecar.uid takes a whole number from 1 to 2147483647, not 0'],
    ['sidecar.resources.limits', { memory: 'much' }, 'sidecar.resources.limits.memory takes a quantity such as 100m or 64Mi, not "much"'],
    ['sidecar.auditSizeLimit', '1500m', 'sidecar.auditSizeLimit takes a size of at least 16Mi, such as 1Gi'],
    ['sidecar.auditSizeLimit', '1Mi', 'sidecar.auditSizeLimit takes a size of at least 16Mi, such as 1Gi'],
    ['sidecar.staleAfter', '300', 'sidecar.staleAfter takes a whole number from 1 to 604800, not "300"'],
    ['connections', { allowUnverifiedServers: 'yes' }, 'connections.allowUnverifiedServers is true or false, not "yes"'],
    ['connections', {}, 'connections.allowUnverifiedServers is true or false, not nothing'],
    ['control.listen', '8444', 'control.listen takes HOST:PORT, not "8444"'],
    ['control.listen', '0.0.0.0:99999', 'control.listen takes HOST:PORT, not "0.0.0.0:99999"'],
    ['control.url', 'http://control:8444', 'control.url takes https://HOST:PORT, not "http://control:8444"'],
    ['control.url', 'https://user:word@control/', 'control.url takes https://HOST:PORT, not "https://user:word@control/"'],
    ['certificates', { source: 'Files' }, 'certificates.directory takes the path of a folder, not nothing'],
    ['certificates.source', 'CertManager', 'certificates.source is one of SelfManaged, Files, not "CertManager"'],
    ['certificates.dnsNames', 'a', 'certificates.dnsNames takes a list, not "a"'],
    ['excludedNamespaces', [1], 'excludedNamespaces[0] takes a name in lower case, not 1'],
    ['metrics', [], 'metrics takes fields, not []'],
    ['logLevel', 'loud', 'logLevel is one of trace, debug, info, warn, error, fatal, not "loud"'],
  ])('refuses %s: %j', (path, value, problem) => {
    expect(problemOf(withValue(path, value))).toBe(problem);
  });

  it.each([
    ['', 'it takes fields, not null'],
    ['- 1', 'it takes fields, not [1]'],
    ['a: [', 'it is no YAML of one document: line 1: BAD_INDENT'],
    ['a: 1\na: 2', 'it is no YAML of one document: line 2: DUPLICATE_KEY'],
    ['a: 1\n---\na: 2', 'it is no YAML of one document: line 2: MULTIPLE_DOCS'],
  ])('refuses what is no mapping: %j', (yaml, problem) => {
    expect(problemOf(yaml)).toBe(problem);
  });
});
