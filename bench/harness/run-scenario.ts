import type { Bench } from './bench.js';
import { Lab } from './lab/lab.js';
import { isNoisy, watchNoise } from './measure/noise.js';
import { percentText } from './report/number-text.js';
import type { ScenarioResult, SideRun } from './results.js';
import type { Scenario } from './scenario.js';

/** All runs of a scenario; the sides take turns, so that whatever changes on the machine meets all of them. */
export async function runScenario(bench: Bench, scenario: Scenario): Promise<ScenarioResult> {
  const { sides, baseline } = scenario.sides(bench);
  const runs: SideRun[] = [];
  for (let run = 1; run <= bench.options.runs; run++) {
    for (const side of sides) {
      const told: Bench = {
        ...bench,
        progress: (text) => bench.progress(`${scenario.name} ${run}/${bench.options.runs} ${side.label}: ${text}`),
      };
      told.progress('starts');
      const lab = new Lab(bench.folder, bench.signal);
      try {
        const endWatch = watchNoise();
        const measurement = await scenario.measure(told, lab, side);
        const noise = endWatch();
        if (isNoisy(noise)) {
          told.progress(
            `NOISY: others had ${percentText(noise.foreign)} of the machine's CPU time, steal ${percentText(noise.steal)}`,
          );
        }
        runs.push({ run, side: side.id, ...measurement, noise });
      } finally {
        await lab.close();
      }
    }
  }
  const { name, title } = scenario;
  const specs = scenario.figures(bench);
  return { name, title, sides: sides.map(({ id, label }) => ({ id, label })), baseline, specs, runs };
}
