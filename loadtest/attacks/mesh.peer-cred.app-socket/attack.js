// SO_PEERCRED, unix(7): the socket's mode keeps others out, but not root. A process of another user writes the PROXY header
// that only the sidecar may write, and is inference.
import { alive } from '../lib/mesh.js';

export function benign(lab) { alive(lab); }

export function attack(lab) {
  const tlv = (service) => lab.mesh.proxyV2({ source: '127.0.0.1:4711', destination: '127.0.0.1:1', tlvs: [{ type: 0xe0, value: `spiffe://any.consul/ns/default/dc/dc1/svc/${service}` }] });
  const res = lab.note(lab.mesh.http({ address: `unix:${lab.folders.modelstore}/app.sock`, prefix: tlv('inference'), path: '/v1/models/langid', headers: [['Host', 'modelstore']] }));
  lab.judge(res.status === 200, `status ${res.status} ${res.errno}`);
}
