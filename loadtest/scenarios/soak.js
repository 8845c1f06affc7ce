// Soak: a modest rate for long, to find what leaks: leases are renewed and certificates rotated meanwhile.
import { each, constant, good, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({ scenarios: each(constant()), thresholds: good(1000) }, common);
