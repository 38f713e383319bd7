import type { DetectorKind } from '../../kernel/policy.ts';
import type { GrantedDetector } from '../policy/grants.ts';
import { TextScanner } from './text-scanner.ts';
import { ValueInspector } from './value-inspector.ts';

/** What an agent's sessions look for, made ready once for all of them. */
export type Detectors = {
  readonly inspector: ValueInspector;
  readonly inForce: ReadonlyMap<DetectorKind, GrantedDetector>;
  /** Some find ends the statement. */
  readonly blocks: boolean;
};

/** Undefined: nothing is looked for. */
export const detectorsOf = (detectors: readonly GrantedDetector[]): Detectors | undefined => {
  if (detectors.length === 0) return undefined;
  const inForce = new Map(detectors.map((detector) => [detector.kind, detector]));
  return {
    inspector: new ValueInspector(new TextScanner(new Set(inForce.keys()))),
    inForce,
    blocks: detectors.some(({ action }) => action === 'Block'),
  };
};

/** The detectors of an agent, made again where its policies have changed. */
export class KeptDetectors {
  #granted: readonly GrantedDetector[] = [];
  #made: Detectors | undefined;

  of(granted: readonly GrantedDetector[]): Detectors | undefined {
    if (granted !== this.#granted) {
      this.#granted = granted;
      this.#made = detectorsOf(granted);
    }
    return this.#made;
  }
}
