import { describe, expect, it } from 'vitest';
import type { PolicyCounts, SidecarReport } from '../../kernel/control.ts';
import type { SentBundle } from './sidecar-stream.ts';
import { TallyBook } from './tally-book.ts';

const report = (policies: Record<string, PolicyCounts>, revision: string | null = 'r1'): SidecarReport => ({
  revision,
  ready: true,
  sessions: 0,
  policies,
});
const sent = (generation: number, revision = 'r1'): SentBundle => ({
  revision,
  policies: new Map([['agents/reading', generation]]),
});
const pod = (uid: string, namespace = 'agents') => ({ uid, namespace });

const book = () => {
  const time = { now: 0 };
  const gone = new Set(['agents/none']);
  const kept = new TallyBook(
    () => time.now,
    (policy) => !gone.has(policy),
  );
  const tally = (streams: Parameters<TallyBook['tally']>[0] = []) =>
    kept.tally(streams, (policy) => (policy === 'agents/reading' ? 2 : undefined)).get('agents/reading');
  return { kept, time, tally, gone };
};

describe('TallyBook', () => {
  it('counts a pod once it confirms what it was sent, and has the newest generation', () => {
    const { kept, tally } = book();
    const streams = [
      { uid: 'u1', sent: sent(2) },
      { uid: 'u1', sent: sent(2) },
      { uid: 'u2', sent: sent(2, 'r2') },
      { uid: 'u3', sent: sent(1) },
      { uid: 'u4', sent: undefined },
    ];
    for (const uid of ['u1', 'u2', 'u3', 'u4']) kept.report(pod(uid), report({}));
    expect(tally(streams)).toEqual({ generation: 2, pods: 1, blocked: 0, masked: 0 });
  });

  it('sums up what pods did, and keeps it when they end', () => {
    const { kept, tally } = book();
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 1, masked: 2 } }));
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 3, masked: 4 } }));
    kept.report(pod('u2'), report({ 'agents/reading': { blocked: 10, masked: 20 } }));
    expect(tally()).toEqual({ generation: 2, pods: 0, blocked: 13, masked: 24 });
    kept.ended('u1');
    kept.ended('u1');
    expect(tally()).toEqual({ generation: 2, pods: 0, blocked: 13, masked: 24 });
  });

  it('keeps what a sidecar did before it was started anew', () => {
    const { kept, tally } = book();
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 5, masked: 5 } }));
    kept.report(pod('u1'), report({}));
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 1, masked: 0 } }));
    expect(tally()).toMatchObject({ blocked: 6, masked: 5 });
  });

  it('counts nothing twice when a policy goes that a sidecar has counted for', () => {
    const { kept, tally, gone } = book();
    const counts = { 'agents/reading': { blocked: 5, masked: 5 }, 'agents/other': { blocked: 1, masked: 0 } };
    kept.report(pod('u1'), report(counts));
    gone.add('agents/other');
    kept.report(pod('u1'), report(counts));
    expect(tally()).toMatchObject({ blocked: 5, masked: 5 });
  });

  it('counts a pod that ends soon after it was sent away only where it went', () => {
    const { kept, tally } = book();
    const counts = report({ 'agents/reading': { blocked: 5, masked: 5 } });
    for (const uid of ['elsewhere', 'back', 'reported']) {
      kept.report(pod(uid), counts);
      kept.sentAway(uid);
      kept.closed(uid);
    }
    kept.opened('back');
    kept.report(pod('reported'), counts);
    for (const uid of ['elsewhere', 'back', 'reported']) kept.ended(uid);
    expect(tally()).toMatchObject({ blocked: 10, masked: 10 });
  });

  it('keeps a sidecar that is back here without news', () => {
    const { kept, time, tally } = book();
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 5, masked: 5 } }));
    kept.closed('u1');
    kept.opened('u1');
    time.now = 61_000;
    expect(tally()).toMatchObject({ blocked: 5 });
  });

  it('leaves a sidecar to another replica when it has had no stream here for a while', () => {
    const { kept, time, tally } = book();
    kept.report(pod('u1'), report({ 'agents/reading': { blocked: 5, masked: 5 } }));
    kept.closed('u1');
    time.now = 59_000;
    expect(tally()).toMatchObject({ blocked: 5 });
    time.now = 61_000;
    expect(tally()).toBeUndefined();
    kept.ended('u1');
    expect(tally()).toBeUndefined();
  });

  it('takes nobody at their word about policies of another namespace, or policies that there are none of', () => {
    const { kept, tally } = book();
    kept.report(pod('u1', 'evil'), report({ 'agents/reading': { blocked: 5, masked: 5 } }));
    kept.report(pod('u2'), report({ 'agents/none': { blocked: 5, masked: 5 } }));
    expect(tally()).toBeUndefined();
  });
});
