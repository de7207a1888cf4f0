import type { CrowdSource } from './crowd.js';
import { stockCrowd } from './stock-crowd.js';

export function chooseCrowd(): CrowdSource {
  return stockCrowd;
}
