// Calls into the mesh, past one's own sidecar: with a leaf, straight to the other side's port.
import { parsed } from './lab.js';

export function secure(lab, leaf) {
  const l = leaf || lab.leaf;
  return { cert: l.cert, key: l.key, insecure: true }; // an intruder doesn't care whom he reaches
}

// inside sends an HTTP request to a service. more: {leaf, address, tls}.
export function inside(lab, service, r, more) {
  const { leaf, ...rest } = more || {};
  const { body, headers, ...request } = r;
  const out = Object.assign({ address: lab.mesh_ports[service][0], tls: secure(lab, leaf) }, rest, request, { headers: [['Host', service]].concat(headers || []) });
  if (body !== undefined) {
    out.body = typeof body === 'object' && !(body instanceof ArrayBuffer) ? JSON.stringify(body) : body;
    if (!out.headers.some(([name]) => name.toLowerCase() === 'content-type')) out.headers.push(['Content-Type', 'application/json']);
  }
  return parsed(lab.note(lab.mesh.http(out)));
}

// call makes a gRPC call to a service. message: fields for mesh.protobuf.
export function call(lab, service, method, message, more) {
  const { leaf, ...rest } = more || {};
  return lab.note(lab.mesh.grpc(Object.assign({ address: lab.mesh_ports[service][0], tls: secure(lab, leaf), method, message: lab.mesh.protobuf(message) }, rest)));
}
