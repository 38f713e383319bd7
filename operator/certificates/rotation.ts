/**
 * When which certificate is made anew. Things start here.
 *
 * An authority is valid for a year, a serving certificate for 90 days, and each is replaced after two thirds of that. A new authority is
 * published for OVERLAP before it signs anything, and an old one is trusted for OVERLAP after it last did: whoever has a bundle that is no
 * older than that trusts what is served, and what a replica serves that has not yet seen the new one is trusted too.
 */
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { type KeyPair, SKEW, issueAuthority, issueServing } from './issue.ts';
import { certificatesOf, hostsOf, isDue, isOver, isSignedBy, readPair, serves } from './read-certificate.ts';

export type CertificateState = {
  /** Signs. */
  readonly authority: KeyPair;
  /** Published already, and will sign. */
  readonly next: KeyPair | undefined;
  /** Authorities that signed before, and are still trusted: PEM. */
  readonly previous: string;
  readonly serving: KeyPair;
};

const HOUR = 60 * 60_000;
export const OVERLAP = 24 * HOUR;

export type RotationStep =
  | { readonly type: 'Keep' }
  /** There is nothing that serves: all anew. */
  | { readonly type: 'Begin' }
  | { readonly type: 'PublishAuthority' }
  /** What was published signs from now on. */
  | { readonly type: 'PromoteAuthority'; readonly next: KeyPair }
  | { readonly type: 'ForgetPrevious' }
  | { readonly type: 'RenewServing'; readonly hosts: readonly string[] };

/** More than are ever due at once. */
const MOST_STEPS = 8;

const keep = { type: 'Keep' } as const;

const madeAt = ({ validFromDate }: X509Certificate): number => validFromDate.getTime() + SKEW;

const servingStep = (
  serving: X509Certificate | undefined,
  authority: X509Certificate,
  wanted: readonly string[],
  now: Date,
): RotationStep => {
  if (serving === undefined || !isSignedBy(serving, authority)) return { type: 'RenewServing', hosts: wanted };
  // One that ends with its authority would not last longer if it were made anew.
  if (isDue(serving, now) && serving.validToDate < authority.validToDate) return { type: 'RenewServing', hosts: wanted };
  const present = hostsOf(serving);
  if (wanted.every((host) => present.includes(host) || serves(serving, host))) return keep;
  // What it serves already stays: replicas of two configurations would otherwise take it from each other by turns.
  return { type: 'RenewServing', hosts: [...new Set([...present, ...wanted])] };
};

/** The next thing to be done; `Keep` when there is none. */
export const rotationStep = (state: CertificateState | undefined, wanted: readonly string[], now: Date): RotationStep => {
  const authority = state && readPair(state.authority);
  if (state === undefined || authority === undefined) return { type: 'Begin' };
  const next = state.next && readPair(state.next);
  if (state.next !== undefined && next !== undefined && !isOver(next, now)) {
    if (isOver(authority, now) || now.getTime() >= madeAt(next) + OVERLAP) return { type: 'PromoteAuthority', next: state.next };
  } else {
    if (isOver(authority, now)) return { type: 'Begin' };
    if (isDue(authority, now)) return { type: 'PublishAuthority' };
  }
  const serving = readPair(state.serving);
  const step = servingStep(serving, authority, wanted, now);
  if (step.type !== 'Keep' || serving === undefined) return step;
  return state.previous !== '' && now.getTime() >= madeAt(serving) + OVERLAP ? { type: 'ForgetPrevious' } : keep;
};

const begin = async (wanted: readonly string[], now: Date): Promise<CertificateState> => {
  const authority = await issueAuthority(now);
  return { authority, next: undefined, previous: '', serving: await issueServing(authority, wanted, now) };
};

/** Does the step; the state after it. */
const carryOut = async (
  state: CertificateState,
  step: Exclude<RotationStep, { readonly type: 'Keep' | 'Begin' }>,
  wanted: readonly string[],
  now: Date,
): Promise<CertificateState> => {
  switch (step.type) {
    case 'PublishAuthority':
      return { ...state, next: await issueAuthority(now) };
    case 'PromoteAuthority':
      return {
        authority: step.next,
        next: undefined,
        previous: state.authority.cert,
        serving: await issueServing(step.next, wanted, now),
      };
    case 'ForgetPrevious':
      return { ...state, previous: '' };
    case 'RenewServing':
      return { ...state, serving: await issueServing(state.authority, step.hosts, now) };
    default:
      return step satisfies never;
  }
};

/** The state that has to be now; the same object if nothing is due. */
export const rotate = async (
  state: CertificateState | undefined,
  wanted: readonly string[],
  { now }: Pick<Clock, 'now'>,
): Promise<CertificateState> => {
  const time = now();
  let current = state;
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const step = rotationStep(current, wanted, time);
    if (step.type === 'Begin' || current === undefined) current = await begin(wanted, time);
    else if (step.type === 'Keep') return current;
    else current = await carryOut(current, step, wanted, time);
  }
  throw new Error(`certificates for ${wanted.join(', ')} come to no end`);
};

/** All authorities that are to be trusted: PEM. */
export const bundleOf = ({ authority, next, previous }: CertificateState): string => `${next?.cert ?? ''}${authority.cert}${previous}`;

/** Whether what is served can be verified with a bundle of authorities. */
export const isTrusted = (serving: string, bundle: string): boolean => {
  const [certificate] = certificatesOf(serving);
  return certificate !== undefined && certificatesOf(bundle).some((authority) => isSignedBy(certificate, authority));
};
