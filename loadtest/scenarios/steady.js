// Steady: what the platform is meant to bear for as long as it has to, and how long requests take then.
import { each, constant, good, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({ scenarios: each(constant()), thresholds: good(1000) }, common);
