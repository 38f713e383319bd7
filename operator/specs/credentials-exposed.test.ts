import { describe, expect, it } from 'vitest';
import { credentialsExposed, type ExposureQuestion, exposureSubjects, type SecretVerb } from './credentials-exposed.ts';

const SUBJECTS = exposureSubjects('agents', ['reader', 'default']);
const PLACE = { namespace: 'agents', secret: 'pg-airlock-data.shop' };

const may = (shown: string, verb: SecretVerb): ExposureQuestion => {
  const subject = SUBJECTS.find((candidate) => candidate.shown === shown);
  if (subject === undefined) throw new Error(shown);
  return { subject, place: PLACE, verb };
};

describe('exposureSubjects()', () => {
  it('are the groups of everybody and of pods, and the service accounts of agents', () => {
    expect(SUBJECTS.map(({ shown }) => shown)).toEqual([
      'group system:unauthenticated',
      'group system:authenticated',
      'group system:serviceaccounts',
      'group system:serviceaccounts:agents',
      'service account agents/default',
      'service account agents/reader',
    ]);
    expect(SUBJECTS.at(-1)).toEqual({
      shown: 'service account agents/reader',
      user: 'system:serviceaccount:agents:reader',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:agents', 'system:authenticated'],
    });
  });
});

describe('credentialsExposed()', () => {
  const say = (...allowed: readonly ExposureQuestion[]) => credentialsExposed({ places: [PLACE], allowed, failure: undefined });

  it('says whom it did not ask about', () => {
    expect(say()).toEqual({
      type: 'CredentialsExposed',
      status: 'False',
      reason: 'NotExposed',
      message:
        'Neither everybody nor the service accounts of agents may read Secret "agents/pg-airlock-data.shop". Administrators, and others with rights of their own, were not asked about.',
    });
  });

  it('names who may read which Secret, and how', () => {
    expect(say(may('service account agents/reader', 'get'), may('service account agents/reader', 'list'))).toEqual({
      type: 'CredentialsExposed',
      status: 'True',
      reason: 'ReadableByOthers',
      message:
        'service account agents/reader may get, list Secret "agents/pg-airlock-data.shop". Take "secrets" out of the Roles and ClusterRoles that they are bound to, or bind these to others.',
    });
  });

  it('tells a right of a group once, and not for each of its members', () => {
    const everybody = say(...SUBJECTS.slice(1).map(({ shown }) => may(shown, 'get')));
    expect(everybody.message).toMatch(/^group system:authenticated may get Secret "agents\/pg-airlock-data.shop"\. Take/);
    const namespace = say(...SUBJECTS.slice(3).map(({ shown }) => may(shown, 'list')), may('service account agents/reader', 'get'));
    expect(namespace.message).toMatch(
      /^group system:serviceaccounts:agents may list Secret "[^"]*"; service account agents\/reader may get Secret/,
    );
  });

  it('does not know what nobody could say', () => {
    expect(credentialsExposed({ places: [PLACE], allowed: [], failure: 'The operator may not ask.' })).toEqual({
      type: 'CredentialsExposed',
      status: 'Unknown',
      reason: 'NotAsked',
      message: 'The operator may not ask.',
    });
  });
});
