// What somebody without an identity can find out about the mesh.
import encoding from 'k6/encoding';

// domain is the mesh's, as each of its certificates says to whoever asks. In mode plaintext there is none to know.
export function domain(lab, service) {
  if (lab.mode === 'plaintext') return 'any.consul'; // nothing there has a certificate
  const { peerCert, error } = lab.mesh.dial({ address: lab.mesh_ports[service][0], tls: { insecure: true } });
  const der = encoding.b64decode((peerCert || '').replace(/-----[^-]+-----|\s/g, ''), 'std');
  const text = String.fromCharCode(...new Uint8Array(der));
  const found = /spiffe:\/\/([0-9a-z.-]+)\/ns/.exec(text);
  if (!found) throw new Error(`no SPIFFE ID in the server's certificate: ${error}`);
  return found[1];
}

// weights asks modelstore for what inference alone may have, in a certificate's name.
export function weights(lab, tls, more) {
  const res = lab.note(lab.mesh.http(Object.assign({ address: lab.mesh_ports.modelstore[0], path: '/v1/models/langid', headers: [['Host', 'modelstore']], tls }, more)));
  return { gained: res.status === 200 && res.body.includes('"digest"'), status: res.status, errno: res.errno };
}

// alive is the honest twin of somebody who has nothing: the platform answers that it is ready.
export function alive(lab) {
  const res = lab.http({ path: '/readyz' });
  lab.judge(res.status === 204, `status ${res.status}`);
}
