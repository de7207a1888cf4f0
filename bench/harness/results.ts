import type { Noise } from './measure/noise.js';

/** One figure of a scenario; all of its values are in `unit`. */
export interface FigureSpec {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** Title of the plot that it belongs to; none for a figure that is only in the table. */
  readonly chart: string | null;
}

/** What one run of a scenario gave for one side; a figure that could not be had is absent. */
export interface Measurement {
  readonly figures: Readonly<Record<string, number>>;
  /** Round trips in microseconds by phase. */
  readonly latencies: Readonly<Record<string, readonly number[]>>;
  /** What a reader has to know about the figures. */
  readonly remarks: readonly string[];
}

export interface SideRun extends Measurement {
  readonly run: number;
  readonly side: string;
  readonly noise: Noise;
}

export interface SideName {
  readonly id: string;
  readonly label: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly sides: readonly SideName[];
  /** The side that ratios are against; null when there is none. */
  readonly baseline: string | null;
  readonly specs: readonly FigureSpec[];
  readonly runs: readonly SideRun[];
}

export interface BenchResult {
  readonly version: 1;
  readonly startedAt: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  readonly scenarios: readonly ScenarioResult[];
}

/** The values of a figure on one side, one of each run that has it. */
export function valuesOf(result: ScenarioResult, side: string, key: string): number[] {
  return result.runs
    .filter((run) => run.side === side)
    .map((run) => run.figures[key])
    .filter((value) => value !== undefined);
}
