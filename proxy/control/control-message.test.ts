import { describe, expect, it } from 'vitest';
import { controlMessage } from './control-message.ts';

const bundle = {
  type: 'bundle',
  revision: 'r1',
  identity: { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' },
  staleAfter: 300,
  documents: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'agents' } }],
};

describe('controlMessage()', () => {
  it('reads each kind of message, and leaves out the fields that it does not know', () => {
    expect(controlMessage(JSON.stringify({ ...bundle, later: 1 }))).toEqual(bundle);
    expect(controlMessage('{"type":"ping","after":1,"at":1}')).toEqual({ type: 'ping', after: 1 });
    expect(controlMessage('{"type":"revoked","reason":"The pod is gone."}')).toEqual({ type: 'revoked', reason: 'The pod is gone.' });
    expect(controlMessage('{"type":"later"}')).toBeUndefined();
  });

  it.each([
    ['nothing', 'a line that is no JSON'],
    ['[]', 'a line that is no JSON object'],
    [JSON.stringify({ ...bundle, revision: 1 }), 'a bundle without revision or identity'],
    [JSON.stringify({ ...bundle, identity: { ...bundle.identity, uid: '' } }), 'a bundle without revision or identity'],
    [JSON.stringify({ ...bundle, staleAfter: -1 }), 'a bundle without staleAfter'],
    [JSON.stringify(bundle).replace('300', '1e999'), 'a bundle without staleAfter'],
    [JSON.stringify({ ...bundle, documents: [{ kind: 'Secret' }] }), 'a bundle whose documents are none'],
    [JSON.stringify({ ...bundle, documents: 'all' }), 'a bundle whose documents are none'],
  ])('refuses %s, and quotes nothing of it', (line, message) => {
    expect(() => controlMessage(line)).toThrow(new Error(message));
  });
});
