// Ramp: from a tenth of the rate up to all of it, and down again.
import { each, changing, rate, seconds, good, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({
  scenarios: each(changing(rate / 10, [[rate, seconds * 0.5], [rate, seconds * 0.25], [rate / 10, seconds * 0.25]])), thresholds: good(1000),
}, common);
