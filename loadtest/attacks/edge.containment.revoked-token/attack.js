// OWASP API2:2023: the token is bob's, good, and revoked by `lab respond`. Another of bob's own works on.
export function benign(lab) {
  const res = lab.http({ path: '/v1/account', token: lab.tokens.bob });
  lab.judge(res.status === 200 && res.json().owner === 'bob', `status ${res.status}`);
}

export function attack(lab) {
  const token = lab.contained.access_token;
  const seen = [{ token }, { headers: [['Authorization', `bearer  ${token}`]] }].map((how) => lab.http({ path: '/v1/account', ...how }));
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
