// What an attack is given: see loadtest/attacks/README.md.
import mesh from 'k6/x/mesh';

// given is written by the lab for this one attack: what its vantage point really has, and nothing else.
const given = JSON.parse(open(__ENV.GIVEN));

export const options = {
  scenarios: { attack: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '70s' } },
  systemTags: [], summaryTrendStats: [], throw: true,
};

// play runs the phases that the lab asks for. Whatever happens, each ends in one report.
export function play(script) {
  for (const phase of given.phases) {
    if (!script[phase]) continue;
    const lab = open_lab(phase);
    try {
      script[phase](lab);
      if (!lab.reported && phase !== 'revert') lab.report({ outcome: 'error', detail: 'it reported nothing' });
    } catch (e) {
      lab.reported = false;
      lab.report({ outcome: 'error', detail: `${e}` });
    }
  }
}

function open_lab(phase) {
  const seen = { request_ids: [], peers: [] };
  const began = Date.now();
  const lab = Object.assign({}, given, { phase, mesh, reported: false, from: phase === 'attack' ? given.from || '' : '' });

  // note keeps what a response is found by in the logs.
  lab.note = (res) => {
    const id = res.headers && res.headers['x-request-id'];
    if (id) seen.request_ids.push(id);
    if (res.local) seen.peers.push(res.local);
    return res;
  };

  // request makes a request at the edge: {method, path, token, headers, body} and all of mesh.http's options. An object
  // as body is sent as JSON.
  lab.request = (r) => {
    const { token, body, headers, ...rest } = r;
    const all = [];
    if (token) all.push(['Authorization', `Bearer ${token}`]);
    let bytes = body;
    if (body !== undefined && typeof body === 'object' && !(body instanceof ArrayBuffer)) {
      bytes = JSON.stringify(body);
      if (!(headers || []).some(([name]) => name.toLowerCase() === 'content-type')) all.push(['Content-Type', 'application/json']);
    }
    const out = Object.assign({ address: lab.edge.address, from: lab.from, tls: { ca: lab.ca, serverName: lab.edge.name } }, rest, { headers: all.concat(headers || []) });
    if (bytes !== undefined) out.body = bytes;
    return out;
  };

  // http sends one and notes it. The response has json(), null for what isn't JSON.
  lab.http = (r) => parsed(lab.note(mesh.http(lab.request(r))));

  // race sends requests at the same time.
  lab.race = (list) => mesh.race(list.map(lab.request)).map((res) => parsed(lab.note(res)));

  // report says what came of the phase, once. What was noted since the phase began is added to it.
  lab.report = (r) => {
    if (lab.reported) throw new Error('report was called twice');
    lab.reported = true;
    mesh.report(JSON.stringify({
      phase, outcome: r.outcome, detail: r.detail || '', errno: r.errno || '', pid: mesh.pid(), began_ms: began, ended_ms: Date.now(),
      request_ids: seen.request_ids.concat(r.request_ids || []), peers: seen.peers.concat(r.peers || []), marks: r.marks || [], canaries: r.canaries || [],
      each: (r.each || []).map((res) => ({ request_id: (res.headers || {})['x-request-id'] || '', peer: res.local || '' })),
    }));
  };

  // gained, refused: report by a condition. detail says what was seen.
  lab.judge = (gained, detail, more) => lab.report(Object.assign({ outcome: gained ? 'gained' : 'refused', detail }, more || {}));
  return lab;
}

// parsed is a response with json(), null for what isn't JSON.
export function parsed(res) {
  return Object.assign({}, res, { json: () => { try { return JSON.parse(res.body); } catch (e) { return null; } } });
}

export function claims(token) { return JSON.parse(decode(token.split('.')[1])); }
export function header(token) { return JSON.parse(decode(token.split('.')[0])); }

import encoding from 'k6/encoding';
function decode(text) { return encoding.b64decode(text, 'rawurl', 's'); }
