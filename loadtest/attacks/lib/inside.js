// Calls into the mesh, past one's own sidecar: with a leaf, straight to the other side's port.
import { parsed } from './lab.js';

// as is how one says who one is: with the leaf, or in mode plaintext by just saying it, and telling the truth.
function as(lab, leaf) {
  const l = leaf || lab.leaf;
  if (lab.mode !== 'plaintext') return { tls: { cert: l.cert, key: l.key, insecure: true } }; // an intruder doesn't care whom he reaches
  return { prefix: claimed(lab, `spiffe://${l.trust_domain}/ns/default/dc/dc1/svc/${l.service}`) };
}

// claimed is a PROXY header with a SPIFFE ID in it, as a sidecar would hand it over.
export function claimed(lab, id) {
  return lab.mesh.proxyV2({ source: '127.0.0.1:4711', destination: '127.0.0.1:1', tlvs: [{ type: 0xe0, value: id }] });
}

// inside sends an HTTP request to a service. more: {leaf, address, tls}.
export function inside(lab, service, r, more) {
  const { leaf, ...rest } = more || {};
  const { body, headers, ...request } = r;
  const out = Object.assign({ address: lab.mesh_ports[service][0] }, as(lab, leaf), rest, request, { headers: [['Host', service]].concat(headers || []) });
  if (body !== undefined) {
    out.body = typeof body === 'object' && !(body instanceof ArrayBuffer) ? JSON.stringify(body) : body;
    if (!out.headers.some(([name]) => name.toLowerCase() === 'content-type')) out.headers.push(['Content-Type', 'application/json']);
  }
  return parsed(lab.note(lab.mesh.http(out)));
}

// call makes a gRPC call to a service. message: fields for mesh.protobuf.
export function call(lab, service, method, message, more) {
  const { leaf, ...rest } = more || {};
  return lab.note(lab.mesh.grpc(Object.assign({ address: lab.mesh_ports[service][0], method, message: lab.mesh.protobuf(message) }, as(lab, leaf), rest)));
}
