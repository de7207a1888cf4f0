import { type FigureSpec, type ScenarioResult, valuesOf } from '../results.js';
import { median } from '../statistics.js';

/** A figure of the table: one cell for each side, in the result's order. */
export interface Row {
  readonly spec: FigureSpec;
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly side: string;
  /** Of each run. */
  readonly values: readonly number[];
  /** NaN when no run has the figure. */
  readonly median: number;
  /** Median against that of the baseline; null where there is no sense in it. */
  readonly ratio: number | null;
}

export function rowsOf(result: ScenarioResult): Row[] {
  return result.specs.map((spec) => {
    const base = result.baseline === null ? Number.NaN : median(valuesOf(result, result.baseline, spec.key));
    const cells = result.sides.map(({ id }): Cell => {
      const values = valuesOf(result, id, spec.key);
      const middle = median(values);
      const ratio = id === result.baseline || !(base > 0) || !Number.isFinite(middle) ? null : middle / base;
      return { side: id, values, median: middle, ratio };
    });
    return { spec, cells };
  });
}

/** What a reader has to know about the scenario's figures, each remark once. */
export const remarksOf = (result: ScenarioResult): string[] => [...new Set(result.runs.flatMap((run) => run.remarks))];
