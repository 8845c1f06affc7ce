// Open model: requests arrive at their rate whether or not those before were answered, so a slow platform gets no fewer. An
// iteration that the generator can't start in time is dropped, and fails the run: its figures would measure the generator.

export const rate = Number(__ENV.RATE || 20); // iterations a second, of all kinds together
export const duration = __ENV.DURATION || '20s';

// mix is how honest traffic is made up.
const mix = { writeAndRead: 0.5, infer: 0.2, account: 0.2, webhook: 0.1 };

// each gives every kind of honest traffic its share of what executor makes of a rate.
export function each(executor, share = 1) {
  return Object.fromEntries(Object.entries(mix).map(([exec, part]) => [exec, Object.assign({ exec }, executor((r) => Math.max(1, Math.ceil(r * part * share))))]));
}

// workers are made before the first arrival: to make one takes the generator's time when it has none.
const workers = { preAllocatedVUs: 100, maxVUs: 300, gracefulStop: '10s' };

// constant arrivals: so many a second, for the whole duration.
export function constant(perSecond = rate) {
  return (part) => Object.assign({ executor: 'constant-arrival-rate', rate: part(perSecond), timeUnit: '1s', duration }, workers);
}

// changing arrivals: [[rate, seconds], ...], each reached in so many seconds.
export function changing(start, stages) {
  return (part) => Object.assign({
    executor: 'ramping-arrival-rate', startRate: part(start), timeUnit: '1s', stages: stages.map(([r, seconds]) => ({ target: part(r), duration: `${seconds}s` })),
  }, workers);
}

// seconds is the duration as a number: "90s", "2m", "1m30s".
export const seconds = [...duration.matchAll(/(\d+(?:\.\d+)?)(h|m|s)/g)].reduce((sum, [, n, unit]) => sum + n * { h: 3600, m: 60, s: 1 }[unit], 0);

// good is what honest traffic must be in any scenario that the platform is expected to bear.
export function good(p99) {
  return {
    checks: ['rate>0.999'], http_req_failed: ['rate<0.001'], dropped_iterations: ['count==0'],
    ...(p99 ? { http_req_duration: [`p(99)<${p99}`] } : {}),
  };
}

export const common = { summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max', 'count'], setupTimeout: '20s' };
