/**
 * Asks the API server who may read Secrets, and remembers for a while what it said.
 */
import type { Clock } from '../../kernel/clock.ts';
import { type Kube, KubeFailure } from '../kube/kube.ts';
import {
  type ExposedPlace,
  type ExposureAnswers,
  type ExposureQuestion,
  exposureSubjects,
  SECRET_VERBS,
} from '../specs/credentials-exposed.ts';

/** `accounts`: names of the service accounts of agents' pods in a namespace. */
export type ReviewExposure = (
  places: readonly ExposedPlace[],
  accounts: (namespace: string) => readonly string[],
) => Promise<ExposureAnswers>;

const PATH = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const MOST_REMEMBERED = 50_000;
/** Namespaces with a copy of one connection's credentials that are asked about. */
const MOST_PLACES = 50;

type Answer = { readonly at: number; readonly allowed: boolean };

/** Questions about list and watch are the same for all Secrets of a namespace, and asked once. */
const questionKey = ({ subject, place, verb }: ExposureQuestion): string =>
  JSON.stringify([subject.user, subject.groups, place.namespace, verb === 'get' ? place.secret : '', verb]);

/** Makes the asker. What it was told it remembers for a while. */
export const createExposureReview = (kube: Kube, clock: Clock, rememberedMs: number): ReviewExposure => {
  const answers = new Map<string, Answer>();

  const ask = async (question: ExposureQuestion): Promise<boolean> => {
    const key = questionKey(question);
    const known = answers.get(key);
    if (known !== undefined && clock.monotonic() - known.at < rememberedMs) return known.allowed;
    const { subject, place, verb } = question;
    const review = await kube.request<{ readonly status?: { readonly allowed?: boolean } }>('POST', PATH, {
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          ...(subject.user === undefined ? {} : { user: subject.user }),
          groups: subject.groups,
          resourceAttributes: {
            namespace: place.namespace,
            verb,
            resource: 'secrets',
            ...(verb === 'get' ? { name: place.secret } : {}),
          },
        },
      },
    });
    const allowed = review.status?.allowed === true;
    if (answers.size >= MOST_REMEMBERED) answers.clear();
    answers.set(key, { at: clock.monotonic(), allowed });
    return allowed;
  };

  return async (all, accounts) => {
    const places = all.slice(0, MOST_PLACES);
    const questions = places.flatMap((place) =>
      exposureSubjects(place.namespace, accounts(place.namespace)).flatMap((subject) =>
        SECRET_VERBS.map((verb): ExposureQuestion => ({ subject, place, verb })),
      ),
    );
    const allowed: ExposureQuestion[] = [];
    try {
      for (const question of questions) if (await ask(question)) allowed.push(question);
    } catch (error) {
      if (!(error instanceof KubeFailure)) throw error;
      const failure =
        error.status === 403
          ? 'The operator may not create SubjectAccessReviews. Give its service account that right.'
          : 'The API server could not be asked who may read the Secrets; it is asked again.';
      return { places, allowed: [], failure };
    }
    return { places, allowed, failure: undefined };
  };
};
