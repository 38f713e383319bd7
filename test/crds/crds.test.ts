/**
 * The CRDs on a real API server, held to the kernel's own parser: what one refuses the other refuses, and both fill in the same defaults.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crdSchemas, type CrdKind } from '../../kernel/generated/crd-schemas.ts';
import { problemText } from '../../kernel/manifest/problem.ts';
import { resourcesOf } from '../../kernel/manifest/resources.ts';
import type { StructuralSchema } from '../../kernel/manifest/structural-schema.ts';
import { yamlDocuments } from '../../kernel/manifest/yaml-documents.ts';
import { countOf, seedOf } from '../hunt/random.ts';
import { changed, changes, manifests } from '../support/changed-manifests.ts';
import { CONNECTION, INVALID, policy, SECRETS } from '../support/invalid-manifests.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { documentOf, PLANTED } from '../support/planted-faults.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const RUNS = countOf(process.env, 'CRDS', 400);
const SEED = seedOf(process.env, 'CRDS');
const PLURALS: Readonly<Record<CrdKind, string>> = {
  DatabaseConnection: 'databaseconnections',
  DatabaseAccessPolicy: 'databaseaccesspolicies',
};

type Manifest = {
  readonly apiVersion: string;
  readonly kind: CrdKind;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
};

const isOurs = (document: unknown): document is Manifest =>
  Object.hasOwn(crdSchemas, String((document as { kind?: unknown } | null)?.kind));

/** What one side says of a document: the spec with its defaults, or what is wrong with it. */
type Verdict = { readonly spec: unknown } | { readonly refused: string };

const kernelSays = (document: Manifest): Verdict => {
  const value = structuredClone(document);
  const { problems } = resourcesOf([{ file: 'a', number: 1, value, lineOf: () => 1 }]);
  return problems.length === 0 ? { spec: value.spec } : { refused: problems.map(problemText).join('\n') };
};

const isRefused = (verdict: Verdict): verdict is { readonly refused: string } => 'refused' in verdict;

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some((inner: unknown) => hasNull(inner)));

/** The kernel makes a sentence of the remedy behind a rule's last colon: here they are the same. */
const plain = (text: string): string => text.toLowerCase().replace(/[.:](?= |$)/g, '');

