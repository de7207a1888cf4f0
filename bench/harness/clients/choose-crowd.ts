import type { BenchOptions } from '../options.js';
import type { CrowdSource } from './crowd.js';
import { loadCrowd } from './load-crowd.js';
import { stockCrowd } from './stock-crowd.js';

/** Simulated clients, unless stock ones were asked for. */
export const chooseCrowd = ({ client }: BenchOptions): CrowdSource => (client === 'openvpn' ? stockCrowd : loadCrowd);
