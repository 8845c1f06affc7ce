// Honest: an hour of honest use, sent in two minutes. Its clients come from many addresses, and make the mistakes that people make: an
// ID that is none, a form filled in wrongly, a button that isn't theirs. No alert may come of it (`--detect`).
import http from 'k6/http';
import { check } from 'k6';
import { each, constant, rate, duration, good, common } from './lib/arrivals.js';
import { target, bearer, json } from './lib/platform.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({
  scenarios: Object.assign(each(constant(rate)), {
    mistake: { executor: 'constant-arrival-rate', exec: 'mistake', rate: Math.ceil(rate * 2), timeUnit: '100s', duration, preAllocatedVUs: 50, maxVUs: 100 }, // two in a hundred
  }),
  thresholds: good(), // of time none: what it asks is whether an alert comes
}, common);

const refused = (name) => Object.assign(json(bearer('alice'), name), { responseCallback: http.expectedStatuses({ min: 400, max: 499 }) });

const mistakes = [
  () => http.get(`${target.gateway}/v1/documents/01900000-0000-7000-8000-000000000000`, refused('a document that is gone')),
  () => http.post(`${target.gateway}/v1/documents`, JSON.stringify({ title: 'No text' }), refused('a form without its text')),
  () => http.post(`${target.gateway}/v1/transfers`, JSON.stringify({ to: 'bob', amount: 1 }), refused('a button of the staff')),
  () => http.get(`${target.gateway}/v1/document`, refused('a path with a slip')),
  () => http.get(`${target.gateway}/v1/account`, { responseCallback: http.expectedStatuses(401), tags: { name: 'logged out' } }),
];

export function mistake() {
  const res = mistakes[__ITER % mistakes.length]();
  check(res, { 'mistake refused': (r) => r.status >= 400 && r.status < 500 });
}
