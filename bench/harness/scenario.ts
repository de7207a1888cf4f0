import type { Bench } from './bench.js';
import type { Lab } from './lab/lab.js';
import type { ScenarioName } from './options.js';
import { otherSide } from './other-side.js';
import { ourSide } from './our-side.js';
import type { FigureSpec, Measurement } from './results.js';
import type { Side } from './side.js';

export interface Scenario {
  readonly name: ScenarioName;
  readonly title: string;
  /** The servers, in the order in which they take turns, and which one ratios are against. */
  sides(bench: Bench): { readonly sides: readonly Side[]; readonly baseline: string | null };
  figures(bench: Bench): readonly FigureSpec[];
  /** One run for one side. The lab is empty before, and emptied after. */
  measure(bench: Bench, lab: Lab, side: Side): Promise<Measurement>;
}

/** The other server and ours. */
export function usualSides({ options }: Bench): { sides: readonly Side[]; baseline: string | null } {
  const other = otherSide(options.against);
  return { sides: other === null ? [ourSide()] : [other, ourSide()], baseline: other?.id ?? null };
}

/** A measurement with figures alone. */
export const figuresOnly = (figures: Readonly<Record<string, number>>): Measurement => ({
  figures,
  latencies: {},
  remarks: [],
});
