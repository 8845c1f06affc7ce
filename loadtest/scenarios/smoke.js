// Smoke: honest traffic over every hop at a steady, modest rate. Any failed check fails the run.
import { each, constant, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({
  scenarios: each(constant()),
  thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'], dropped_iterations: ['count==0'] },
}, common);
