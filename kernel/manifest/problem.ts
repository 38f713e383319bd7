/**
 * What is wrong with a manifest, said so that its author can put it right. Never holds a value of a Secret.
 */
import { type FieldPath, fieldText } from './field-path.ts';

export type Problem = {
  /** The file's path within the folder of manifests; an object's kind and name where it comes from no file. */
  readonly file: string;
  /** Which YAML document of the file, from 1; undefined where the file as a whole is meant. */
  readonly document: number | undefined;
  /** Line of the file, from 1. */
  readonly line: number | undefined;
  /** For example `spec.relations[2].select.masks[0].column`. */
  readonly field: string | undefined;
  /** One line in lower case, without a full stop. */
  readonly message: string;
  /** What to do about it, in sentences. */
  readonly remedy: string;
};

/** What is wrong, before it is known where in which file that stands. */
export type Fault = { readonly path: FieldPath; readonly message: string; readonly remedy: string };

/** The problem as one line: `policy.yaml:14: document 2, spec.mode: "Enfore" is not one of Enforce, Audit. Did you mean "Enforce"?` */
export const problemText = (problem: Problem): string => {
  const line = problem.line === undefined ? '' : `:${problem.line}`;
  const place = [
    problem.document === undefined ? [] : [`document ${problem.document}`],
    problem.field === undefined ? [] : [problem.field],
  ].flat();
  const text = [`${problem.file}${line}`, ...(place.length === 0 ? [] : [place.join(', ')]), problem.message].join(': ');
  return problem.remedy === '' ? text : `${text}. ${problem.remedy}`;
};

/** A problem of a whole file. */
export const fileProblem = (file: string, message: string, remedy: string): Problem => ({
  file,
  document: undefined,
  line: undefined,
  field: undefined,
  message,
  remedy,
});

/** A fault at the place of the document where it stands. */
export const problemAt = (
  document: { readonly file: string; readonly number: number | undefined; readonly lineOf: (path: FieldPath) => number | undefined },
  fault: Fault,
): Problem => ({
  file: document.file,
  document: document.number,
  line: document.lineOf(fault.path),
  field: fault.path.length === 0 ? undefined : fieldText(fault.path),
  message: fault.message,
  remedy: fault.remedy,
});
