// Lateral movement: a service that was taken over tries what another one offers, though topology.yaml lets nothing of its
// kind connect there. Each service has one thing that is worth having.
import { inside, call } from './inside.js';
import { transaction, random } from './forge.js';

const token = (lab, scope, entry) => ['Txn-Token', transaction(lab, lab.leaf.trust_domain, { sub: 'alice', scope, tctx: { entry } })];

const prizes = {
  gateway: (lab) => { const r = inside(lab, 'gateway', { path: '/v1/transaction-keys' }); return [r.status === 200 && r.json().keys.length > 0, r]; },
  ingestion: (lab) => { const r = inside(lab, 'ingestion', { path: '/v1/documents', headers: [token(lab, 'documents:read', 'GET /v1/documents')] }); return [r.status === 200 && Array.isArray(r.json().documents), r]; },
  payments: (lab) => { const r = inside(lab, 'payments', { path: '/v1/account', headers: [token(lab, 'account:read', 'GET /v1/account')] }); return [r.status === 200 && r.json().owner === 'alice', r]; },
  notification: (lab) => { const r = inside(lab, 'notification', { path: '/v1/inbox', headers: [token(lab, 'inbox:read', 'GET /v1/inbox')] }); return [r.status === 200 && Array.isArray(r.json().messages), r]; },
  modelstore: (lab) => {
    const manifest = inside(lab, 'modelstore', { path: '/v1/models/langid' });
    if (manifest.status !== 200) return [false, manifest];
    const weights = inside(lab, 'modelstore', { path: `/v1/blobs/${manifest.json().digest}` });
    return [weights.status === 200 && weights.body.length > 1000, weights];
  },
  inference: (lab) => {
    const id = `lateral-${random(8)}`;
    const [name, value] = token(lab, 'documents:write', 'POST /v1/documents');
    const r = call(lab, 'inference', '/redoubt.inference.v1.InferenceService/Classify', [[1, 'Good morning to all of you.']],
      { headers: [[name.toLowerCase(), value], ['x-request-id', id]] });
    const errno = r.errno || (r.code === 'DEADLINE_EXCEEDED' && !r.local ? 'TIMEOUT' : '');
    return [r.code === 'OK', Object.assign({}, r, { status: r.code, errno, id })];
  },
};

// reach goes for what a service has.
export function reach(lab, service) {
  const [gained, res] = prizes[service](lab);
  lab.judge(gained, `status ${res.status} ${res.errno || ''}`.trim(), { errno: res.errno, request_ids: res.id ? [res.id] : [] });
}

// honest is what the same identity may do: ask the gateway for its public keys, inference also for the model; gateway and
// modelstore, which may call nobody without a principal, show Vault who they are.
export function honest(lab) {
  if (lab.service === 'modelstore' || lab.service === 'gateway') {
    const jwt = lab.mesh.read(`${lab.folders[lab.service]}/vault.jwt`).text;
    const res = lab.mesh.http({ method: 'POST', address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' }, path: '/v1/auth/jwt/login', body: JSON.stringify({ role: lab.service, jwt }) });
    lab.judge(res.status === 200, `Vault: status ${res.status}`);
    return;
  }
  reach(lab, 'gateway');
}
