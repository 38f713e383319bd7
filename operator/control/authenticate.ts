/**
 * Whose token it is: asked of the API server, and remembered for a moment.
 */
import { createHash } from 'node:crypto';
import { TOKEN_AUDIENCE } from '../../kernel/cluster-names.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { PodIdentity } from '../../kernel/control.ts';
import type { Kube } from '../kube/kube.ts';

export type Authenticated =
  /** `expires`: milliseconds since the epoch. */
  | { readonly type: 'Pod'; readonly identity: PodIdentity; readonly expires: number }
  | { readonly type: 'Unauthorized' }
  /** The API server cannot say, or is asked too much at present. */
  | { readonly type: 'Unavailable' };

/** `fresh`: nothing that is remembered of a valid one counts. `address`: where it was shown. */
export type Authenticate = (token: string | undefined, fresh: boolean, address: string) => Promise<Authenticated>;

type TokenReview = {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
};

/** Milliseconds that an answer is remembered: reports come every few seconds. */
const REMEMBERED = 30_000;
const REFUSAL_REMEMBERED = 5_000;
const MOST_REMEMBERED = 20_000;

/**
 * Reviews at a time: whoever knocks with made-up tokens must not occupy the API server. INVARIANT: nor the places of others: who comes from the
 * address of the agent that the token names waits for nobody but himself.
 */
const PLACES = { pod: 2, pods: 512, address: 48, others: 128 } as const;

const LONGEST_TOKEN = 8 * 1024;

type Claims = {
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly 'kubernetes.io'?: { readonly pod?: { readonly uid?: unknown } | null } | null;
};

/** What a token says of itself; true only once the API server has vouched for it. */
const claimsOf = (token: string): Claims | undefined => {
  const [, payload] = token.split('.');
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
};

const isForUs = ({ aud }: Claims): boolean => aud === TOKEN_AUDIENCE || (Array.isArray(aud) && aud.includes(TOKEN_AUDIENCE));

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** INVARIANT: the token is valid, meant for us, and bound to a pod: no other token of a ServiceAccount will do. */
const identityOf = ({ status }: TokenReview): PodIdentity | undefined => {
  if (status?.authenticated !== true || status.audiences?.includes(TOKEN_AUDIENCE) !== true) return undefined;
  const [, namespace, serviceAccount] = SERVICE_ACCOUNT.exec(status.user?.username ?? '') ?? [];
  const pod = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  const uid = status.user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  if (namespace === undefined || serviceAccount === undefined || pod === undefined || uid === undefined) return undefined;
  return { namespace, pod, uid, serviceAccount };
};

/** Places that are taken, by name; each has a limit. */
class Places {
  readonly #taken = new Map<string, number>();

  /** Takes one of each, or none. Returns how to give them back. */
  take(wanted: Readonly<Record<string, number>>): (() => void) | undefined {
    const names = Object.keys(wanted);
    if (names.some((name) => (this.#taken.get(name) ?? 0) >= (wanted[name] ?? 0))) return undefined;
    for (const name of names) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1);
    return () => {
      for (const name of names) {
        const left = (this.#taken.get(name) ?? 1) - 1;
        if (left > 0) this.#taken.set(name, left);
        else this.#taken.delete(name);
      }
    };
  }
}

/** Authenticates by TokenReview. `isAt`: whether a pod, by its uid, is an agent's at that address. */
export const authenticator = (kube: Kube, clock: Clock, isAt: (uid: string, address: string) => boolean): Authenticate => {
  const remembered = new Map<string, { readonly answer: Authenticated; readonly until: number }>();
  const places = new Places();

  const remember = (key: string, answer: Authenticated): Authenticated => {
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    const kept = answer.type === 'Pod' ? REMEMBERED : REFUSAL_REMEMBERED;
    remembered.set(key, { answer, until: clock.monotonic() + kept });
    return answer;
  };
  const review = async (token: string): Promise<TokenReview | undefined> => {
    try {
      return await kube.request<TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [TOKEN_AUDIENCE] } },
        timeoutMs: 10_000,
      });
    } catch {
      return undefined;
    }
  };
  const placeFor = ({ 'kubernetes.io': bound }: Claims, address: string): (() => void) | undefined => {
    const uid = bound?.pod?.uid;
    return typeof uid === 'string' && isAt(uid, address)
      ? places.take({ [`pod ${uid}`]: PLACES.pod, pods: PLACES.pods })
      : places.take({ [`address ${address}`]: PLACES.address, others: PLACES.others });
  };

  return async (token, fresh, address) => {
    if (token === undefined || token.length > LONGEST_TOKEN) return { type: 'Unauthorized' };
    const claims = claimsOf(token);
    const expires = typeof claims?.exp === 'number' ? claims.exp * 1000 : 0;
    // What does not even say that it is for us, and still valid, need not be asked about.
    if (claims === undefined || !isForUs(claims) || expires <= clock.now().getTime()) return { type: 'Unauthorized' };
    const key = createHash('sha256').update(token).digest('base64');
    const known = remembered.get(key);
    if (known !== undefined && known.until > clock.monotonic() && (!fresh || known.answer.type !== 'Pod')) return known.answer;
    const leave = placeFor(claims, address);
    if (leave === undefined) return { type: 'Unavailable' };
    const answer = await review(token).finally(leave);
    if (answer === undefined) return { type: 'Unavailable' };
    const identity = identityOf(answer);
    return remember(key, identity === undefined ? { type: 'Unauthorized' } : { type: 'Pod', identity, expires });
  };
};
