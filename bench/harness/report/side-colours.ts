import type { SideName } from '../results.js';

/** Class names of the style sheet: the other server is grey, ours take the colours in turn. */
export function colourClasses(sides: readonly SideName[]): ReadonlyMap<string, string> {
  let ours = 0;
  return new Map(sides.map(({ id }) => [id, id === 'other' ? 'other' : `ours${ours++ % 4}`]));
}
