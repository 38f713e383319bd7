/**
 * Where in a document a value stands: property names and list indexes from the top.
 */
export type FieldPath = readonly (string | number)[];

/** The path as Kubernetes writes it: `spec.relations[2].select`, with `["a.b"]` for a key that is no plain word. */
export const fieldText = (path: FieldPath): string =>
  path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
