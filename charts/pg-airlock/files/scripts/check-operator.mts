/**
 * `helm test`: whether the operator is ready, the API server's configuration trusts its certificate, and the webhooks do their work.
 * `node check-operator.mts RELEASE NAMESPACE`, in a pod whose service account may read the two webhook configurations.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

type Configuration = { readonly webhooks: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[] };
type Verdict = { readonly allowed: boolean; readonly patch?: string; readonly status?: { readonly message?: string } };
type Call = { readonly method: string; readonly ca: string; readonly body?: string };

const [, , release = '', namespace = '', api = 'https://kubernetes.default.svc'] = process.argv;
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const ATTEMPTS = 60;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const service = (name: string): string => `${release}-${name}.${namespace}.svc`;

/** A step that may need a moment after an installation. */
const eventually = async (step: string, attempt: () => Promise<void>): Promise<void> => {
  for (let count = 1; ; count++) {
    try {
      await attempt();
      say(`ok: ${step}`);
      return;
    } catch (error) {
      if (count === ATTEMPTS) throw new Error(`not ok: ${step}`, { cause: error });
      await setTimeout(1_000);
    }
  }
};

const held = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise);
};

/** Over TLS, by that authority and no other. */
const call = (url: string, { method, ca, body }: Call): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, ca, headers: { 'content-type': 'application/json' }, timeout: 10_000 }, (answer) => {
      text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said }), reject);
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.on('error', reject);
    sent.end(body);
  });

const configuration = async (kind: string): Promise<Configuration> => {
  const url = new URL(`/apis/admissionregistration.k8s.io/v1/${kind}/${release}`, api);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${readFileSync(TOKEN, 'utf8').trim()}` } });
  held(answer.ok, `${kind}/${release}: ${answer.status}`);
  return (await answer.json()) as Configuration;
};

const authorityOf = async (kind: string): Promise<string> => {
  const { webhooks } = await configuration(kind);
  const [bundle = ''] = webhooks.map(({ clientConfig }) => clientConfig.caBundle ?? '');
  held(bundle !== '' && webhooks.every(({ clientConfig }) => clientConfig.caBundle === bundle), `${kind}/${release} lacks its caBundle`);
  return Buffer.from(bundle, 'base64').toString();
};

const review = async (path: string, ca: string, [kind, version, resource]: readonly string[], object: object): Promise<Verdict> => {
  const [group = '', versionName = ''] = version?.includes('/') === true ? version.split('/') : ['', version];
  const asked = {
    uid: '5f1b8f3a-0000-4000-8000-000000000000',
    kind: { group, version: versionName, kind },
    resource: { group, version: versionName, resource },
    operation: 'CREATE',
    namespace: 'default',
    userInfo: { username: 'helm-test' },
    dryRun: true,
    object: { apiVersion: version, kind, ...object },
  };
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: asked });
  const answer = await call(`https://${service('webhook')}${path}`, { method: 'POST', ca, body });
  held(answer.status === 200, `${path}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { readonly response: Verdict }).response;
};

const agent = (spec: object): object => ({
  metadata: { name: 'agent', labels: { 'pg-airlock.dev/agent': 'true' }, annotations: { 'pg-airlock.dev/connection': 'shop' } },
  spec: { containers: [{ name: 'agent', image: 'agent' }], ...spec },
});

const POD = ['Pod', 'v1', 'pods'] as const;
const POLICY = ['DatabaseAccessPolicy', 'pg-airlock.dev/v1alpha1', 'databaseaccesspolicies'] as const;

await eventually('the operator is ready', async () => {
  const answer = await fetch(`http://${service('metrics')}:9633/readyz`);
  held(answer.ok, `/readyz: ${answer.status} ${await answer.text()}`);
});
let authority = '';
await eventually('both webhook configurations have the authority', async () => {
  authority = await authorityOf('mutatingwebhookconfigurations');
  held(authority === (await authorityOf('validatingwebhookconfigurations')), 'they have different ones');
});
await eventually('the control plane shows a certificate of that authority, and answers nobody without a token', async () => {
  const { status } = await call(`https://${service('control')}:8444/v1/bundle`, { method: 'GET', ca: authority });
  held(status === 401, `status ${status}`);
});
await eventually('the webhook puts the sidecar into the pod of an agent', async () => {
  const { allowed, patch = '', status } = await review('/mutate-pods', authority, POD, agent({}));
  held(
    allowed && Buffer.from(patch, 'base64').toString().includes('"name":"pg-airlock"'),
    status?.message ?? 'there is no sidecar in its patch',
  );
});
await eventually('the webhook refuses an agent on the host network', async () => {
  const { allowed } = await review('/mutate-pods', authority, POD, agent({ hostNetwork: true }));
  held(!allowed, 'it was let in');
});
await eventually('the webhook refuses a policy that makes no sense', async () => {
  const spec = { connectionRef: { name: 'shop' }, subjects: [{ pod: { matchLabels: { app: 'a' } } }], relations: [{ name: '..' }] };
  const { allowed } = await review('/validate', authority, POLICY, { metadata: { name: 'wrong', namespace: 'default' }, spec });
  held(!allowed, 'it was let in');
});
