/**
 * Other ways than pods: connections into the sidecar, tokens, Secrets, namespaces, manifests, the operator itself.
 */
import {
  GROUP,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MANAGED_NAMESPACE_LABEL,
  SIDECAR_CONTAINER,
  TOKEN_AUDIENCE,
} from '../../kernel/cluster-names.ts';
import { MANAGED_SECRET } from './pods.ts';
import { AGENTS, type Attempt, DATA, NATHAN, NODE, OLIVIA, OPERATOR, QUIET, type Threat, core, create, patch, remove } from './threat.ts';

const PODS = core(AGENTS, 'pods');
const connect = (path: string, as?: Attempt['as']): Attempt => ({ method: 'POST', path, ...(as === undefined ? {} : { as }) });
const secret = (name: string, fields: object = {}): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...fields });
const managed = (name: string, fields: object = {}): object =>
  secret(name, { metadata: { name, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } }, ...fields });

const noEntry = "nobody gets into the airlock's sidecar";
const noForward = 'ports of pods in a namespace of agents cannot be forwarded';
const CONNECT_THREATS: readonly Threat[] = [
  ...['exec', 'attach'].map(
    (verb): Threat => ({
      attempt: `\`kubectl ${verb}\` into the sidecar`,
      policy: 'exec',
      says: noEntry,
      attack: connect(`${PODS}/agent/${verb}?container=${SIDECAR_CONTAINER}&stdin=true&stdout=true&command=sh`),
      twin: { what: "The same into the agent's container", ...connect(`${PODS}/agent/${verb}?container=main&stdout=true&command=sh`) },
    }),
  ),
  {
    attempt: 'The same by a GET, in a namespace that has no label, named twice',
    policy: 'exec',
    says: noEntry,
    attack: { method: 'GET', path: `${core(QUIET, 'pods')}/agent/exec?container=${SIDECAR_CONTAINER}&container=main&command=sh` },
    twin: {
      what: "A GET, the agent's container first",
      method: 'GET',
      path: `${core(QUIET, 'pods')}/agent/exec?container=main&container=${SIDECAR_CONTAINER}&command=sh`,
    },
  },
  {
    attempt: '`kubectl port-forward` to the sidecar',
    policy: 'port-forward',
    says: noForward,
    attack: connect(`${PODS}/agent/portforward?ports=5432`),
    twin: { what: 'The same in a namespace without agents', ...connect(`${core(QUIET, 'pods')}/plain/portforward?ports=5432`) },
  },
  {
    attempt: "The API server's proxy to port 9632",
    policy: 'port-forward',
    says: "port 9632 of an agent's pod is not for the API server's proxy",
    attack: { method: 'GET', path: `${PODS}/http:agent:09632/proxy/metrics` },
    twin: { what: 'The proxy to another port', method: 'GET', path: `${PODS}/http:agent:8080/proxy/` },
  },
];

const tokenRequest = (audience: string, bound: object = {}): object => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { audiences: ['other', audience], ...bound },
});
const accountToken = `${core(AGENTS, 'serviceaccounts')}/default/token`;
const boundToPod = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'agent' } };
const byName = { apiVersion: 'v1', kind: 'Pod', name: 'agent' };

const TOKEN_THREATS: readonly Threat[] = [
  ...[{}, boundToPod].map(
    (bound): Threat => ({
      attempt: `Ask for a token as the sidecar has one (\`serviceaccounts/token\`${bound === boundToPod ? ", bound to the agent's pod" : ''})`,
      policy: 'tokens',
      says: 'only a node asks for tokens of audience "pg-airlock.dev"',
      attack: create(accountToken, tokenRequest(TOKEN_AUDIENCE, bound)),
      twin: { what: 'A token for another audience', ...create(accountToken, tokenRequest('vault', bound)) },
    }),
  ),
  {
    attempt: 'The same by a node, for no pod',
    policy: 'tokens',
    says: 'only a node asks for tokens of audience "pg-airlock.dev"',
    attack: create(accountToken, tokenRequest(TOKEN_AUDIENCE), NODE),
    twin: { what: 'A node, for a pod', ...create(accountToken, tokenRequest(TOKEN_AUDIENCE, { boundObjectRef: byName }), NODE) },
  },
];

