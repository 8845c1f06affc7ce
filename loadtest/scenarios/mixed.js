// Mixed: honest traffic, and as much hostile beside it. What the hostile gets is a refusal; what the honest feels of it is the
// result.
import http from 'k6/http';
import { check } from 'k6';
import { each, constant, rate, duration, common } from './lib/arrivals.js';
import { target, bearer, json } from './lib/platform.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

export const options = Object.assign({
  scenarios: Object.assign(each(constant(rate / 2)), {
    hostile: { executor: 'constant-arrival-rate', exec: 'hostile', rate: Math.ceil(rate / 2), timeUnit: '1s', duration, preAllocatedVUs: 20, maxVUs: 100, tags: { side: 'hostile' } },
  }),
  thresholds: {
    checks: ['rate>0.999'], dropped_iterations: ['count==0'],
    'http_req_failed{side:honest}': ['rate<0.001'], 'http_req_duration{side:honest}': ['p(99)<1000'],
    'http_req_duration{side:hostile}': ['p(99)<1000'],
  },
}, common);

for (const [name, scenario] of Object.entries(options.scenarios)) if (name !== 'hostile') scenario.tags = { side: 'honest' };

const refused = http.expectedStatuses({ min: 400, max: 499 });
const forged = ['eyJhbGciOiJub25lIn0', 'eyJpc3MiOiJib2IifQ', ''].join('.');
const big = 'x'.repeat(2 << 20);

// hostile tries what the edge has to refuse, in turn.
const tries = [
  () => http.get(`${target.gateway}/v1/account`, params({ Authorization: `Bearer ${forged}` })),
  () => http.get(`${target.gateway}/internal/debug`, params(bearer('alice'))),
  () => http.post(`${target.gateway}/v1/transfers`, JSON.stringify({ to: 'alice', amount: 1 }), params(bearer('alice'))),
  () => http.get(`${target.gateway}/v1/documents/01900000-0000-7000-8000-000000000000`, params(bearer('bob'))),
  () => http.post(`${target.gateway}/v1/documents`, JSON.stringify({ title: 'x', text: 'y', owner: 'bob' }), params(bearer('alice'))),
];

function params(headers) { return Object.assign(json(headers, 'hostile'), { responseCallback: refused }); }

export function hostile() {
  const again = __ITER % (tries.length * 10) === 0; // a large body now and then: sending it costs the generator most
  const res = again ? http.post(`${target.gateway}/v1/documents`, big, params(bearer('alice'))) : tries[__ITER % tries.length]();
  check(res, { 'hostile refused': (r) => r.status >= 400 && r.status < 500 });
}
