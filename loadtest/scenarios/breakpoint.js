// Breakpoint: more and more, until requests fail, are shed, or take too long: there the run ends, and the rate reached is the
// result. That a threshold is crossed is the point here, so only a run that never gets that far has nothing to say.
import { each, changing, rate, seconds, common } from './lib/arrivals.js';
export { setup, writeAndRead, infer, account, webhook } from './lib/honest.js';

const end = { abortOnFail: true, delayAbortEval: '5s' };

export const options = Object.assign({
  scenarios: each(changing(rate / 20, [[rate, seconds]])),
  thresholds: {
    http_req_failed: [Object.assign({ threshold: 'rate<0.05' }, end)],
    http_req_duration: [Object.assign({ threshold: 'p(90)<1500' }, end)],
    dropped_iterations: [Object.assign({ threshold: 'count<50' }, end)],
  },
}, common);