const SECRETS = core(AGENTS, 'secrets');
const operatorsAlone = 'Secrets whose names begin with "pg-airlock-" are made, changed and deleted by the airlock\'s operator alone';
const operatorWrites = "the airlock's operator writes only Opaque Secrets";
const SECRET_THREATS: readonly Threat[] = [
  {
    attempt: 'Make a Secret of a managed name, before the operator does',
    policy: 'managed-secrets',
    says: operatorsAlone,
    attack: create(core(QUIET, 'secrets'), managed(MANAGED_SECRET)),
    twin: { what: 'Make another Secret', ...create(core(QUIET, 'secrets'), managed('shop')) },
  },
  {
    attempt: 'The same with a generated name',
    policy: 'managed-secrets',
    says: operatorsAlone,
    attack: create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { generateName: 'pg-airlock-' } }),
    twin: { what: 'Generate another name', ...create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { generateName: 'app-' } }) },
  },
  {
    attempt: 'Change a managed Secret',
    policy: 'managed-secrets',
    says: operatorsAlone,
    attack: patch(`${SECRETS}/${MANAGED_SECRET}`, { stringData: { password: 'mine' } }),
    twin: { what: 'The operator does', ...patch(`${SECRETS}/${MANAGED_SECRET}`, { stringData: { password: 'new' } }, OPERATOR) },
  },
  {
    attempt: 'Delete a managed Secret',
    policy: 'managed-secrets',
    says: operatorsAlone,
    attack: remove(`${SECRETS}/${MANAGED_SECRET}`),
    twin: {
      what: 'Kubernetes does, with the namespace',
      ...remove(`${SECRETS}/${MANAGED_SECRET}`, 'system:serviceaccount:kube-system:namespace-controller'),
    },
  },
  {
    attempt: 'Delete all Secrets of the namespace at once',
    policy: 'managed-secrets',
    says: operatorsAlone,
    attack: remove(SECRETS),
    twin: { what: 'The same where none is managed', ...remove(core(QUIET, 'secrets')) },
  },
  {
    attempt: "A token Secret for another account, under the operator's stolen name",
    policy: 'operator-secrets',
    says: operatorWrites,
    attack: create(
      SECRETS,
      managed('pg-airlock-data.x', {
        type: 'kubernetes.io/service-account-token',
        metadata: {
          name: 'pg-airlock-data.x',
          labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
          annotations: { 'kubernetes.io/service-account.name': 'default' },
        },
      }),
      OPERATOR,
    ),
    twin: { what: 'A managed Secret', ...create(SECRETS, managed('pg-airlock-data.x'), OPERATOR) },
  },
  {
    attempt: "Any other Secret, under the operator's stolen name",
    policy: 'operator-secrets',
    says: operatorWrites,
    attack: patch(`${SECRETS}/app-secret`, { stringData: { x: 'y' } }, OPERATOR),
    twin: { what: 'Its author changes it', ...patch(`${SECRETS}/app-secret`, { stringData: { x: 'y' } }) },
  },
  {
    attempt: "A Secret of kube-system, under the operator's stolen name",
    policy: 'operator-secrets',
    says: operatorWrites,
    attack: create(core('kube-system', 'secrets'), managed('pg-airlock-data.x'), OPERATOR),
    twin: { what: 'Its own certificate', ...create(core('pg-airlock', 'secrets'), secret('pg-airlock-certificates'), OPERATOR) },
  },
  {
    attempt: 'Have an Ingress controller read a managed Secret',
    policy: 'ingresses',
    says: 'Secrets whose names begin with "pg-airlock-" hold credentials',
    ...(() => {
      const path = `/apis/networking.k8s.io/v1/namespaces/${AGENTS}/ingresses`;
      const ingress = (secretName: string): object => ({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'web' },
        spec: { tls: [{ secretName }], defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
      });
      return {
        attack: create(path, ingress(MANAGED_SECRET)),
        twin: { what: 'An Ingress with a certificate', ...create(path, ingress('web-tls')) },
      };
    })(),
  },
];

const NAMESPACE = `/api/v1/namespaces/${AGENTS}`;
const labelled = (value: string | null): object => ({ metadata: { labels: { [MANAGED_NAMESPACE_LABEL]: value } } });
const takesLabel = "only the airlock's operator takes label pg-airlock.dev/managed away";
const NAMESPACE_THREATS: readonly Threat[] = [
  ...['', '/status', '/finalize'].map(
    (subresource): Threat => ({
      attempt: `Take the label of a namespace with agents away (\`namespaces${subresource}\`)`,
      policy: 'namespaces',
      says: takesLabel,
      attack:
        subresource === '/finalize'
          ? {
              method: 'PUT',
              path: `${NAMESPACE}/finalize?dryRun=All`,
              body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: AGENTS }, spec: { finalizers: ['kubernetes'] } },
              as: NATHAN,
            }
          : patch(`${NAMESPACE}${subresource}`, labelled(null), NATHAN),
      twin: { what: 'Label a namespace early', ...patch(`/api/v1/namespaces/${QUIET}`, labelled('always'), NATHAN) },
    }),
  ),
  {
    attempt: 'Give that label another value',
    policy: 'namespaces',
    says: takesLabel,
    attack: patch(NAMESPACE, labelled('false'), NATHAN),
    twin: { what: 'Have it kept when the last agent goes', ...patch(NAMESPACE, labelled('always'), NATHAN) },
  },
  {
    attempt: "Change more of a namespace, under the operator's stolen name",
    policy: 'operator-namespaces',
    says: "the airlock's operator changes nothing of a namespace but the label pg-airlock.dev/managed",
    attack: patch(NAMESPACE, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }, OPERATOR),
    twin: { what: 'It takes its label away', ...patch(NAMESPACE, labelled(null), OPERATOR) },
  },
];

