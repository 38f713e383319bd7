/**
 * What Kubernetes' own admission put into our container, and would refuse the pod without.
 */
import { type Json, objectOf, textOf } from './pod.ts';

/** What a LimitRange gives a container that does not say it itself. */
const LIMITED = ['cpu', 'memory', 'ephemeral-storage'] as const;

const filled = (given: unknown, rendered: unknown): Json => {
  const from = objectOf(given);
  const extra = LIMITED.filter((name) => ['string', 'number'].includes(typeof from[name])).map((name) => [name, from[name]] as const);
  return { ...Object.fromEntries(extra), ...objectOf(rendered) };
};

/**
 * The container as rendered, plus from the one that is there: amounts of resources that we do not set (LimitRanger), and that its image is
 * always pulled (AlwaysPullImages). Both may be forged, and then harm only the pod itself.
 * INVARIANT: nothing else is taken over from a container that says it is ours.
 */
export const keepAdmitted = <Container extends Json>(rendered: Container, existing: unknown): Container => {
  const there = objectOf(existing);
  const given = objectOf(there['resources']);
  const own = objectOf(rendered['resources']);
  const resources = Object.fromEntries(
    ['limits', 'requests'].flatMap((kind) => {
      const amounts = filled(given[kind], own[kind]);
      return Object.keys(amounts).length === 0 ? [] : [[kind, amounts]];
    }),
  );
  const imagePullPolicy = textOf(there['imagePullPolicy']) === 'Always' ? 'Always' : rendered['imagePullPolicy'];
  return { ...rendered, resources, imagePullPolicy };
};
