// Spike: four times as much from one second to the next, for a fifth of the time. Before and after, all is as ever.
import { each, changing, rate, seconds, good, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({
  scenarios: each(changing(rate / 4, [[rate / 4, seconds * 0.4 - 1], [rate, 1], [rate, seconds * 0.2], [rate / 4, 1], [rate / 4, seconds * 0.4 - 1]])),
  thresholds: good(2000),
}, common);
