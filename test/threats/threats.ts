/**
 * The threat table: what docs/threat-model.md lists and threats.test.ts tries.
 */
import { AGENT_THREATS } from './agent-threats.ts';
import { API_THREATS } from './api-threats.ts';
import { RESERVED_THREATS } from './reserved-threats.ts';
import { SIDECAR_THREATS } from './sidecar-threats.ts';
import type { Threat } from './threat.ts';

export const THREATS: readonly Threat[] = [...RESERVED_THREATS, ...SIDECAR_THREATS, ...AGENT_THREATS, ...API_THREATS];
