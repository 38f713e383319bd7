import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueAuthority, issueServing } from './issue.ts';
import { type CertificateState, OVERLAP, bundleOf, isTrusted, rotate, rotationStep } from './rotation.ts';

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;
const BEGIN = Date.parse('2026-11-21T12:00:00Z');
const HOSTS = ['pg-airlock-webhook.pg-airlock.svc', 'pg-airlock-control.pg-airlock.svc', '127.0.0.1'];

const at = (milliseconds: number): Date => new Date(BEGIN + milliseconds);
const rotateAt = (state: CertificateState | undefined, milliseconds: number, hosts = HOSTS): Promise<CertificateState> =>
  rotate(state, hosts, { now: () => at(milliseconds) });
const daysOf = ({ validFromDate, validToDate }: X509Certificate): number =>
  Math.round((validToDate.getTime() - validFromDate.getTime()) / DAY);

describe('rotate()', () => {
  it('begins with an authority of a year and a certificate of 90 days for every host', async () => {
    const state = await rotateAt(undefined, 0);
    const [authority, serving] = [new X509Certificate(state.authority.cert), new X509Certificate(state.serving.cert)];
    expect([daysOf(authority), daysOf(serving)]).toEqual([365, 90]);
    expect([authority.ca, serving.ca]).toEqual([true, false]);
    expect(serving.subjectAltName).toBe(
      'DNS:pg-airlock-webhook.pg-airlock.svc, DNS:pg-airlock-control.pg-airlock.svc, IP Address:127.0.0.1',
    );
    expect(serving.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(bundleOf(state)).toBe(state.authority.cert);
    expect(isTrusted(state.serving.cert, bundleOf(state))).toBe(true);
  });

  it('changes nothing while nothing is due', async () => {
    const state = await rotateAt(undefined, 0);
    expect(await rotateAt(state, 59 * DAY)).toBe(state);
  });

  it('renews the serving certificate after two thirds of its life, under the same authority', async () => {
    const state = await rotateAt(undefined, 0);
    const later = await rotateAt(state, 60 * DAY);
    expect(later.serving).not.toEqual(state.serving);
    expect({ ...later, serving: state.serving }).toEqual(state);
  });

  it('publishes a new authority, lets it sign a day later, and forgets the old one another day later', async () => {
    const due = Math.ceil((365 * DAY * 2) / 3);
    const published = await rotateAt(await rotateAt(undefined, 0), due);
    const next = published.next?.cert ?? '';
    expect(bundleOf(published)).toBe(next + published.authority.cert);
    expect(isTrusted(published.serving.cert, published.authority.cert)).toBe(true);
    expect(await rotateAt(published, due + OVERLAP - HOUR)).toBe(published);

    const promoted = await rotateAt(published, due + OVERLAP);
    expect(bundleOf(promoted)).toBe(next + published.authority.cert);
    expect(isTrusted(promoted.serving.cert, next)).toBe(true);
    expect(isTrusted(promoted.serving.cert, published.authority.cert)).toBe(false);

    const settled = await rotateAt(promoted, due + 2 * OVERLAP);
    expect(settled).toEqual({ ...promoted, previous: '' });
    expect(bundleOf(settled)).toBe(next);
  });

  it('never serves for two years what a bundle of yesterday does not trust, nor forgets whom yesterday served', async () => {
    const history: CertificateState[] = [];
    let state: CertificateState | undefined;
    for (let time = 0; time < 2 * 365 * DAY; time += DAY) {
      state = await rotateAt(state, time);
      const yesterday = history.at(-1) ?? state;
      const serving = new X509Certificate(state.serving.cert);
      const seen = {
        byABundleOfYesterday: isTrusted(state.serving.cert, bundleOf(yesterday)),
        ofYesterdayNow: isTrusted(yesterday.serving.cert, bundleOf(state)),
        validNow: serving.validFromDate <= at(time) && at(time) < serving.validToDate,
      };
      expect(seen).toEqual({ byABundleOfYesterday: true, ofYesterdayNow: true, validNow: true });
      history.push(state);
    }
    expect(new Set(history.map(({ authority }) => authority.cert)).size).toBe(3);
    expect(new Set(history.map(({ serving }) => serving.cert)).size).toBeGreaterThan(12);
  });

  it('begins anew where it was asleep until everything had ended', async () => {
    const state = await rotateAt(undefined, 0);
    const later = await rotateAt(state, 400 * DAY);
    expect(later.authority).not.toEqual(state.authority);
    expect(isTrusted(later.serving.cert, bundleOf(later))).toBe(true);
  });

  it('lets a published authority sign at once where the old one has ended', async () => {
    const published = await rotateAt(await rotateAt(undefined, 0), 364.99 * DAY);
    const later = await rotateAt(published, 365.01 * DAY);
    expect(later.authority).toEqual(published.next);
  });

  it('comes to an end with an authority that has a minute left', async () => {
    const almost = 365 * DAY - 60_000;
    const state = await rotateAt(await rotateAt(undefined, 0), almost);
    expect(new X509Certificate(state.serving.cert).validToDate).toEqual(new X509Certificate(state.authority.cert).validToDate);
    expect(await rotateAt(state, almost)).toBe(state);
  });

  it('adds a host that is missing, and keeps those that another replica wants', async () => {
    const state = await rotateAt(undefined, 0, ['a.example', 'b.example', '::1']);
    const both = await rotateAt(state, HOUR, ['a.example', 'c.example']);
    expect(new X509Certificate(both.serving.cert).subjectAltName).toBe(
      'DNS:a.example, DNS:b.example, IP Address:0:0:0:0:0:0:0:1, DNS:c.example',
    );
    expect(await rotateAt(both, HOUR, ['a.example', 'b.example', '::1'])).toBe(both);
  });

  it('does not trust a serving certificate of another authority, or one whose key is another', async () => {
    const [state, other] = [await rotateAt(undefined, 0), await rotateAt(undefined, 0)];
    const foreign = { ...state, serving: await issueServing(await issueAuthority(at(0)), HOSTS, at(0)) };
    const mixed = { ...state, serving: { cert: state.serving.cert, key: other.serving.key } };
    const broken = { ...state, authority: { cert: state.authority.cert, key: 'nothing' } };
    const steps = [foreign, mixed, broken, undefined].map((candidate) => rotationStep(candidate, HOSTS, at(0)).type);
    expect(steps).toEqual(['RenewServing', 'RenewServing', 'Begin', 'Begin']);
  });
});