const kinds = (resource: string): string => `/apis/${GROUP}/v1alpha1/namespaces/${DATA}/${resource}`;
const connection = (name: string, secretName: string, tls?: object): object => ({
  apiVersion: `${GROUP}/v1alpha1`,
  kind: 'DatabaseConnection',
  metadata: { name },
  spec: { host: 'db.example', database: 'shop', credentials: { secretRef: { name: secretName } }, ...(tls === undefined ? {} : { tls }) },
});
const mask = (secretName: string): object => ({
  columns: ['id'],
  masks: [{ column: 'ssn', mask: { type: 'Hash', hash: { keySecretRef: { name: secretName } } } }],
});
const accessPolicy = (name: string, ...secrets: readonly string[]): object => ({
  apiVersion: `${GROUP}/v1alpha1`,
  kind: 'DatabaseAccessPolicy',
  metadata: { name },
  spec: {
    connectionRef: { name: 'shop' },
    subjects: [{ pod: { matchLabels: { app: 'agent' } } }],
    relations: secrets.map((secretName, index) => ({ name: `public.t${index}`, select: mask(secretName) })),
  },
});

const MANIFEST_THREATS: readonly Threat[] = [
  {
    attempt: "A connection to one's own host, with a Secret that one may not read",
    policy: 'connections',
    says: 'user "mallory" cannot get Secret "shop-owner"',
    attack: create(kinds('databaseconnections'), connection('evil', 'shop-owner')),
    twin: { what: 'By somebody who may read it', ...create(kinds('databaseconnections'), connection('evil', 'shop-owner'), OLIVIA) },
  },
  {
    attempt: 'Change the host of a connection whose Secret one may not read',
    policy: 'connections',
    says: 'user "mallory" cannot get Secret "shop-owner"',
    attack: patch(`${kinds('databaseconnections')}/shop`, { spec: { host: 'evil.example' } }),
    twin: { what: 'Change its labels', ...patch(`${kinds('databaseconnections')}/shop`, { metadata: { labels: { team: 'blue' } } }) },
  },
  {
    attempt: 'A connection that shows a Secret as a certificate authority',
    policy: 'connections',
    says: 'user "olivia" cannot get Secret "app-secret", which the connection takes its certificate authorities from',
    attack: create(kinds('databaseconnections'), connection('evil', 'shop-owner', { caSecretRef: { name: 'app-secret' } }), OLIVIA),
    twin: {
      what: 'A Secret that one may read',
      ...create(kinds('databaseconnections'), connection('evil', 'shop-owner', { caSecretRef: { name: 'shop-owner' } }), OLIVIA),
    },
  },
  {
    attempt: 'Guess a Secret by masks whose key it is',
    policy: 'policies',
    says: 'user "mallory" cannot get Secret "mask-key", and so cannot have the airlock use it',
    attack: create(kinds('databaseaccesspolicies'), accessPolicy('evil', 'mask-key')),
    twin: { what: 'Masks without a key', ...create(kinds('databaseaccesspolicies'), accessPolicy('evil')) },
  },
  {
    attempt: 'The same behind keys that one may read',
    policy: 'policies',
    says: 'user "olivia" cannot get Secret "mask-key", and so cannot have the airlock use it',
    attack: create(kinds('databaseaccesspolicies'), accessPolicy('evil', 'shop-owner', 'shop-owner', 'mask-key'), OLIVIA),
    twin: {
      what: 'Keys that one may read',
      ...create(kinds('databaseaccesspolicies'), accessPolicy('evil', 'shop-owner', 'shop-owner'), OLIVIA),
    },
  },
  {
    attempt: 'More Secrets than can be asked about',
    policy: 'policies',
    says: 'the policy names more than 8 Secrets, and 8 is the limit',
    attack: create(
      kinds('databaseaccesspolicies'),
      accessPolicy('evil', ...Array.from({ length: 9 }, (_, index) => `key${index}`)),
      'paula',
    ),
    twin: {
      what: 'Eight of them',
      ...create(kinds('databaseaccesspolicies'), accessPolicy('evil', ...Array.from({ length: 8 }, (_, index) => `key${index}`)), 'paula'),
    },
  },
  ...[`${kinds('databaseconnections')}/shop`, `${kinds('databaseaccesspolicies')}/readers`].map(
    (path): Threat => ({
      attempt: `Write a status that says all is well (\`${path.split('/').at(-2) ?? ''}\`)`,
      policy: 'status',
      says: "only the airlock's operator writes the status of connections and policies",
      attack: patch(`${path}/status`, { status: { observedGeneration: 7 } }),
      twin: { what: 'The operator does', ...patch(`${path}/status`, { status: { observedGeneration: 7 } }, OPERATOR) },
    }),
  ),
];

export const API_THREATS: readonly Threat[] = [
  ...CONNECT_THREATS,
  ...TOKEN_THREATS,
  ...SECRET_THREATS,
  ...NAMESPACE_THREATS,
  ...MANIFEST_THREATS,
];