describe('the CRDs', () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    for (const parameters of [
      ['apply', '-f', CRDS],
      ['wait', '--for=condition=Established', '--timeout=30s', ...Object.values(PLURALS).map((plural) => `crd/${plural}.pg-airlock.dev`)],
    ]) {
      const { code, stderr } = await cluster.kubectl(parameters);
      if (code !== 0) throw new Error(stderr);
    }
  });
  afterAll(async () => cluster?.stop());

  const serverSays = async (document: Manifest): Promise<Verdict> => {
    const body = { ...document, metadata: { ...document.metadata, namespace: 'default' } };
    const path = `/apis/pg-airlock.dev/v1alpha1/namespaces/default/${PLURALS[document.kind]}?dryRun=All&fieldValidation=Strict`;
    const answer = await cluster.request('POST', path, body);
    const { message, spec } = answer.body as { readonly message?: string; readonly spec?: unknown };
    if (answer.status === 201) return { spec };
    if (answer.status !== 400 && answer.status !== 422) throw new Error(message);
    return { refused: message ?? '' };
  };

  it('are structural, and their rules within the cost that the API server allows', async () => {
    const { stdout } = await cluster.kubectl(['get', 'crd', '-o', 'json']);
    const { items } = JSON.parse(stdout) as {
      readonly items: readonly {
        readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
      }[];
    };
    expect(items.map(({ status }) => status.conditions.map(({ type, status: holds }) => `${type}=${holds}`).toSorted())).toEqual([
      ['Established=True', 'NamesAccepted=True'],
      ['Established=True', 'NamesAccepted=True'],
    ]);
  });

  it('accept each example, and fill in the defaults that the kernel does', async () => {
    const ours = manifests.filter(isOurs);
    expect(ours.length).toBeGreaterThan(10);
    for (const document of ours) expect({ document, ...(await serverSays(document)) }).toEqual({ document, ...kernelSays(document) });
  });

  it.each(['DatabaseConnection', 'DatabaseAccessPolicy'] as const)(
    'refuse in %s what breaks a rule, in the words of the rule',
    async (kind) => {
      for (const [, spec, said] of PLANTED[kind]) {
        const [document] = yamlDocuments({ path: 'a', text: documentOf(kind, spec) }).documents;
        const verdict = await serverSays(document?.value as Manifest);
        expect(isRefused(verdict) && plain(verdict.refused)).toContain(plain(said.replace(/^\S+: /, '')));
      }
    },
  );

  it.each(INVALID)('judge %s as the kernel does, as far as one object shows it', async (_, texts) => {
    const all = [texts.connection ?? CONNECTION, texts.secrets ?? SECRETS, texts.policy ?? policy('')];
    const documents = all.flatMap((text, index) => yamlDocuments({ path: `${index}.yaml`, text }).documents);
    for (const { value } of documents) {
      if (!isOurs(value) || value.apiVersion !== 'pg-airlock.dev/v1alpha1' || !('name' in value.metadata)) continue;
      const [kernel, server] = [kernelSays(value), await serverSays(value)];
      expect({ kernel, server, refused: isRefused(server) }).toEqual({ kernel, server, refused: isRefused(kernel) });
    }
  });

  it('judge as the kernel does whatever is done to the specs of the examples', async () => {
    const ours = manifests.filter(isOurs);
    await fc.assert(
      fc.asyncProperty(fc.nat(ours.length - 1), changes, async (index, list) => {
        const document = ours[index] as Manifest;
        const after = { ...document, spec: list.reduce<unknown>(changed, document.spec) };
        // The API server takes null for a field that is not there, and the kernel for a mistake: `delete:` without a value.
        fc.pre(!hasNull(after.spec));
        const [kernel, server] = [kernelSays(after), await serverSays(after)];
        if (isRefused(kernel) && isRefused(server)) return;
        expect({ after, ...server }).toEqual({ after, ...kernel });
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('have a text for kubectl explain at every field', async () => {
    const path = '/openapi/v3/apis/pg-airlock.dev/v1alpha1';
    // The API server publishes its schemas some time after the CRDs are established.
    await expect.poll(async () => (await cluster.request('GET', path)).status, { timeout: 20_000 }).toBe(200);
    const answer = await cluster.request('GET', path);
    const { schemas } = (answer.body as { readonly components: { readonly schemas: Readonly<Record<string, StructuralSchema>> } })
      .components;
    const silent = (schema: StructuralSchema, path: string): readonly string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
        ...(property.description === undefined || property.description === '' ? [`${path}.${name}`] : []),
        ...silent(property, `${path}.${name}`),
      ]),
      ...(schema.items === undefined ? [] : silent(schema.items, `${path}[]`)),
    ];
    const kinds = Object.keys(PLURALS).map((kind) => schemas[`dev.pg-airlock.v1alpha1.${kind}`]);
    expect(kinds.map((schema) => schema?.description)).toEqual(
      Object.values(crdSchemas)
        .map(({ description }) => description)
        .toReversed(),
    );
    expect(kinds.flatMap((schema) => silent(schema ?? {}, ''))).toEqual([]);
    // It reads anew what kinds there are.
    await cluster.kubectl(['api-resources', '--api-group', 'pg-airlock.dev']);
    expect(await cluster.kubectl(['explain', 'dap.spec.relations.select.masks'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Columns that are shown masked, and only masked, in every position of every') as unknown,
      stderr: '',
    });
  });

  it('show in columns what is true of each object', async () => {
    const condition = (type: string, status: string) => ({
      type,
      status,
      reason: 'Tried',
      message: 'a',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const statuses: Readonly<Record<CrdKind, unknown>> = {
      DatabaseConnection: {
        observedGeneration: 1,
        serverVersion: '18.1',
        conditions: [condition('Ready', 'True'), condition('LeastPrivilege', 'False'), condition('CredentialsExposed', 'Unknown')],
      },
      DatabaseAccessPolicy: { observedGeneration: 1, pods: 3, blocked: 14, masked: 159, conditions: [condition('Ready', 'False')] },
    };
    for (const text of [CONNECTION, policy('')]) {
      const [document] = yamlDocuments({ path: 'a', text }).documents;
      const object = document?.value as Manifest;
      const plural = `/apis/pg-airlock.dev/v1alpha1/namespaces/default/${PLURALS[object.kind]}`;
      const made = await cluster.request('POST', plural, { ...object, metadata: { name: object.metadata.name } });
      const status = { ...(made.body as Manifest), status: statuses[object.kind] };
      expect(await cluster.request('PUT', `${plural}/${object.metadata.name}/status`, status)).toMatchObject({ status: 200 });
    }
    const table = async (...options: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await cluster.kubectl(['get', ...options]);
      return stdout
        .trim()
        .split('\n')
        .map((line) =>
          line
            .trim()
            .split(/\s{2,}/)
            .join(' | ')
            .replace(/\d+s$/, 'AGE'),
        );
    };
    expect(await table('dap')).toEqual([
      'NAME | READY | CONNECTION | PODS | BLOCKED | MASKED | AGE',
      'reporting | False | shop | 3 | 14 | 159 | AGE',
    ]);
    expect(await table('dbc', '-o', 'wide')).toEqual([
      'NAME | READY | REASON | HOST | DATABASE | VERSION | TLS | LEAST-PRIVILEGE | EXPOSED | AGE',
      'shop | True | Tried | db.example.com | shop | 18.1 | VerifyFull | False | Unknown | AGE',
    ]);
    expect(await table('pg-airlock', '-o', 'name')).toEqual([
      'databaseaccesspolicy.pg-airlock.dev/reporting',
      'databaseconnection.pg-airlock.dev/shop',
    ]);
  });
});
