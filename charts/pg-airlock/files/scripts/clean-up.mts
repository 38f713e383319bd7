/**
 * Runs when the release has been uninstalled, with a service account of its own: deletes what the operator made in the namespaces of
 * agents. Nothing guards the copies of credentials any more once the admission policies are gone.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

type KubeObject = { readonly metadata: { readonly name: string; readonly namespace?: string } };
type List = { readonly metadata: { readonly continue?: string }; readonly items: readonly KubeObject[] };

const [, , api = 'https://kubernetes.default.svc', tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token'] = process.argv;

/** Lists of names and labels: what is in other people's Secrets is not for this process. */
const NAMES = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** The API server knows of the end of an admission policy some seconds after it was deleted. */
const ATTEMPTS = 30;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const request = async (method: string, path: string, body?: object): Promise<unknown> => {
  const answer = await fetch(new URL(path, api), {
    method,
    headers: {
      accept: method === 'GET' ? NAMES : 'application/json',
      authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
};

const persistently = async (method: string, path: string, body?: object): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await request(method, path, body);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await setTimeout(1_000);
    }
  }
};

const list = async (path: string, labels: string): Promise<readonly KubeObject[]> => {
  const found: KubeObject[] = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const query = new URLSearchParams({ labelSelector: labels, limit: '500', continue: next });
    const page = (await request('GET', `${path}?${query.toString()}`)) as List;
    found.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  }
  return found;
};

for (const { metadata } of await list('/api/v1/secrets', 'app.kubernetes.io/managed-by=pg-airlock')) {
  // Who may label Secrets shall not choose what is deleted here.
  if (!metadata.name.startsWith('pg-airlock-')) continue;
  await persistently('DELETE', `/api/v1/namespaces/${metadata.namespace}/secrets/${metadata.name}`);
  say(`deleted Secret ${metadata.namespace}/${metadata.name}`);
}
for (const { metadata } of await list('/api/v1/namespaces', 'pg-airlock.dev/managed')) {
  await persistently('PATCH', `/api/v1/namespaces/${metadata.name}`, { metadata: { labels: { 'pg-airlock.dev/managed': null } } });
  say(`took the label pg-airlock.dev/managed off namespace ${metadata.name}`);
}
say('nothing of pg-airlock is left in the namespaces of agents');
