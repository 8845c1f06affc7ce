// Vault, as a service that was taken over reaches it.

export const vault = (lab, r) => lab.note(lab.mesh.http(Object.assign({ address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' } }, r)));

// login asks for a role's token with the service's own identity document for Vault, or with another one of its documents.
export const login = (lab, role, document) => vault(lab, { method: 'POST', path: '/v1/auth/jwt/login', body: JSON.stringify({ role, jwt: lab.mesh.read(`${lab.folders[lab.service]}/${document || 'vault.jwt'}`).text }) });

// as asks for something with what a login gave.
export const as = (lab, loggedIn, r) => vault(lab, Object.assign({ headers: [['X-Vault-Token', JSON.parse(loggedIn.body).auth.client_token]] }, r));

// leave gives back what a login gave, and the leases that were got with it.
export const leave = (lab, loggedIn) => as(lab, loggedIn, { method: 'POST', path: '/v1/auth/token/revoke-self' });

// own is the honest twin: the service's own role.
export function own(lab) {
  const res = login(lab, lab.service);
  lab.judge(res.status === 200, `status ${res.status}`);
}
