// Every route of every other service, from inside notification: with its own identity, and tokens that it writes itself.
import { inside, call } from '../lib/inside.js';
import { transaction, key } from '../lib/forge.js';

const targets = 'TARGETS';

// What a handler says to somebody who was let in: a result, or what is wrong with the request.
const admitted = [200, 201, 202, 204, 400, 404, 409, 411, 413, 415, 422, 428];
const admittedCodes = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'FAILED_PRECONDITION', 'ALREADY_EXISTS'];

export function attack(lab) {
  const kept = {}; // service -> why there was no connection: the network's doing, whichever the route
  const attempts = targets.map((t) => {
    if (kept[t.service]) return { service: t.service, route: t.route, usable: false, answer: kept[t.service] };
    const headers = [['Txn-Token', transaction(lab, lab.leaf.trust_domain, { sub: 'alice', scope: t.scope, tctx: { entry: t.entry } })]];
    if (!t.method) {
      const r = call(lab, t.service, t.path, [], Object.assign({ headers: headers.map(([n, v]) => [n.toLowerCase(), v]) }, { timeout: 3000 }));
      if (!r.local) kept[t.service] = `${r.errno || r.error}`;
      return { service: t.service, route: t.route, usable: admittedCodes.includes(r.code), answer: `${r.code || r.errno || r.error}` };
    }
    const request = { method: t.method, path: t.path, headers: headers.concat([key()]) };
    if (t.method !== 'GET' && t.method !== 'DELETE') request.body = {};
    const r = inside(lab, t.service, request, { timeout: 3000 });
    if (!r.local) kept[t.service] = `${r.errno || r.error}`;
    return { service: t.service, route: t.route, usable: admitted.includes(r.status), answer: `${r.status || r.errno || r.error}` };
  });
  lab.report({ outcome: 'gained', detail: JSON.stringify(attempts) });
}
