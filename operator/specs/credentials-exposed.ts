/**
 * Who else may read the Secrets with a connection's credentials. The API server is asked about those who an agent could be or become;
 * whoever else may read Secrets, as the cluster's administrators, is not found this way.
 */
import type { Finding } from './condition.ts';

/** A place where the credentials are. */
export type ExposedPlace = { readonly namespace: string; readonly secret: string };

/** Whom to ask about, as a SubjectAccessReview names them. */
export type AskedSubject = {
  /** For the message: `service account agents/reader`, `group system:authenticated`. */
  readonly shown: string;
  readonly user?: string;
  readonly groups: readonly string[];
};

export type SecretVerb = 'get' | 'list' | 'watch';

export type ExposureQuestion = { readonly subject: AskedSubject; readonly place: ExposedPlace; readonly verb: SecretVerb };

/** Listing and watching shows every Secret of the namespace, whatever its name. */
export const SECRET_VERBS: readonly SecretVerb[] = ['get', 'list', 'watch'];

const group = (name: string): AskedSubject => ({ shown: `group ${name}`, groups: [name] });

const serviceAccount = (namespace: string, name: string): AskedSubject => ({
  shown: `service account ${namespace}/${name}`,
  user: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

/** Service accounts that are asked about in one namespace. */
const MOST_ACCOUNTS = 20;

/**
 * The groups that everybody, or every pod, belongs to, and the service accounts of the agents' pods there: an agent is in none but these.
 * A subject stands behind the groups that it is in, so that a right of all is told once.
 */
export const exposureSubjects = (namespace: string, accounts: readonly string[]): readonly AskedSubject[] => [
  group('system:unauthenticated'),
  group('system:authenticated'),
  group('system:serviceaccounts'),
  group(`system:serviceaccounts:${namespace}`),
  ...[...new Set(['default', ...accounts])].slice(0, MOST_ACCOUNTS).map((name) => serviceAccount(namespace, name)),
];

export type ExposureAnswers = {
  readonly places: readonly ExposedPlace[];
  readonly allowed: readonly ExposureQuestion[];
  /** Nobody could say: the operator may not ask, or the API server did not answer. */
  readonly failure: string | undefined;
};

const isCovered = ({ subject, place, verb }: ExposureQuestion, allowed: readonly ExposureQuestion[]): boolean =>
  allowed.some(
    (other) =>
      other.subject.user === undefined &&
      other.subject !== subject &&
      other.place.namespace === place.namespace &&
      other.place.secret === place.secret &&
      other.verb === verb &&
      // system:serviceaccounts are authenticated, though the name does not say so.
      other.subject.groups.every(
        (name) =>
          subject.groups.includes(name) || (name === 'system:authenticated' && subject.shown.startsWith('group system:serviceaccounts')),
      ),
  );

/** The condition; `True` is what should not be. */
export const credentialsExposed = ({ places, allowed, failure }: ExposureAnswers): Finding<'CredentialsExposed'> => {
  const type = 'CredentialsExposed';
  if (failure !== undefined) return { type, status: 'Unknown', reason: 'NotAsked', message: failure };
  const told = allowed.filter((question) => !isCovered(question, allowed));
  if (told.length === 0) {
    const names = places.map(({ namespace, secret }) => `"${namespace}/${secret}"`).join(', ');
    const message = `Neither everybody nor the service accounts of agents may read ${places.length === 1 ? 'Secret' : 'Secrets'} ${names}. Administrators, and others with rights of their own, were not asked about.`;
    return { type, status: 'False', reason: 'NotExposed', message };
  }
  const lines = new Map<string, { readonly verbs: SecretVerb[]; readonly secrets: Set<string> }>();
  for (const { subject, place, verb } of told) {
    const line = lines.get(`${subject.shown}\0${place.namespace}`) ?? { verbs: [], secrets: new Set() };
    lines.set(`${subject.shown}\0${place.namespace}`, line);
    if (!line.verbs.includes(verb)) line.verbs.push(verb);
    line.secrets.add(`"${place.namespace}/${place.secret}"`);
  }
  const who = [...lines].map(
    ([key, { verbs, secrets }]) => `${key.split('\0')[0]} may ${verbs.join(', ')} Secret ${[...secrets].join(', ')}`,
  );
  return {
    type,
    status: 'True',
    reason: 'ReadableByOthers',
    message: `${who.join('; ')}. Take "secrets" out of the Roles and ClusterRoles that they are bound to, or bind these to others.`,
  };
};
